/** The requests of a group member to its coordinator: one attempt each, answers as values. */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import type { CommittedOffset, OffsetToCommit, TopicPartition } from "../model.ts";
import type { CommitOutcome, GroupState, PartitionRefusal } from "./api.ts";
import type { Cluster } from "./cluster.ts";
import { Code, codeName, isCoordinatorAway, isDenied, isSessionOver, isTransient } from "./codes.ts";
import { type BrokerLink, ConnectionError } from "./kafkajs.ts";
import { groupDenied } from "./problems.ts";
import type { Requests } from "./requests.ts";

/** A coordinator that says nothing for this long is looked for again. */
export const COORDINATOR_TIMEOUT_MS = 10_000;

/** The kind of group that consumers make. */
export const CONSUMER_PROTOCOL = "consumer";
/** No other program offers this name, so the group refuses whatever else would commit for it. */
export const PROTOCOL_NAME = "kafka2parquet";

/** Who commits: what a session captured when it joined. */
export interface Membership {
  readonly generation: number;
  readonly memberId: string;
}

/** Who is no member, and never was. */
const NOBODY: Membership = { generation: -1, memberId: "" };

/**
 * The coordinator of one group, on a connection of its own: a join may wait for a minute, and nothing else should
 * wait behind it. It is looked for when needed, and again after any doubt.
 */
export class Coordinator {
  readonly groupId: string;
  readonly #cluster: Cluster;
  /** Shared by all that ask at the same time: a second link would never be closed. */
  #link: Promise<BrokerLink> | undefined;

  constructor(cluster: Cluster, groupId: string) {
    this.#cluster = cluster;
    this.groupId = groupId;
  }

  /** @throws {ConnectionError} after which the coordinator is looked for anew. */
  async request<K extends keyof Requests>(
    api: K,
    args: Requests[K]["args"],
    timeoutMs = COORDINATOR_TIMEOUT_MS,
  ): Promise<Requests[K]["answer"]> {
    const found = this.#link ??= this.#cluster.coordinator(this.groupId);
    try {
      return await (await found).request(api, args, { timeoutMs });
    } catch (error) {
      if (this.#link === found) this.forget();
      throw error;
    }
  }

  /** The coordinator has moved, or what runs on its connection is not wanted any more. */
  forget(): void {
    const found = this.#link;
    this.#link = undefined;
    // Closed also where it is only being looked for; why it was not found is told to those who asked.
    found?.then((link) => link.close(), () => {});
  }
}

/** What became of a heartbeat. */
export type Heartbeat = "alive" | "rebalance" | "over" | "unknown";

/** Tells the coordinator that the member lives. */
export async function sendHeartbeat(
  coordinator: Coordinator,
  membership: Membership,
): Promise<{ readonly kind: Heartbeat; readonly code: string }> {
  const args = {
    groupId: coordinator.groupId,
    groupGenerationId: membership.generation,
    memberId: membership.memberId,
  };
  try {
    const { errorCode } = await coordinator.request("Heartbeat", args);
    const code = codeName(errorCode);
    if (errorCode === Code.NONE) return { kind: "alive", code };
    if (errorCode === Code.REBALANCE_IN_PROGRESS) return { kind: "rebalance", code };
    if (isSessionOver(errorCode)) return { kind: "over", code };
    if (isDenied(errorCode)) throw groupDenied(coordinator.groupId, errorCode);
    if (isCoordinatorAway(errorCode)) coordinator.forget();
    return { kind: "unknown", code };
  } catch (error) {
    if (error instanceof ConnectionError) return { kind: "unknown", code: messageOf(error) };
    throw error;
  }
}

/** One attempt to commit. The broker checks generation and member id. */
export async function commitOffsets(
  coordinator: Coordinator,
  membership: Membership,
  offsets: readonly OffsetToCommit[],
): Promise<CommitOutcome> {
  const args = {
    groupId: coordinator.groupId,
    groupGenerationId: membership.generation,
    memberId: membership.memberId,
    topics: byTopic(offsets, ({ partition, offset, metadata }) => ({
      partition,
      offset: offset.toString(),
      metadata,
    })),
  };
  try {
    const { responses } = await coordinator.request("OffsetCommit", args);
    const outcome = judgeCommit(
      responses.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, errorCode }) => ({ topic, partition, errorCode }))
      ),
      offsets.length,
    );
    // A coordinator that is loading says so in time; one that has moved never answers rightly again.
    if (outcome.kind === "retry") coordinator.forget();
    return outcome;
  } catch (error) {
    if (error instanceof ConnectionError) {
      return { kind: "retry", code: "NETWORK_EXCEPTION", message: messageOf(error) };
    }
    throw error;
  }
}

