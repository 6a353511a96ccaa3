/** Fetching the partitions of one session: a loop for each leader, a hand-over one at a time. */
import { getLogger } from "@logtape/logtape";
import { messageOf } from "../errors.ts";
import type { FetchedRecords, TopicPartition } from "../model.ts";
import type { FetchProblem } from "./api.ts";
import type { Cluster } from "./cluster.ts";
import { Code, codeName, isDenied } from "./codes.ts";
import { parseFetchAnswer, type PartitionAnswer } from "./fetch_response.ts";
import { ConnectionError } from "./kafkajs.ts";
import { readOffsets } from "./offsets.ts";
import {
  type Asked,
  isCurrent,
  type Item,
  keyOf,
  type PartitionState,
  readRecords,
  requestTopics,
  standsStill,
} from "./partitions.ts";
import { topicDenied } from "./problems.ts";
import type { PartitionControl } from "./session.ts";
import type { Trouble } from "../trouble.ts";
import { Backoff } from "../wait.ts";

const log = getLogger(["kafka2parquet", "kafka"]);

/** What a full response may take to arrive on top of the time that the broker may wait. */
const FETCH_SLACK_MS = 30_000;
/** A partition that the cluster does not know for this long is gone, not just moving. */
const TOPIC_GONE_AFTER_MS = 10_000;
/** What has failed where no broker says who leads a partition. */
const LEADERS = "leaders";

export interface FetcherOptions {
  readonly fetchWaitMs: number;
  readonly fetchMaxBytes: number;
  readonly partitionMaxBytes: number;
  readonly trouble: Trouble;
}

/** Where fetched records and problems go; calls never overlap. */
export interface FetchSink {
  records(fetched: FetchedRecords): Promise<void>;
  failed(partition: TopicPartition, problem: FetchProblem): Promise<void>;
  /** The fetcher cannot go on, or the sink threw. */
  fatal(error: unknown): void;
}

/**
 * Fetches until it is stopped. For each leader one request is under way while the response before it is handled;
 * the next one waits unread. A partition's position moves when its response is read.
 */
export class Fetcher implements PartitionControl {
  readonly #cluster: Cluster;
  readonly #options: FetcherOptions;
  readonly #sink: FetchSink;
  readonly #stopping = new AbortController();
  readonly #partitions = new Map<string, PartitionState>();
  /** The same partitions; those that brought data go to the end, so that all get their turn. */
  #order: PartitionState[];
  readonly #loops = new Set<number>();
  #isStarted = false;
  #isLookingForLeaders = false;
  readonly #leaderBackoff = new Backoff();
  /** The calls to the sink, one after the other. */
  #handOver: Promise<void> = Promise.resolve();
  #changed = Promise.withResolvers<void>();

