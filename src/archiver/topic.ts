/** One topic in one session: its open file, its positions, and the way from fetched records to sealed files. */
import { getLogger } from "@logtape/logtape";
import type { CheckpointPipeline } from "../checkpoint/mod.ts";
import type { Config } from "../config.ts";
import type { FetchedRecords, PartitionRange } from "../model.ts";
import type { FileToPrepare } from "../sink/mod.ts";
import { nextTurn } from "../wait.ts";
import { BadRecords } from "./bad_records.ts";
import type { ErrorLimit } from "./error_limit.ts";
import type { FileSealer, SealedFile } from "./file_sealer.ts";
import { Intake } from "./intake.ts";
import { OpenFile } from "./open_file.ts";
import type { PartitionState } from "./partition_state.ts";
import { limitReached, type RotationLimits } from "./rotation.ts";
import type { Schemas } from "./schemas.ts";
import type { Totals } from "./totals.ts";

const log = getLogger(["kafka2parquet", "archiver"]);

/** Taking records gives way to the rest of the thread so often: heartbeats, writes, the answer to a signal. */
const TURN_MS = 50;
/**
 * Where schemas alternate, runs are of one row each: the file's size and age and the clock are looked at only so often.
 * A look takes a step a column.
 */
const UNMEASURED_ROWS_MAX = 64;
/** Where only records that make no row went by, their offsets are committed so often. */
const COMMIT_WITHOUT_FILES_MS = 5000;

export interface TopicOptions {
  readonly topic: string;
  /** Aborted when the session's end has begun: what is not taken by then comes again. */
  readonly leaving: AbortSignal;
  readonly config: Config;
  /** What memory allows for one file, however large files are to be. */
  readonly fileBytesMax: number;
  readonly schemas: Schemas;
  readonly pipeline: CheckpointPipeline;
  readonly sealer: FileSealer;
  readonly totals: Totals;
  /** Undefined where any number of bad records will do. */
  readonly errorLimit: ErrorLimit | undefined;
}

export class TopicArchive {
  readonly topic: string;
  readonly partitions = new Map<number, PartitionState>();
  readonly pipeline: CheckpointPipeline;
  readonly #leaving: AbortSignal;
  readonly #limits: RotationLimits;
  readonly #sealer: FileSealer;
  readonly #totals: Totals;
  readonly #file: OpenFile;
  readonly #intake: Intake;
  /** Rows since the size of the open file was looked at. */
  #unmeasuredRows = 0;
  #sealedRows = 0;
  /** Whether a file was sealed since the last pause. */
  #sealed = false;