/** What the coordinator said about each partition, as one outcome: what ends a session comes first. */
export function judgeCommit(
  answers: readonly (TopicPartition & { readonly errorCode: number })[],
  expected: number,
): CommitOutcome {
  const over = answers.find(({ errorCode }) => isSessionOver(errorCode));
  if (over !== undefined) return { kind: "session-over", code: codeName(over.errorCode) };
  if (answers.some(({ errorCode }) => errorCode === Code.REBALANCE_IN_PROGRESS)) {
    return { kind: "rebalance", code: codeName(Code.REBALANCE_IN_PROGRESS) };
  }
  const transient = answers.find(({ errorCode }) => isTransient(errorCode));
  if (transient !== undefined) {
    const { topic, partition, errorCode } = transient;
    const code = codeName(errorCode);
    return { kind: "retry", code, message: `the coordinator answered ${code} for ${topic}-${partition}` };
  }
  if (answers.length !== expected) {
    const message = `the coordinator answered for ${answers.length} of ${expected} partitions`;
    return { kind: "retry", code: codeName(Code.UNKNOWN_SERVER_ERROR), message };
  }
  const refused: PartitionRefusal[] = [];
  const committed: TopicPartition[] = [];
  for (const { topic, partition, errorCode } of answers) {
    if (errorCode === Code.NONE) committed.push({ topic, partition });
    else refused.push({ topic, partition, code: codeName(errorCode) });
  }
  return refused.length === 0 ? { kind: "committed" } : { kind: "failed", refused, committed };
}

/**
 * One attempt to read what was committed.
 *
 * @throws {ConnectionError} where the coordinator cannot say now.
 * @throws {UserError} where it never will.
 */
export async function readCommitted(
  coordinator: Coordinator,
  partitions: readonly TopicPartition[],
): Promise<CommittedOffset[]> {
  if (partitions.length === 0) return [];
  const { groupId } = coordinator;
  const topics = byTopic(partitions, ({ partition }) => ({ partition }));
  const answer = await coordinator.request("OffsetFetch", { groupId, topics });
  const offsets: CommittedOffset[] = [];
  let problem = answer.errorCode ?? Code.NONE;
  for (const { topic, partitions } of answer.responses) {
    for (const { partition, offset, metadata, errorCode } of partitions) {
      if (problem === Code.NONE) problem = errorCode;
      const position = BigInt(offset);
      offsets.push({
        topic,
        partition,
        offset: position < 0n ? undefined : position,
        metadata: metadata ?? "",
      });
    }
  }
  if (problem === Code.NONE && offsets.length === partitions.length) return offsets;
  if (isDenied(problem)) throw groupDenied(groupId, problem);
  coordinator.forget();
  throw new ConnectionError(
    groupId,
    problem === Code.NONE
      ? `the coordinator answered for ${offsets.length} of ${partitions.length} partitions`
      : `the coordinator of group "${groupId}" answered ${codeName(problem)}`,
  );
}

/**
 * One look at the group, which changes nothing.
 *
 * @throws {ConnectionError} where the coordinator cannot say now.
 * @throws {UserError} where this program may not use the group, or could not join it.
 */
export async function readGroup(coordinator: Coordinator): Promise<GroupState> {
  const { groupId } = coordinator;
  const { groups: [group] } = await coordinator.request("DescribeGroups", { groupIds: [groupId] });
  const code = group?.errorCode ?? Code.UNKNOWN_SERVER_ERROR;
  if (isDenied(code)) throw groupDenied(groupId, code);
  if (code === Code.INVALID_GROUP_ID) throw groupNameRefused(groupId);
  if (group === undefined || code !== Code.NONE) {
    coordinator.forget();
    throw new ConnectionError(groupId, `the coordinator of group "${groupId}" answered ${codeName(code)}`);
  }
  const { members, protocol, protocolType } = group;
  // While it rebalances a group has no protocol.
  const isForeign = protocolType !== CONSUMER_PROTOCOL || (protocol !== "" && protocol !== PROTOCOL_NAME);
  if (members.length > 0 && isForeign) throw groupInUse(groupId);
  // To be told of a group takes DESCRIBE, to be a member READ: a heartbeat takes that, and nobody's is without effect.
  const { kind, code: answered } = await sendHeartbeat(coordinator, NOBODY);
  if (kind === "unknown") throw new ConnectionError(groupId, `no answer to a heartbeat: ${answered}`);
  return { members: members.length };
}

export function groupInUse(groupId: string): UserError {
  return new UserError(`The consumer group "${groupId}" is in use by another program`, {
    exitCode: ExitCode.config,
    hint: "Stop the group's other consumers, or choose a group of its own with --group.",
  });
}

export function groupNameRefused(groupId: string): UserError {
  return new UserError(`The broker refuses the group name "${groupId}"`, {
    exitCode: ExitCode.config,
    hint: "Choose another group with --group.",
  });
}

/** Entries that name a topic and a partition, as Kafka's requests want them: by topic. */
export function byTopic<E extends TopicPartition, P>(
  entries: readonly E[],
  toPartition: (entry: E) => P,
): { topic: string; partitions: P[] }[] {
  const topics = new Map<string, P[]>();
  for (const entry of entries) {
    const partitions = topics.get(entry.topic);
    if (partitions === undefined) topics.set(entry.topic, [toPartition(entry)]);
    else partitions.push(toPartition(entry));
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}
