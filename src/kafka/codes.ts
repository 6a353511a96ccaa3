/** The error codes of Kafka's protocol that this program tells apart. */

export const Code = {
  UNKNOWN_SERVER_ERROR: -1,
  NONE: 0,
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  REQUEST_TIMED_OUT: 7,
  BROKER_NOT_AVAILABLE: 8,
  REPLICA_NOT_AVAILABLE: 9,
  OFFSET_METADATA_TOO_LARGE: 12,
  NETWORK_EXCEPTION: 13,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  INVALID_TOPIC_EXCEPTION: 17,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  ILLEGAL_GENERATION: 22,
  INCONSISTENT_GROUP_PROTOCOL: 23,
  INVALID_GROUP_ID: 24,
  UNKNOWN_MEMBER_ID: 25,
  INVALID_SESSION_TIMEOUT: 26,
  REBALANCE_IN_PROGRESS: 27,
  INVALID_COMMIT_OFFSET_SIZE: 28,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  UNSUPPORTED_VERSION: 35,
  KAFKA_STORAGE_ERROR: 56,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  UNSUPPORTED_COMPRESSION_TYPE: 76,
  OFFSET_NOT_AVAILABLE: 78,
  MEMBER_ID_REQUIRED: 79,
  GROUP_MAX_SIZE_REACHED: 81,
  FENCED_INSTANCE_ID: 82,
  UNSTABLE_OFFSET_COMMIT: 88,
  UNKNOWN_TOPIC_ID: 100,
} as const;

const NAMES = new Map<number, string>(Object.entries(Code).map(([name, code]) => [code, name]));

/** Kafka's own name of an error code, for logs and messages. */
export function codeName(code: number): string {
  return NAMES.get(code) ?? `error ${code}`;
}

/** The coordinator has moved, or is not ready: look for it again and repeat. */
export function isCoordinatorAway(code: number): boolean {
  return code === Code.COORDINATOR_LOAD_IN_PROGRESS || code === Code.COORDINATOR_NOT_AVAILABLE ||
    code === Code.NOT_COORDINATOR;
}

/** This generation or member has no say in the group any more. */
export function isSessionOver(code: number): boolean {
  return code === Code.ILLEGAL_GENERATION || code === Code.UNKNOWN_MEMBER_ID ||
    code === Code.FENCED_INSTANCE_ID;
}

/** The cluster may answer differently a moment later, perhaps from another broker. */
export function isTransient(code: number): boolean {
  switch (code) {
    case Code.UNKNOWN_SERVER_ERROR:
    case Code.LEADER_NOT_AVAILABLE:
    case Code.NOT_LEADER_OR_FOLLOWER:
    case Code.REQUEST_TIMED_OUT:
    case Code.BROKER_NOT_AVAILABLE:
    case Code.REPLICA_NOT_AVAILABLE:
    case Code.NETWORK_EXCEPTION:
    case Code.NOT_ENOUGH_REPLICAS:
    case Code.NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case Code.KAFKA_STORAGE_ERROR:
    case Code.FENCED_LEADER_EPOCH:
    case Code.UNKNOWN_LEADER_EPOCH:
    case Code.OFFSET_NOT_AVAILABLE:
    case Code.UNSTABLE_OFFSET_COMMIT:
    case Code.UNKNOWN_TOPIC_ID:
      return true;
    default:
      return isCoordinatorAway(code);
  }
}

/** The broker refuses for lack of rights: no repetition helps. */
export function isDenied(code: number): boolean {
  return code === Code.TOPIC_AUTHORIZATION_FAILED || code === Code.GROUP_AUTHORIZATION_FAILED ||
    code === Code.CLUSTER_AUTHORIZATION_FAILED;
}