  constructor(options: TopicOptions) {
    this.topic = options.topic;
    this.pipeline = options.pipeline;
    this.#leaving = options.leaving;
    const { rows, bytes, ageMs } = options.config;
    this.#limits = { rows, bytes: Math.min(bytes, options.fileBytesMax), ageMs };
    this.#file = new OpenFile(options.schemas.layout(options.topic));
    this.#sealer = options.sealer;
    this.#totals = options.totals;
    const { topic, totals, schemas, leaving, errorLimit: limit } = options;
    const file = this.#file;
    this.#intake = new Intake({
      topic,
      file,
      schemas,
      bad: new BadRecords({ topic, onError: options.config.onError, limit, file, totals }),
      rowsMax: rows,
      leaving,
      closeFile: () => this.#seal("schema"),
    });
  }

  /** Rows in the open file, and in files that are not published yet. */
  get bufferedRows(): number {
    return this.#file.rows + this.#sealedRows;
  }

  /** Bytes of the open file in memory. */
  get openBytes(): number {
    return this.#file.byteLength;
  }

  /** Closes the open file because memory is short. */
  sealForMemory(): void {
    this.#seal("memory");
  }

  /** Whether something is held that is not known to be committed. */
  get unsettled(): boolean {
    return this.#file.openedAtMs !== undefined || !this.pipeline.settled;
  }

  /** Notes ranges that the pipeline has committed. */
  committed(ranges: readonly PartitionRange[]): void {
    for (const { partition, next } of ranges) {
      const state = this.partitions.get(partition);
      if (state !== undefined) state.committed = next;
    }
  }

  /** Counts files that the pipeline has published. */
  published(files: readonly FileToPrepare[]): void {
    for (const { rows, bytes, kind, reasons } of files as readonly SealedFile[]) {
      if (kind === "dead_letter") {
        this.#totals.addDeadLetters(rows, reasons);
        continue;
      }
      this.#sealedRows -= rows;
      this.#totals.rows += rows;
      this.#totals.files++;
      this.#totals.bytes += bytes.length;
    }
  }

  /**
   * Takes the records of one fetch that continues the partition's position.
   *
   * @throws UserError for a bad record under `--on-error stop`, after the position has come to it.
   */
  async accept(fetched: FetchedRecords, state: PartitionState): Promise<void> {
    const limit = state.end === undefined ? fetched.count : firstAtOrAbove(fetched, state.end);
    let turnMs = performance.now();
    for (const run of fetched.runs) {
      const to = Math.min(run.to, limit);
      for (let index = run.from; index < to;) {
        const record = { fetched, bytes: run.bytes, index };
        const found = this.#intake.schemaOf(record);
        const schema = found instanceof Promise ? await found : found;
        const known = this.#intake.keyOf(record);
        const key = known instanceof Promise ? await known : known;
        // From here to the next round nothing is awaited: rows and position move together, whoever else looks.
        const first = index;
        index = this.#intake.take(record, { to, state, schema, key });
        state.position = BigInt(fetched.offsets[index - 1]!) + 1n;
        this.#unmeasuredRows += index - first;
        const isTimeToLook = index === to || this.#unmeasuredRows >= UNMEASURED_ROWS_MAX;
        if (isTimeToLook || this.#isFull) this.#sealIfDue();
        if (this.#sealed || (isTimeToLook && performance.now() - turnMs > TURN_MS)) {
          await this.#pause();
          if (this.#leaving.aborted) return;
          turnMs = performance.now();
        }
      }
    }
    state.position = limit < fetched.count ? state.end! : fetched.nextOffset;
    state.highWatermark = fetched.highWatermark;
    if (state.position > state.checkpointed) state.aheadSinceMs ??= performance.now();
  }

  /** Whether something is held that time alone will make due. */
  get needsTick(): boolean {
    return this.#file.openedAtMs !== undefined ||
      [...this.partitions.values()].some(({ aheadSinceMs }) => aheadSinceMs !== undefined);
  }

  /**
   * Seals by age, and commits positions that moved over records without rows. To be called a few times a second while
   * {@link needsTick}.
   */
  tick(): void {
    // What is sealed is held until it is written: without room behind it the file stays open, as bounded as ever.
    if (this.pipeline.hasRoom) this.#sealIfDue();
    if (this.#file.openedAtMs !== undefined || !this.pipeline.idle) return;
    const dueBefore = performance.now() - COMMIT_WITHOUT_FILES_MS;
    const due = [...this.partitions.values()].some(({ aheadSinceMs }) =>
      (aheadSinceMs ?? Infinity) <= dueBefore
    );
    if (due) this.#commitWithoutFiles();
  }

  /** Seals what is held and resolves when it is committed and published, or the session is over. */
  async flush(): Promise<void> {
    this.#seal("flush");
    await this.pipeline.drain();
    this.#commitWithoutFiles();
    await this.pipeline.drain();
  }

  /**
   * Puts ranges that are committed and stand in no file into one without rows, before the position goes elsewhere: from
   * there they could not be carried on. To be called after {@link flush}.
   */
  async cover(): Promise<void> {
    if (![...this.partitions.values()].some(({ position, uncovered }) => position > uncovered)) return;
    this.#file.openedAtMs ??= performance.now();
    this.#seal("cover");
    await this.pipeline.drain();
  }

  /** Gives up what is held; it was not committed and comes again. */
  drop(): void {
    this.#file.reset();
    this.pipeline.close();
  }

  /** Waits for room behind what was sealed, and gives the rest of the thread a turn of the event loop. */
  async #pause(): Promise<void> {
    this.#sealed = false;
    await this.pipeline.room();
    await nextTurn();
  }

  /** By rows, which is cheap to know. */
  get #isFull(): boolean {
    return Math.max(this.#file.rows, this.#file.deadLetterCount) >= this.#limits.rows;
  }

  #sealIfDue(): boolean {
    const { openedAtMs, rows, byteLength } = this.#file;
    this.#unmeasuredRows = 0;
    const ageMs = openedAtMs === undefined ? undefined : performance.now() - openedAtMs;
    const reached = limitReached({
      rows: Math.max(rows, this.#file.deadLetterCount),
      bytes: byteLength,
      ageMs,
    }, this.#limits);
    if (reached === undefined) return false;
    this.#seal(reached);
    return true;
  }

  /** Encodes the open file and hands it on, with the ranges of all partitions up to their positions. */
  #seal(why: "rows" | "bytes" | "age" | "schema" | "memory" | "flush" | "cover"): void {
    if (this.#file.openedAtMs === undefined) return;
    const moved = [...this.partitions.values()].filter((state) => state.position > state.uncovered);
    const ranges = moved.map((state) => ({
      topic: this.topic,
      partition: state.partition,
      first: state.uncovered,
      next: state.position,
      start: state.start,
      ...this.#file.counts(state.partition),
    }));
    const files = this.#sealer.seal(this.#file, {
      topic: this.topic,
      ranges,
      checkpoint: this.pipeline.checkpointId,
    });
    this.#sealed = true;
    this.#sealedRows += this.#file.rows;
    log.debug("Closed {files} of {topic} by {why}", {
      files: files.map((file) => file.final).join(", "),
      topic: this.topic,
      why,
    });
    this.pipeline.add(
      files,
      // Also an empty range: what was committed without a file, and stands in this one, is then no longer owed to the
      // next.
      moved.map((state) => ({
        topic: this.topic,
        partition: state.partition,
        first: state.checkpointed,
        next: state.position,
      })),
    );
    for (const state of moved) state.checkpointed = state.uncovered = state.position;
    for (const state of moved) state.aheadSinceMs = undefined;
    this.#file.reset();
  }

  /** Commits positions over records that made no row; their counts stay with the open file, for the next one. */
  #commitWithoutFiles(): void {
    const moved = [...this.partitions.values()].filter((state) => state.position > state.checkpointed);
    if (moved.length === 0) return;
    this.pipeline.addWithoutFiles(moved.map((state) => ({
      topic: this.topic,
      partition: state.partition,
      first: state.checkpointed,
      next: state.position,
      uncovered: state.uncovered,
    })));
    for (const state of moved) {
      state.checkpointed = state.position;
      state.aheadSinceMs = undefined;
    }
  }
}

/** The index of the first record whose offset is not below `end`. */
function firstAtOrAbove(fetched: FetchedRecords, end: bigint): number {
  const limit = Number(end);
  let index = fetched.count;
  while (index > 0 && fetched.offsets[index - 1]! >= limit) index--;
  return index;
}
