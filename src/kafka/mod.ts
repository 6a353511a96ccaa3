/** Kafka: the only room that knows kafkajs. Group membership, fetching and commits are our own. */
export {
  type BrokerReach,
  type CommitOutcome,
  type FetchProblem,
  type GroupState,
  type KafkaOptions,
  type MemberHandler,
  type OffsetPosition,
  type PartitionOffset,
  type PartitionRefusal,
  type Retention,
  type Session,
  SessionOverError,
} from "./api.ts";
export { KafkaClient } from "./client.ts";
export type { GroupMember } from "./member.ts";
export { describeProblem } from "./problems.ts";