  constructor(
    cluster: Cluster,
    assignment: readonly TopicPartition[],
    context: { readonly options: FetcherOptions; readonly sink: FetchSink },
  ) {
    this.#cluster = cluster;
    this.#options = context.options;
    this.#sink = context.sink;
    this.#order = assignment.map(({ topic, partition }) => ({
      topic,
      partition,
      position: 0n,
      epoch: 0,
      state: "resting",
      leader: undefined,
      unknownSinceMs: undefined,
      silentSinceMs: undefined,
    }));
    for (const state of this.#order) this.#partitions.set(keyOf(state), state);
  }

  start(): void {
    this.#isStarted = true;
    this.#wake();
  }

  /** Nothing is handed over after this resolves: a call that runs is waited for. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#changed.resolve();
    for (const node of this.#loops) this.#options.trouble.over(nameOf(node));
    this.#options.trouble.over(LEADERS);
    await this.#handOver;
  }

  fetchFrom(partition: TopicPartition, offset: bigint): void {
    const state = this.#find(partition);
    state.position = offset;
    state.epoch++;
    state.state = "fetching";
    state.unknownSinceMs = undefined;
    state.silentSinceMs = undefined;
    this.#wake();
  }

  pause(partition: TopicPartition): void {
    const state = this.#find(partition);
    if (state.state === "fetching") state.state = "paused";
  }

  resume(partition: TopicPartition): void {
    const state = this.#find(partition);
    if (state.state !== "paused") return;
    state.state = "fetching";
    state.silentSinceMs = undefined;
    this.#wake();
  }

  #find(partition: TopicPartition): PartitionState {
    const state = this.#partitions.get(keyOf(partition));
    if (state === undefined) throw new RangeError(`Cannot fetch ${keyOf(partition)}: it is not assigned`);
    return state;
  }

  /** Something may be fetched that was not before. */
  #wake(): void {
    if (!this.#isStarted || this.#stopping.signal.aborted) return;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    if (this.#leaderless().length > 0) this.#guard(this.#findLeaders());
    for (const { leader, state } of this.#order) {
      if (state !== "fetching" || leader === undefined || this.#loops.has(leader)) continue;
      this.#loops.add(leader);
      this.#guard(this.#fetchFromLeader(leader));
    }
  }

  #guard(task: Promise<void>): void {
    task.catch((error) => this.#sink.fatal(error));
  }

  #leaderless(): PartitionState[] {
    return this.#order.filter(({ leader, state }) => state === "fetching" && leader === undefined);
  }

  async #fetchFromLeader(nodeId: number): Promise<void> {
    const backoff = new Backoff();
    let handled: Promise<void> = Promise.resolve();
    while (!this.#stopping.signal.aborted) {
      const asked = this.#order.filter(({ leader, state }) => leader === nodeId && state === "fetching")
        .map((state) => ({ state, epoch: state.epoch, position: state.position }));
      if (asked.length === 0) {
        // Others lead its partitions, or none are to be fetched.
        if (this.#leaderless().length === 0) this.#options.trouble.over(nameOf(nodeId));
        await this.#changed.promise;
        continue;
      }
      const answers = await this.#request(nodeId, asked);
      if (answers === undefined) {
        await backoff.wait(this.#stopping.signal);
        continue;
      }
      backoff.reset();
      await handled;
      if (this.#stopping.signal.aborted) return;
      handled = this.#deliver(this.#read(answers, asked));
    }
  }

  /** The leader's answer, or `undefined` where there is none: its partitions then look for their leader again. */
  async #request(nodeId: number, asked: readonly Asked[]): Promise<readonly PartitionAnswer[] | undefined> {
    const { fetchWaitMs, fetchMaxBytes, partitionMaxBytes } = this.#options;
    const link = this.#cluster.node(nodeId);
    try {
      if (link === undefined) {
        throw new ConnectionError(`node ${nodeId}`, `node ${nodeId} is not in the cluster`);
      }
      const topics = requestTopics(asked, partitionMaxBytes);
      const answer = parseFetchAnswer(
        await link.request(
          "Fetch",
          { isolationLevel: 1, maxWaitTime: fetchWaitMs, minBytes: 1, maxBytes: fetchMaxBytes, topics },
          { timeoutMs: fetchWaitMs + FETCH_SLACK_MS },
        ),
      );
      if (answer.errorCode === Code.NONE) {
        this.#options.trouble.over(nameOf(nodeId));
        return answer.partitions;
      }
      throw new ConnectionError(link.address, `${link.address} answered ${codeName(answer.errorCode)}`);
    } catch (error) {
      if (!(error instanceof ConnectionError || error instanceof RangeError)) throw error;
      if (this.#stopping.signal.aborted) return undefined;
      const cause = messageOf(error);
      this.#options.trouble.failed(nameOf(nodeId), cause);
      log.warn("Cannot fetch, trying again: {cause}", { cause });
      for (const { state } of asked) state.leader = undefined;
      this.#wake();
      return undefined;
    }
  }

  #read(answers: readonly PartitionAnswer[], asked: readonly Asked[]): Item[] {
    const items: Item[] = [];
    const served = new Set<PartitionState>();
    const byKey = new Map(asked.map((one) => [keyOf(one.state), one]));
    for (const answer of answers) {
      const one = byKey.get(keyOf(answer));
      if (one === undefined || !isCurrent(one) || one.state.state !== "fetching") continue;
      if (answer.errorCode !== Code.NONE) {
        this.#readError(answer, one, items);
        continue;
      }
      one.state.unknownSinceMs = undefined;
      if (answer.records.byteLength === 0) {
        this.#readSilence(answer, one);
        continue;
      }
      readRecords(answer, one, items);
      if (one.state.position > one.position) served.add(one.state);
    }
    if (served.size > 0) {
      this.#order = [...this.#order.filter((state) => !served.has(state)), ...served];
    }
    return items;
  }

  #readSilence({ topic, partition, lastStableOffset }: PartitionAnswer, { state, position }: Asked): void {
    if (!standsStill(state, { lastStableOffset, nowMs: performance.now() })) return;
    log.warn(
      "{topic}-{partition} stands still at offset {offset}: its broker sends nothing, although it holds records " +
        "up to offset {end}. Have its log checked",
      { topic, partition, offset: position, end: lastStableOffset },
    );
  }

  #readError({ topic, partition, errorCode }: PartitionAnswer, asked: Asked, items: Item[]): void {
    const { state, position } = asked;
    const code = codeName(errorCode);
    if (isDenied(errorCode)) throw topicDenied(topic, errorCode);
    if (errorCode === Code.OFFSET_OUT_OF_RANGE) {
      state.state = "resting";
      this.#guard(this.#judgeOutOfRange(asked));
    } else if (errorCode === Code.CORRUPT_MESSAGE) {
      state.state = "resting";
      items.push({ asked, problem: { kind: "corrupt", offset: position, reason: "the broker says so" } });
    } else if (errorCode === Code.UNSUPPORTED_COMPRESSION_TYPE) {
      state.state = "resting";
      const reason = "the broker cannot send its compression codec to this version of the protocol";
      items.push({ asked, problem: { kind: "unsupported", offset: position, reason } });
    } else {
      log.warn("Cannot fetch {topic}-{partition}, trying again: {code}", {
        topic,
        partition,
        code,
      });
      state.leader = undefined;
      this.#wake();
    }
  }

  /** A leader that is just taking over may deny an offset that it has: the log's ends decide. */
  async #judgeOutOfRange(asked: Asked): Promise<void> {
    const { state, position } = asked;
    const partition = { topic: state.topic, partition: state.partition };
    const [start, end] = await Promise.all([
      readOffsets(this.#cluster, [partition], { at: "earliest", signal: this.#stopping.signal }),
      readOffsets(this.#cluster, [partition], { at: "latest", signal: this.#stopping.signal }),
    ]);
    if (this.#stopping.signal.aborted || !isCurrent(asked)) return;
    const logStart = start[0]!.offset;
    const logEnd = end[0]!.offset;
    if (position >= logStart && position <= logEnd) {
      state.state = "fetching";
      state.leader = undefined;
      this.#wake();
      return;
    }
    await this.#deliver([{ asked, problem: { kind: "out-of-range", position, logStart, logEnd } }]);
  }

  /** Queues the items; resolves when the sink has taken all of them. */
  #deliver(items: readonly Item[]): Promise<void> {
    if (items.length === 0) return Promise.resolve();
    return this.#handOver = this.#handOver.then(async () => {
      for (const item of items) {
        const { asked } = item;
        const { state } = asked;
        if (this.#stopping.signal.aborted) return;
        if (!isCurrent(asked)) continue;
        if ("problem" in item) {
          await this.#sink.failed({ topic: state.topic, partition: state.partition }, item.problem);
        } else if (state.state === "paused") {
          // Not kept: the partition may stay paused for long. It is fetched again from here.
          state.position = item.fetched.fetchedOffset;
          state.epoch++;
        } else {
          await this.#sink.records(item.fetched);
        }
      }
    }).catch((error) => {
      this.#stopping.abort();
      this.#sink.fatal(error);
    });
  }

  /** Asks for the leaders of partitions that have none, until all have one. */
  async #findLeaders(): Promise<void> {
    if (this.#isLookingForLeaders) return;
    this.#isLookingForLeaders = true;
    try {
      for (let isFirst = true;; isFirst = false) {
        // At the start of a session the answer is likely to be right at once.
        if (!isFirst || this.#loops.size > 0) await this.#leaderBackoff.wait(this.#stopping.signal);
        const missing = this.#leaderless();
        if (missing.length === 0 || this.#stopping.signal.aborted) break;
        await this.#lookUp(missing);
      }
      this.#leaderBackoff.reset();
    } finally {
      this.#isLookingForLeaders = false;
    }
  }

  #noLeader({ topic, partition }: TopicPartition): void {
    log.warn("{topic}-{partition} has no leader, waiting for one", { topic, partition });
  }

  async #lookUp(missing: readonly PartitionState[]): Promise<void> {
    const items: Item[] = [];
    try {
      const metadata = await this.#cluster.metadata([...new Set(missing.map(({ topic }) => topic))]);
      this.#options.trouble.over(LEADERS);
      for (const state of missing) {
        const topic = metadata.topics.get(state.topic);
        const leader = topic?.leaders.get(state.partition);
        const isUnknown = topic?.errorCode === Code.UNKNOWN_TOPIC_OR_PARTITION ||
          (topic?.errorCode === Code.NONE && leader === undefined);
        if (topic !== undefined && isDenied(topic.errorCode)) throw topicDenied(state.topic, topic.errorCode);
        if (leader !== undefined && leader >= 0) state.leader = leader;
        else this.#noLeader(state);
        if (!isUnknown) {
          state.unknownSinceMs = undefined;
          continue;
        }
        state.unknownSinceMs ??= performance.now();
        if (performance.now() - state.unknownSinceMs < TOPIC_GONE_AFTER_MS) continue;
        state.state = "resting";
        const asked = { state, epoch: state.epoch, position: state.position };
        items.push({ asked, problem: { kind: "topic-gone" } });
      }
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      const cause = messageOf(error);
      if (!this.#stopping.signal.aborted) this.#options.trouble.failed(LEADERS, cause);
      log.warn("Cannot reach Kafka, trying again: {cause}", { cause });
    }
    // Not awaited: other partitions need their leaders while the sink is busy.
    this.#guard(this.#deliver(items));
    this.#wake();
  }
}

function nameOf(nodeId: number): string {
  return `node ${nodeId}`;
}
