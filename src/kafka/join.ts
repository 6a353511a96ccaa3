/** Joining the group: JoinGroup, the leader's assignment, SyncGroup. */
import { ExitCode, UserError } from "../errors.ts";
import type { TopicPartition } from "../model.ts";
import { assignPartitions } from "./assignment.ts";
import type { Cluster } from "./cluster.ts";
import { Code, codeName, isCoordinatorAway, isDenied, isSessionOver } from "./codes.ts";
import { CONSUMER_PROTOCOL, type Coordinator, groupInUse, groupNameRefused, PROTOCOL_NAME } from "./group.ts";
import type { AssignmentCodec } from "./kafkajs.ts";
import { groupDenied } from "./problems.ts";
import type { JoinAnswer } from "./requests.ts";
import { sleep } from "../wait.ts";

/** What the coordinator's answer may take on top of the time that it waits for the members. */
const JOIN_SLACK_MS = 5_000;
/** A topic just made is not known to all brokers at once. */
const METADATA_ATTEMPTS = 3;
const METADATA_PAUSE_MS = 300;

export interface JoinOptions {
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly signal: AbortSignal;
}

export interface Joined {
  readonly kind: "joined";
  readonly generation: number;
  readonly memberId: string;
  readonly assignment: readonly TopicPartition[];
  /** For the leader: topic → how many partitions were dealt out. */
  readonly dealtOut: ReadonlyMap<string, number> | undefined;
}

/**
 * `again` with the member id to use next time. `named` is no refusal but the first half of joining: the coordinator has
 * given a member id, which it forgets after the session timeout. `soon` may be tried again without a pause.
 */
export type JoinStep = Joined | {
  readonly kind: "again";
  readonly memberId: string;
  readonly when: "named" | "soon" | "later";
  readonly code: string;
};

export interface JoinContext {
  readonly cluster: Cluster;
  readonly coordinator: Coordinator;
  readonly codec: AssignmentCodec;
}

/**
 * One attempt to join. Waits for the other members, up to the rebalance timeout.
 *
 * @throws {ConnectionError} where the coordinator is away.
 * @throws {UserError} where the group never takes this member.
 */
export async function joinOnce(
  context: JoinContext,
  memberId: string,
  options: JoinOptions,
): Promise<JoinStep> {
  const { coordinator, codec } = context;
  const joined = await coordinator.request("JoinGroup", {
    groupId: coordinator.groupId,
    sessionTimeout: options.sessionTimeoutMs,
    rebalanceTimeout: options.rebalanceTimeoutMs,
    memberId,
    protocolType: CONSUMER_PROTOCOL,
    groupProtocols: [{ name: PROTOCOL_NAME, metadata: codec.encodeSubscription(options.topics) }],
  }, options.rebalanceTimeoutMs + JOIN_SLACK_MS);
  if (joined.errorCode !== Code.NONE) {
    const known = joined.errorCode === Code.MEMBER_ID_REQUIRED ? joined.memberId : memberId;
    return refused(coordinator, joined.errorCode, { memberId: known, options });
  }
  const isLeader = joined.leaderId === joined.memberId;
  const partitions = isLeader ? await partitionsOf(context, joined, options) : undefined;
  const synced = await coordinator.request("SyncGroup", {
    groupId: coordinator.groupId,
    generationId: joined.generationId,
    memberId: joined.memberId,
    groupAssignment: partitions === undefined ? [] : dealOut(codec, joined, partitions),
  }, options.rebalanceTimeoutMs + JOIN_SLACK_MS);
  if (synced.errorCode !== Code.NONE) {
    return refused(coordinator, synced.errorCode, { memberId: joined.memberId, options });
  }
  return {
    kind: "joined",
    generation: joined.generationId,
    memberId: joined.memberId,
    assignment: [...codec.decodeAssignment(synced.memberAssignment)].flatMap(([topic, list]) =>
      [...list].sort((a, b) => a - b).map((partition) => ({ topic, partition }))
    ),
    dealtOut: partitions && new Map([...partitions].map(([topic, list]) => [topic, list.length])),
  };
}

/** Topic → partitions, for all topics that any member wants. */
async function partitionsOf(
  { cluster, codec }: JoinContext,
  joined: JoinAnswer,
  { signal }: JoinOptions,
): Promise<Map<string, number[]>> {
  const topics = new Set(
    joined.members.flatMap(({ memberMetadata }) => codec.decodeSubscription(memberMetadata)),
  );
  for (let attempt = 1;; attempt++) {
    const metadata = await cluster.metadata([...topics]);
    const isComplete = [...topics].every((topic) => metadata.topics.get(topic)?.errorCode === Code.NONE);
    if (isComplete || attempt >= METADATA_ATTEMPTS || signal.aborted) {
      return new Map(
        [...topics].map((topic) => [topic, [...metadata.topics.get(topic)?.leaders.keys() ?? []]]),
      );
    }
    await sleep(METADATA_PAUSE_MS, signal);
  }
}

function dealOut(
  codec: AssignmentCodec,
  joined: JoinAnswer,
  partitions: ReadonlyMap<string, readonly number[]>,
): { memberId: string; memberAssignment: Uint8Array }[] {
  const members = joined.members.map(({ memberId, memberMetadata }) => ({
    memberId,
    topics: codec.decodeSubscription(memberMetadata),
  }));
  return [...assignPartitions(members, partitions)].map(([memberId, assignment]) => ({
    memberId,
    memberAssignment: codec.encodeAssignment(assignment),
  }));
}

/** What to do about a refusal: once more, as whom, and how soon. */
function refused(
  coordinator: Coordinator,
  errorCode: number,
  { memberId, options }: { readonly memberId: string; readonly options: JoinOptions },
): JoinStep {
  const { groupId } = coordinator;
  const code = codeName(errorCode);
  if (isCoordinatorAway(errorCode)) coordinator.forget();
  if (errorCode === Code.MEMBER_ID_REQUIRED) return { kind: "again", memberId, when: "named", code };
  if (errorCode === Code.REBALANCE_IN_PROGRESS) return { kind: "again", memberId, when: "soon", code };
  // The group has forgotten this member: it comes back as a new one. A wrong generation is no fault of the id.
  if (isSessionOver(errorCode)) {
    const kept = errorCode === Code.ILLEGAL_GENERATION ? memberId : "";
    return { kind: "again", memberId: kept, when: "soon", code };
  }
  if (isDenied(errorCode)) throw groupDenied(groupId, errorCode);
  switch (errorCode) {
    case Code.INCONSISTENT_GROUP_PROTOCOL:
      throw groupInUse(groupId);
    case Code.INVALID_GROUP_ID:
      throw groupNameRefused(groupId);
    case Code.INVALID_SESSION_TIMEOUT:
      throw new UserError(`The broker refuses a session timeout of ${options.sessionTimeoutMs} ms`, {
        exitCode: ExitCode.config,
        hint:
          "Choose one between the broker's group.min.session.timeout.ms and group.max.session.timeout.ms.",
      });
    case Code.GROUP_MAX_SIZE_REACHED:
      throw new UserError(`The consumer group "${groupId}" is full`, {
        hint: "Run fewer replicas, or raise the broker's group.max.size.",
      });
    default:
      return { kind: "again", memberId, when: "later", code };
  }
}
