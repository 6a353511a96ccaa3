/** Single looks at brokers and records, for whoever wants to know what would happen before it does. */
import type { FetchedRecords, TopicPartition } from "../model.ts";
import type { BrokerReach } from "./api.ts";
import { type Cluster, connectionCause } from "./cluster.ts";
import { Code, codeName, isDenied } from "./codes.ts";
import { parseFetchAnswer } from "./fetch_response.ts";
import { ConnectionError } from "./kafkajs.ts";
import { type Item, type PartitionState, readRecords, requestTopics } from "./partitions.ts";
import { describeProblem, topicDenied } from "./problems.ts";

const REACH_TIMEOUT_MS = 5_000;
const FETCH_TIMEOUT_MS = 10_000;
/** A first record batch that is larger comes whole all the same. */
const PEEK_BYTES_MAX = 64 * 1024;

/**
 * Connects to every broker that leads a partition of these topics, or to all where none does, and times an answer.
 *
 * @throws {ConnectionError} where no broker tells who leads what.
 * @throws {UserError} where a broker and we do not let each other in.
 */
export async function reachBrokers(cluster: Cluster, topics: readonly string[]): Promise<BrokerReach[]> {
  const metadata = await cluster.metadata(topics);
  const leaders = new Set([...metadata.topics.values()].flatMap(({ leaders }) => [...leaders.values()]));
  const known = cluster.nodeIds;
  const leading = known.filter((id) => leaders.has(id));
  return await Promise.all((leading.length > 0 ? leading : known).map((id) => reach(cluster, id, topics)));
}

async function reach(cluster: Cluster, nodeId: number, topics: readonly string[]): Promise<BrokerReach> {
  const link = cluster.node(nodeId)!;
  const { address } = link;
  const ask = async () => {
    const args = { topics, allowAutoTopicCreation: false } as const;
    await link.request("Metadata", args, { timeoutMs: REACH_TIMEOUT_MS });
  };
  try {
    // The first answer takes the time of connecting and logging in, too.
    await ask();
    const startedMs = performance.now();
    await ask();
    return { address, outcome: { kind: "reached", latencyMs: performance.now() - startedMs } };
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    return { address, outcome: { kind: "unreachable", cause: connectionCause(error) } };
  }
}

/**
 * One fetch of what is at the offset.
 *
 * @returns undefined where nothing is.
 * @throws {ConnectionError} where the leader cannot say now.
 * @throws {UserError} where the topic may not be read, or what is there cannot be.
 */
export async function peek(
  cluster: Cluster,
  { topic, partition }: TopicPartition,
  offset: bigint,
): Promise<FetchedRecords | undefined> {
  const metadata = await cluster.metadata([topic]);
  const link = cluster.node(metadata.topics.get(topic)?.leaders.get(partition) ?? -1);
  if (link === undefined) throw new ConnectionError(topic, `${topic}-${partition} has no leader`);
  const state: PartitionState = {
    topic,
    partition,
    position: offset,
    epoch: 0,
    state: "fetching",
    leader: undefined,
    unknownSinceMs: undefined,
    silentSinceMs: undefined,
  };
  const asked = { state, epoch: 0, position: offset };
  const topics = requestTopics([asked], PEEK_BYTES_MAX);
  const args = { isolationLevel: 1, maxWaitTime: 0, minBytes: 0, maxBytes: PEEK_BYTES_MAX, topics } as const;
  const answer = parseFetchAnswer(await link.request("Fetch", args, { timeoutMs: FETCH_TIMEOUT_MS }));
  const found = answer.partitions.at(0);
  const code = answer.errorCode === Code.NONE ? found?.errorCode : answer.errorCode;
  if (code !== undefined && isDenied(code)) throw topicDenied(topic, code);
  // Deleted or cut off since the offset was asked for.
  if (code === Code.OFFSET_OUT_OF_RANGE) return undefined;
  if (found === undefined || code !== Code.NONE) {
    throw new ConnectionError(
      link.address,
      `${link.address} answered ${codeName(code ?? Code.UNKNOWN_SERVER_ERROR)}`,
    );
  }
  if (found.records.byteLength === 0) return undefined;
  const items: Item[] = [];
  readRecords(found, asked, items);
  const [item] = items;
  if (item === undefined) return undefined;
  if ("problem" in item) throw describeProblem({ topic, partition }, item.problem);
  return item.fetched;
}
