/** Looks every few seconds whether Kafka is about to delete what is not archived yet, and warns of it. */
import { getLogger } from "@logtape/logtape";
import { messageOf } from "../errors.ts";
import type { PartitionOffset, Retention } from "../kafka/mod.ts";
import type { FetchedRecords, TopicPartition } from "../model.ts";
import { sleep } from "../wait.ts";
import { isUrgent, type LossAhead, lossOf, nearer, type Standing } from "./data_loss.ts";
import { keyOf } from "./recovery.ts";
import { lossLine } from "./supervisor_lines.ts";

const log = getLogger(["kafka2parquet", "archiver"]);

const LOOK_EVERY_MS = 5_000;
/** What a partition did in this time tells what it will do; files may be closed by age once a minute. */
const TREND_MS = 180_000;
const WARN_EVERY_MS = 10_000;
/** A topic's settings may be changed while it runs. */
const RETENTION_AGE_MS = 300_000;
/** Fetches remembered for one partition; what more there are count as one. */
const MARKS_MAX = 256;

/** A partition as its session knows it. */
export interface WatchedPartition extends TopicPartition {
  readonly committed: bigint;
  /** Where a bounded run ends. */
  readonly end: bigint | undefined;
}

export interface LossWatchOptions {
  /** Aborted at the end of the session. */
  readonly signal: AbortSignal;
  partitions(): readonly WatchedPartition[];
  retention(topics: readonly string[]): Promise<ReadonlyMap<string, Retention>>;
  offsets(partitions: readonly TopicPartition[], at: "earliest" | "latest"): Promise<PartitionOffset[]>;
}

/** What was seen of one partition. */
interface Sight {
  /** For each fetch that is not committed yet: one past its last record, and the timestamp of its oldest. */
  readonly marks: { next: number; readonly oldestMs: number }[];
  /** Of the newest record that was fetched. */
  newestMs: number;
  end: number;
  logStart: number;
  history: Standing[];
}

export class LossWatch {
  readonly #options: LossWatchOptions;
  readonly #sights = new Map<string, Sight>();
  #retention: ReadonlyMap<string, Retention> = new Map();
  #retentionMs = Number.NEGATIVE_INFINITY;
  #warnedMs = Number.NEGATIVE_INFINITY;
  #ahead: LossAhead | undefined;

  constructor(options: LossWatchOptions) {
    this.#options = options;
  }

  /** The nearest loss of all partitions, as of the last look. */
  get ahead(): LossAhead | undefined {
    return this.#ahead;
  }

  /** Notes what is about to be taken: how long that takes is what is to be found out. */
  note(fetched: FetchedRecords): void {
    const { count, timestamps } = fetched;
    let sight = this.#sights.get(keyOf(fetched));
    if (sight === undefined) {
      this.#sights.set(keyOf(fetched), sight = { marks: [], newestMs: 0, end: 0, logStart: 0, history: [] });
    }
    sight.end = Number(fetched.highWatermark);
    sight.logStart = Number(fetched.logStartOffset);
    if (count === 0) return;
    const next = Number(fetched.nextOffset);
    // Records stand nearly in the order of their timestamps: the ends are enough, and cost nothing a record.
    const oldestMs = Math.min(timestamps[0]!, timestamps[count - 1]!);
    sight.newestMs = timestamps[count - 1]!;
    const last = sight.marks.at(-1);
    if (last !== undefined && sight.marks.length >= MARKS_MAX) last.next = next;
    else sight.marks.push({ next, oldestMs });
  }

  /** Looks until the session is over. */
  async run(): Promise<void> {
    const { signal } = this.#options;
    for (;;) {
      await sleep(LOOK_EVERY_MS, signal);
      if (signal.aborted) return;
      try {
        await this.#look();
      } catch (error) {
        // Nothing depends on it, and brokers that are away are told of by others.
        log.debug("Cannot tell when records are deleted: {cause}", { cause: messageOf(error) });
      }
    }
  }

  async #look(): Promise<void> {
    const behind = this.#options.partitions().filter((partition) => this.#isBehind(partition));
    this.#ahead = undefined;
    if (behind.length === 0) return;
    await this.#learnRetention(behind);
    const ends = await this.#endsOfFullLogs(behind);
    if (this.#options.signal.aborted) return;
    let ahead: LossAhead | undefined;
    for (const partition of behind) ahead = nearer(ahead, this.#judge(partition, ends));
    this.#ahead = ahead;
    const nowMs = performance.now();
    if (ahead === undefined || !isUrgent(ahead) || nowMs - this.#warnedMs < WARN_EVERY_MS) return;
    this.#warnedMs = nowMs;
    const { template, properties } = lossLine(ahead);
    log.warning(template, properties);
  }

  #isBehind(partition: WatchedPartition): boolean {
    const sight = this.#sights.get(keyOf(partition));
    if (sight === undefined) return false;
    const committed = Number(partition.committed);
    while (sight.marks.length > 0 && sight.marks[0]!.next <= committed) sight.marks.shift();
    const isBehind = committed < endOf(partition, sight.end);
    if (!isBehind) sight.history = [];
    return isBehind;
  }

  async #learnRetention(partitions: readonly WatchedPartition[]): Promise<void> {
    const topics = [...new Set(partitions.map(({ topic }) => topic))];
    const isFresh = performance.now() - this.#retentionMs < RETENTION_AGE_MS;
    if (isFresh && topics.every((topic) => this.#retention.has(topic))) return;
    this.#retention = await this.#options.retention(topics);
    this.#retentionMs = performance.now();
  }

  /** Asked from the brokers where size deletes: an archiver that is stuck fetches nothing that would tell it. */
  async #endsOfFullLogs(
    partitions: readonly WatchedPartition[],
  ): Promise<Map<string, { logStart: number; end: number }>> {
    const limited = partitions.filter(({ topic }) => this.#retention.get(topic)?.bytes !== undefined);
    if (limited.length === 0) return new Map();
    const [starts, ends] = await Promise.all([
      this.#options.offsets(limited, "earliest"),
      this.#options.offsets(limited, "latest"),
    ]);
    const logStarts = new Map(starts.map((one) => [keyOf(one), Number(one.offset)]));
    return new Map(
      ends.map((one) => [keyOf(one), { logStart: logStarts.get(keyOf(one)) ?? 0, end: Number(one.offset) }]),
    );
  }

  #judge(
    partition: WatchedPartition,
    ends: ReadonlyMap<string, { logStart: number; end: number }>,
  ): LossAhead | undefined {
    const { topic, committed } = partition;
    const sight = this.#sights.get(keyOf(partition))!;
    const { logStart, end } = ends.get(keyOf(partition)) ?? sight;
    const now: Standing = {
      atMs: Date.now(),
      oldestMs: sight.marks[0]?.oldestMs ?? sight.newestMs,
      committed: Number(committed),
      logStart,
      end: endOf(partition, end),
    };
    sight.history = [...sight.history.filter(({ atMs }) => now.atMs - atMs <= TREND_MS), now];
    const retention = this.#retention.get(topic);
    const loss = retention && lossOf(sight.history, retention);
    if (loss === undefined) return undefined;
    const range = { topic, partition: partition.partition, first: now.committed, next: now.end };
    return { ...range, ...loss, seconds: Math.floor(loss.seconds) };
  }
}

/** What lies behind the end of a bounded run is no loss for it. */
function endOf(partition: WatchedPartition, end: number): number {
  return partition.end === undefined ? end : Math.min(end, Number(partition.end));
}
