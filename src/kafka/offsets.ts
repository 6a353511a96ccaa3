/** Where partitions begin and end, asked from their leaders. */
import { messageOf, UserError } from "../errors.ts";
import type { TopicPartition } from "../model.ts";
import type { OffsetPosition, PartitionOffset } from "./api.ts";
import type { Cluster } from "./cluster.ts";
import { Code, codeName, isDenied } from "./codes.ts";
import { byTopic } from "./group.ts";
import { ConnectionError } from "./kafkajs.ts";
import { topicDenied } from "./problems.ts";
import { Backoff } from "../wait.ts";

const LIST_TIMEOUT_MS = 10_000;
/** Leaders move, brokers restart: for so long it is worth asking again. */
const RETRY_FOR_MS = 30_000;

const EARLIEST = -2;
const LATEST = -1;
/** The answer where no record is at or after a time. */
const NO_OFFSET = -1n;
const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;

export interface OffsetsOptions {
  readonly at: OffsetPosition;
  readonly signal: AbortSignal;
}

/**
 * The offsets in the order of the partitions; see {@link readOffsetsOnce} for what it throws. A time that no record
 * has reached yet gives the stable end.
 */
export async function readOffsets(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  options: OffsetsOptions,
): Promise<PartitionOffset[]> {
  const found = await readOffsetsOnce(cluster, partitions, options);
  const later = found.filter(({ offset }) => offset === NO_OFFSET);
  if (later.length === 0) return found;
  const ends = await readOffsetsOnce(cluster, later, { ...options, at: "stable" });
  return found.flatMap((one) => {
    if (one.offset !== NO_OFFSET) return [one];
    return ends.filter(({ topic, partition }) => topic === one.topic && partition === one.partition);
  });
}

/**
 * The offsets in the order of the partitions. Where the signal aborts, what was not answered is left out.
 *
 * @throws {UserError} where the leaders do not answer for 30 s, or refuse for lack of rights.
 */
async function readOffsetsOnce(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  options: OffsetsOptions,
): Promise<PartitionOffset[]> {
  const found = new Map<TopicPartition, bigint>();
  const backoff = new Backoff();
  const deadlineMs = performance.now() + RETRY_FOR_MS;
  let problem = "";
  while (found.size < partitions.length && !options.signal.aborted) {
    try {
      problem = await askLeaders(cluster, {
        missing: partitions.filter((one) => !found.has(one)),
        found,
        options,
      });
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      problem = messageOf(error);
    }
    if (found.size === partitions.length) break;
    if (performance.now() > deadlineMs) {
      throw new UserError(`Cannot read the offsets of partitions: ${problem}`, {
        hint: "Check that all brokers that lead partitions of the topic are running.",
      });
    }
    await backoff.wait(options.signal);
  }
  return partitions.flatMap((one) => {
    const offset = found.get(one);
    return offset === undefined ? [] : [{ topic: one.topic, partition: one.partition, offset }];
  });
}

interface Search {
  readonly missing: readonly TopicPartition[];
  readonly found: Map<TopicPartition, bigint>;
  readonly options: OffsetsOptions;
}

/** As the protocol has it. */
function timestampOf(at: OffsetPosition): number {
  if (typeof at === "object") return at.atMs;
  return at === "earliest" ? EARLIEST : LATEST;
}

/** One round; returns the last thing that was wrong. */
async function askLeaders(cluster: Cluster, { missing, found, options }: Search): Promise<string> {
  const metadata = await cluster.metadata([...new Set(missing.map(({ topic }) => topic))]);
  const byLeader = new Map<number, TopicPartition[]>();
  for (const one of missing) {
    const leader = metadata.topics.get(one.topic)?.leaders.get(one.partition) ?? -1;
    const list = byLeader.get(leader);
    if (list === undefined) byLeader.set(leader, [one]);
    else list.push(one);
  }
  let problem = "";
  for (const [leader, list] of byLeader) {
    const link = cluster.node(leader);
    if (link === undefined) {
      problem = `${list[0]!.topic}-${list[0]!.partition} has no leader`;
      continue;
    }
    const answer = await link.request("ListOffsets", {
      isolationLevel: options.at === "stable" ? READ_COMMITTED : READ_UNCOMMITTED,
      topics: byTopic(list, ({ partition }) => ({ partition, timestamp: timestampOf(options.at) })),
    }, { timeoutMs: LIST_TIMEOUT_MS });
    for (const { topic, partitions } of answer.responses) {
      for (const { partition, errorCode, offset } of partitions) {
        if (isDenied(errorCode)) throw topicDenied(topic, errorCode);
        const asked = list.find((one) => one.topic === topic && one.partition === partition);
        if (errorCode !== Code.NONE) problem = `${topic}-${partition}: ${codeName(errorCode)}`;
        else if (asked !== undefined) found.set(asked, BigInt(offset));
      }
    }
  }
  return problem;
}
