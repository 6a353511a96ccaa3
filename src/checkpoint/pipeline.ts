/**
 * Prepare → commit → publish for one topic in one session. At most one checkpoint is in flight; what arrives
 * meanwhile is written to disk at once and gathered in the next one.
 */
import { faultPoint } from "../fault.ts";
import type { CommitOutcome } from "../kafka/mod.ts";
import type { OffsetToCommit, PartitionRange } from "../model.ts";
import { release } from "../release.ts";
import type { CheckpointRef, FileToPrepare, Preparation, Sink } from "../sink/mod.ts";
import type { Backlog } from "./backlog.ts";
import { type CommitCertainty, commitUntilKnown, reportMissing } from "./commit.ts";
import { Limiter } from "./limiter.ts";
import { formatMetadata } from "./metadata.ts";
import { SinkTrouble, type SinkTroubles } from "./sink_trouble.ts";

/** What every checkpoint with files goes through; `prepare` is what is left to wait for when it is cut. */
export const CHECKPOINT_STAGES = ["prepare", "commit", "publish"] as const;
export type CheckpointStage = typeof CHECKPOINT_STAGES[number];

export interface PipelineOptions {
  readonly topic: string;
  readonly generation: number;
  /** Aborted when the session is over: from then on nothing is committed. */
  readonly session: AbortSignal;
  /** Aborted when the session's end has begun: nobody waits for room any more. */
  readonly leaving: AbortSignal;
  /** One attempt to commit in the session's generation. */
  commit(offsets: readonly OffsetToCommit[]): Promise<CommitOutcome>;
  readonly sink: Sink;
  /** What follows when the sink fails: it is tried again while the session lives, or the program ends. */
  readonly onSinkError: "retry" | "stop";
  /** Where it is noted, too, what the sink fails at. */
  readonly troubles?: SinkTroubles;
  /** Shared by the pipelines of a session. */
  readonly backlog: Backlog;
  /** Other stores' checkpoints that every commit of this partition carries. */
  pending(partition: number): ReadonlyMap<string, string>;
  /** Where the group's archive of a partition begins, as far as it is known. */
  start(partition: number): bigint | undefined;
  randomId(): string;
  /**
   * Called after a checkpoint is visible whose commit had to be repeated because an attempt was not answered. That
   * attempt may still arrive and take the offsets back, so nothing more may be committed in this membership.
   */
  onUncertain(): void;
  /** Called when Kafka has accepted these ranges. */
  onCommitted(ranges: readonly PartitionRange[]): void;
  /** Called after a checkpoint is visible; the bytes of the files are gone after it returns. */
  onPublished(files: readonly FileToPrepare[]): void;
  /** Called when a checkpoint has come through a stage, with how long that took. */
  onStage?(stage: CheckpointStage, ms: number): void;
  /** Called once, with what nothing can be done about: the program ends. */
  onFailure(error: unknown): void;
}

/** At many small files a second one checkpoint, so one commit and one manifest, takes the files of this time. */
const CHECKPOINT_INTERVAL_MS = 250;
/** Files written at the same time. */
const WRITES_MAX = 16;

/** What goes into the next checkpoint. Without files it is a commit only. */
interface Building {
  readonly ref: CheckpointRef;
  readonly files: FileToPrepare[];
  /** Of all files. */
  bytes: number;
  readonly ranges: Map<number, PartitionRange>;
  /** Of the ranges that came without files: where each partition's first record that stands in no file is. */
  readonly uncovered: Map<number, bigint>;
  preparation: Promise<Preparation> | undefined;
  /** One for each file; none rejects. */
  readonly writes: Promise<void>[];
  /** Something was not written: then all is written again. */
  failed: boolean;
  /** Why the first write failed that did. */
  writeError: unknown;
}

export class CheckpointPipeline {
  readonly #options: PipelineOptions;
  #building: Building | undefined;
  readonly #trouble: SinkTrouble;
  #inFlight: Promise<void> | undefined;
  #lastCutMs = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #writes = new Limiter(WRITES_MAX);
  #draining = false;
  /** Nothing is committed any more: the session ended without an answer, or something failed for good. */
  #over = false;
  #unpublished: readonly PartitionRange[] = [];
  #waiters: (() => void)[] = [];

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#trouble = new SinkTrouble(options.topic, options.onSinkError, options.troubles);
    for (const signal of [options.session, options.leaving]) {
      signal.addEventListener("abort", () => this.#wake(), { once: true });
    }
  }

