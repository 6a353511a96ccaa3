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
/** An archiver that is stuck on one partition hears nothing of the others: their brokers are asked so often. */
const ENDS_AGE_MS = 60_000;
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
  /**
   * What was not fetched yet came after this, as far as known: the newest record's timestamp, or when it was the
   * last.
   */
  laterThanMs: number | undefined;
  end: number;
  logStart: number;
  history: Standing[];
}

export class LossWatch {
  readonly #options: LossWatchOptions;
  readonly #sights = new Map<string, Sight>();
  #retention: ReadonlyMap<string, Retention> = new Map();
  #retentionMs = Number.NEGATIVE_INFINITY;
  #endsMs = Number.NEGATIVE_INFINITY;
  #warnedMs = Number.NEGATIVE_INFINITY;
  #ahead: LossAhead | undefined;
  /** Of each partition that has one. */
  #losses: ReadonlyMap<string, LossAhead> = new Map();

  constructor(options: LossWatchOptions) {
    this.#options = options;
  }

  /** The nearest loss of all partitions, as of the last look. */
  get ahead(): LossAhead | undefined {
    return this.#ahead;
  }

  /** What was seen of one partition: its end as far as it is known, and its loss as of the last look. */
  seen(
    partition: TopicPartition,
  ): { readonly end: number | undefined; readonly loss: LossAhead | undefined } {
    const key = keyOf(partition);
    return { end: this.#sights.get(key)?.end, loss: this.#losses.get(key) };
  }

  /** Notes what is about to be taken, at `nowMs` since the epoch: how long that takes is what is to be found out. */
  note(fetched: FetchedRecords, nowMs: number): void {
    const { count, timestamps } = fetched;
    const sight = this.#sight(fetched);
    sight.end = Number(fetched.highWatermark);
    sight.logStart = Number(fetched.logStartOffset);
    const isLast = fetched.nextOffset >= fetched.highWatermark;
    if (count > 0 || isLast) sight.laterThanMs = isLast ? nowMs : timestamps[count - 1]!;
    if (count === 0) return;
    const next = Number(fetched.nextOffset);
    // Records stand nearly in the order of their timestamps: the ends are enough, and cost nothing a record.
    const oldestMs = Math.min(timestamps[0]!, timestamps[count - 1]!);
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
        await this.look(Date.now());
      } catch (error) {
        // Nothing depends on it, and brokers that are away are told of by others.
        log.debug("Cannot tell when records are deleted: {cause}", { cause: messageOf(error) });
      }
    }
  }

  /** One look at `nowMs` since the epoch. */
  async look(nowMs: number): Promise<void> {
    const partitions = this.#options.partitions();
    const isDue = nowMs - this.#endsMs >= ENDS_AGE_MS;
    if (isDue) {
      this.#endsMs = nowMs;
      await this.#askEnds(partitions);
    }
    const behind = partitions.filter((partition) => {
      const isBehind = this.#isBehind(partition);
      if (isDue && !isBehind) this.#sight(partition).laterThanMs = nowMs;
      return isBehind;
    });
    this.#ahead = undefined;
    this.#losses = new Map();
    if (behind.length === 0) return;
    await this.#learnRetention(behind, nowMs);
    // What was fetched last says nothing of a log that goes on while nothing is fetched.
    if (!isDue) {
      await this.#askEnds(behind.filter(({ topic }) => this.#retention.get(topic)?.bytes !== undefined));
    }
    if (this.#options.signal.aborted) return;
    let ahead: LossAhead | undefined;
    const losses = new Map<string, LossAhead>();
    for (const partition of behind) {
      const loss = this.#judge(partition, nowMs);
      if (loss !== undefined) losses.set(keyOf(partition), loss);
      ahead = nearer(ahead, loss);
    }
    this.#ahead = ahead;
    this.#losses = losses;
    if (ahead === undefined || !isUrgent(ahead) || nowMs - this.#warnedMs < WARN_EVERY_MS) return;
    this.#warnedMs = nowMs;
    const { template, properties } = lossLine(ahead);
    log.warning(template, properties);
  }

  #sight(partition: TopicPartition): Sight {
    let sight = this.#sights.get(keyOf(partition));
    if (sight === undefined) {
      sight = { marks: [], laterThanMs: undefined, end: 0, logStart: 0, history: [] };
      this.#sights.set(keyOf(partition), sight);
    }
    return sight;
  }

  #isBehind(partition: WatchedPartition): boolean {
    const sight = this.#sight(partition);
    const committed = Number(partition.committed);
    while (sight.marks.length > 0 && sight.marks[0]!.next <= committed) sight.marks.shift();
    const isBehind = committed < endOf(partition, sight.end);
    if (!isBehind) sight.history = [];
    return isBehind;
  }

  async #learnRetention(partitions: readonly WatchedPartition[], nowMs: number): Promise<void> {
    const topics = [...new Set(partitions.map(({ topic }) => topic))];
    const isFresh = nowMs - this.#retentionMs < RETENTION_AGE_MS;
    if (isFresh && topics.every((topic) => this.#retention.has(topic))) return;
    this.#retention = await this.#options.retention(topics);
    this.#retentionMs = nowMs;
  }

  async #askEnds(partitions: readonly WatchedPartition[]): Promise<void> {
    if (partitions.length === 0) return;
    const [starts, ends] = await Promise.all([
      this.#options.offsets(partitions, "earliest"),
      this.#options.offsets(partitions, "latest"),
    ]);
    for (const start of starts) this.#sight(start).logStart = Number(start.offset);
    for (const end of ends) this.#sight(end).end = Number(end.offset);
  }

  #judge(partition: WatchedPartition, nowMs: number): LossAhead | undefined {
    const { topic, committed } = partition;
    const sight = this.#sight(partition);
    const now: Standing = {
      atMs: nowMs,
      oldestMs: sight.marks[0]?.oldestMs ?? sight.laterThanMs,
      committed: Number(committed),
      logStart: sight.logStart,
      end: endOf(partition, sight.end),
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