  /** The id of the checkpoint that the next files go into. */
  get checkpointId(): string {
    return (this.#building ??= this.#begin()).ref.id;
  }

  /** Whether nothing waits to be committed or published. */
  get idle(): boolean {
    return this.#building === undefined && this.#inFlight === undefined;
  }

  /** Whether all that was added is known to be committed and published. */
  get settled(): boolean {
    return this.idle && !this.#over;
  }

  /**
   * Commits ranges whose records made no row and stand in no file; `uncovered` is where such records begin, at or
   * before the range. Only for an idle pipeline: behind files of the same commit the metadata could not say so.
   */
  addWithoutFiles(ranges: readonly (PartitionRange & { readonly uncovered: bigint })[]): void {
    const building = this.#building ??= this.#begin();
    for (const range of ranges) {
      extend(building.ranges, range);
      building.uncovered.set(range.partition, range.uncovered);
    }
    this.#cutWhenDue();
  }

  /** Takes files and the offset ranges that they account for, each starting where the partition's last one ended. */
  add(files: readonly FileToPrepare[], ranges: readonly PartitionRange[]): void {
    // What comes after the end is never committed; its records come again in another session.
    if (this.#ended()) return;
    const building = this.#building ??= this.#begin();
    for (const range of ranges) extend(building.ranges, range);
    for (const file of files) {
      building.files.push(file);
      building.bytes += file.bytes.length;
      this.#options.backlog.add(file.bytes.length);
      building.preparation ??= this.#begun(building.ref);
      building.writes.push(
        this.#writes.run(async () => (await building.preparation!).write(file)).catch((error) => {
          if (!building.failed) building.writeError = error;
          building.failed = true;
          this.#tellOfWriting(error);
        }),
      );
    }
    this.#cutWhenDue();
  }

  /**
   * Resolves when there is room for more, nothing of this pipeline is in the way of it, or the pipeline or its session
   * has ended.
   */
  async room(): Promise<void> {
    while (!this.hasRoom) await this.#change();
  }

  /** Whether {@link room} would resolve at once. */
  get hasRoom(): boolean {
    const { backlog, leaving } = this.#options;
    return !backlog.isFull || this.idle || leaving.aborted || this.#ended();
  }

  /**
   * Resolves when all that was added is committed and published, or the pipeline or its session has ended; what is
   * in flight then goes on by itself.
   */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#cutWhenDue();
    while (!this.idle && !this.#ended()) await this.#change();
    this.#draining = false;
  }

  /** Stops the timer. What is in flight goes on by itself: a committed checkpoint is still published. */
  close(): void {
    clearTimeout(this.#timer);
    this.#building = undefined;
    this.#wake();
  }

  #ended(): boolean {
    return this.#over || this.#options.session.aborted;
  }

  /** Resolves when a checkpoint is done or the session ends. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #begin(): Building {
    return {
      ref: { generation: this.#options.generation, id: this.#options.randomId() },
      files: [],
      bytes: 0,
      ranges: new Map(),
      uncovered: new Map(),
      preparation: undefined,
      writes: [],
      failed: false,
      writeError: undefined,
    };
  }

  #begun(ref: CheckpointRef): Promise<Preparation> {
    const preparation = this.#options.sink.begin(ref);
    // The first write that awaits it may still stand in line when it fails.
    preparation.catch(() => {});
    return preparation;
  }

  #cutWhenDue(): void {
    if (this.#building === undefined || this.#inFlight !== undefined || this.#ended()) return;
    clearTimeout(this.#timer);
    const waitMs = this.#draining ? 0 : this.#lastCutMs + CHECKPOINT_INTERVAL_MS - performance.now();
    if (waitMs > 0) {
      this.#timer = setTimeout(() => this.#cutWhenDue(), waitMs);
      return;
    }
    const building = this.#building;
    this.#building = undefined;
    this.#lastCutMs = performance.now();
    this.#inFlight = this.#run(building).then((committed) => {
      // A later checkpoint must never be committed over one that may not have been: that would leave a hole.
      if (!committed) this.#over = true;
    }).catch((error) => {
      this.#over = true;
      this.#options.onFailure(error);
    }).finally(() => {
      this.#options.backlog.remove({ files: building.files.length, bytes: building.bytes });
      this.#inFlight = undefined;
      this.#cutWhenDue();
      this.#wake();
    });
  }

  #wake(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  /** Ranges that are committed, and whose files have not come to their place yet. */
  get unpublished(): readonly PartitionRange[] {
    return this.#unpublished;
  }

  /** @returns whether the ranges are known to be committed. */
  async #run(building: Building): Promise<boolean> {
    const { onStage } = this.#options;
    let sinceMs = performance.now();
    const through = (stage: CheckpointStage) => {
      const nowMs = performance.now();
      onStage?.(stage, nowMs - sinceMs);
      sinceMs = nowMs;
    };
    if (building.files.length > 0) {
      if (!await this.#prepare(building)) return false;
      through("prepare");
    }
    await faultPoint("before-commit");
    const commit = await this.#commit(building);
    await faultPoint("after-commit");
    if (commit === "unknown") return false;
    through("commit");
    this.#options.onCommitted([...building.ranges.values()]);
    if (building.files.length > 0) {
      this.#unpublished = [...building.ranges.values()];
      await this.#publish(building);
      through("publish");
      this.#unpublished = [];
    }
    if (commit === "committed") return true;
    // From the next line on nothing is committed here; the rest is held, and comes again in a session of its own.
    this.#over = true;
    this.#options.onUncertain();
    return false;
  }

  async #publish(building: Building): Promise<void> {
    const { sink, onPublished } = this.#options;
    // Committed is committed: publishing goes on even if the session ends meanwhile, so no signal ends it.
    const forever = new AbortController().signal;
    const published = await this.#trouble.overcome("publish", () => sink.publish(building.ref), {
      signal: forever,
      onError: (error) => this.#trouble.tell("publish", error),
    });
    reportMissing(published?.missing ?? [], building.ranges.values());
    onPublished(building.files);
    for (const file of building.files) release(file.bytes);
  }

  /** @returns false where the session ended before it was done. */
  async #prepare(building: Building): Promise<boolean> {
    const { sink, session, topic, onSinkError } = this.#options;
    const ranges = [...building.ranges.values()];
    const done = await this.#trouble.overcome("write", async () => {
      await Promise.all(building.writes);
      if (building.failed) {
        if (onSinkError === "stop") throw building.writeError;
        // After a failed write or fsync nothing that was written is trusted: all of it again, from memory. It was
        // never offered to Kafka, so it can be discarded without a judge.
        await sink.discard(building.ref);
        building.preparation = this.#begun(building.ref);
        const preparation = await building.preparation;
        for (const file of building.files) await preparation.write(file);
      }
      building.failed = true;
      await (await building.preparation!).seal(topic, ranges);
      return true;
    }, {
      signal: session,
      onError: (error) => this.#tellOfWriting(error),
    }).catch(async (error) => {
      // It was never offered to Kafka, and may take space that is short. What this leaves, the next judge takes.
      await sink.discard(building.ref).catch(() => {});
      throw error;
    });
    return done === true;
  }

  #commit(building: Building): Promise<CommitCertainty> {
    const { session, sink, topic, pending, start } = this.#options;
    const offsets = [...building.ranges.values()].map(({ partition, first, next }) => ({
      topic,
      partition,
      offset: next,
      metadata: formatMetadata({
        store: sink.store,
        checkpoint: building.files.length > 0 ? building.ref.id : undefined,
        first: building.files.length > 0 ? first : building.uncovered.get(partition) ?? first,
        start: start(partition),
        pending: pending(partition),
      }),
    }));
    return commitUntilKnown(offsets, { session, commit: this.#options.commit });
  }

  #tellOfWriting(error: unknown): void {
    // After the end nothing is tried again.
    if (!this.#ended()) this.#trouble.tell("write", error);
  }
}

function extend(ranges: Map<number, PartitionRange>, range: PartitionRange): void {
  const before = ranges.get(range.partition);
  if (before !== undefined && before.next !== range.first) {
    throw new RangeError(
      `${range.topic}[${range.partition}]: a range starts at ${range.first}, the last one ended at ${before.next}`,
    );
  }
  ranges.set(range.partition, before === undefined ? range : { ...range, first: before.first });
}
