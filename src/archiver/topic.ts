/** One topic in one session: its open file, its positions, and the way from fetched records to sealed files. */
import { getLogger } from "@logtape/logtape";
import type { CheckpointPipeline } from "../checkpoint/mod.ts";
import type { Columns } from "../columns/mod.ts";
import type { Config } from "../config.ts";
import type { FetchedRecords, PartitionRange, SchemaId } from "../model.ts";
import type { FileToPrepare } from "../sink/mod.ts";
import { nextTurn } from "../wait.ts";
import { BadRecords } from "./bad_records.ts";
import type { RecordAt } from "./dead_letters.ts";
import type { ErrorLimit } from "./error_limit.ts";
import type { FileSealer, SealedFile } from "./file_sealer.ts";
import { OpenFile } from "./open_file.ts";
import { type NoKey, problemOf, type Writers } from "./problem.ts";
import { limitReached, type RotationLimits } from "./rotation.ts";
import { appendRows, type BadRow } from "./rows.ts";
import { endOfStretch } from "./stretch.ts";
import type { NoSchema, Schemas, WriterSchema } from "./schemas.ts";
import type { Line, TopicColumns } from "./topic_columns.ts";
import type { Totals } from "./totals.ts";
import { NO_WIRE_ID, wireProblem } from "./wire_ids.ts";

const log = getLogger(["kafka2parquet", "archiver"]);

/** Taking records gives way to the rest of the thread so often: heartbeats, writes, the answer to a signal. */
const TURN_MS = 50;
/** Rows decoded before the file's size is looked at again. */
const DECODE_ROWS_MAX = 1024;
/**
 * Where schemas alternate, runs are of one row each: the file's size and age and the clock are looked at only so often.
 * A look takes a step a column.
 */
const UNMEASURED_ROWS_MAX = 64;
/** Where only records that make no row went by, their offsets are committed so often. */
const COMMIT_WITHOUT_FILES_MS = 5000;

/** Where one partition stands. */
export interface PartitionState {
  readonly partition: number;
  /** Every record below is in the open file, in a file, or skipped: the offset that the next fetch must have. */
  position: bigint;
  /** Where the next checkpoint's range begins. */
  checkpointed: bigint;
  /** What the group has committed for certain. */
  committed: bigint;
  /** Where the next file's range begins: records of ranges that were committed without a file are before it. */
  uncovered: bigint;
  /** Where the group's archive of the partition begins; undefined where nobody has told. */
  start: bigint | undefined;
  /** `performance.now()` since when position and checkpointed differ; undefined while they do not. */
  aheadSinceMs: number | undefined;
  /** Records of a bounded run end here. */
  readonly end: bigint | undefined;
  highWatermark: bigint | undefined;
}

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
  readonly #config: Config;
  readonly #limits: RotationLimits;
  readonly #schemas: Schemas;
  readonly #sealer: FileSealer;
  readonly #totals: Totals;
  readonly #file: OpenFile;
  readonly #bad: BadRecords;
  readonly #columns: TopicColumns;
  /** Which files the open one belongs to. */
  #line: Line | undefined;
  readonly #keyColumns: TopicColumns | undefined;
  #keyLine: Line | undefined;
  /** Rows since the size of the open file was looked at. */
  #unmeasuredRows = 0;
  #sealedRows = 0;
  /** Whether a file was sealed since the last pause. */
  #sealed = false;

  constructor(options: TopicOptions) {
    this.topic = options.topic;
    this.pipeline = options.pipeline;
    this.#leaving = options.leaving;
    this.#config = options.config;
    const { rows, bytes, ageMs } = options.config;
    this.#limits = { rows, bytes: Math.min(bytes, options.fileBytesMax), ageMs };
    this.#schemas = options.schemas;
    this.#file = new OpenFile(options.schemas.layout(options.topic));
    this.#columns = options.schemas.columnsOf(options.topic);
    this.#keyColumns = options.schemas.keys?.columnsOf(options.topic);
    this.#sealer = options.sealer;
    this.#totals = options.totals;
    const { topic, totals, errorLimit: limit } = options;
    this.#bad = new BadRecords({ topic, onError: options.config.onError, limit, file: this.#file, totals });
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
        const id = this.#schemas.wireIds.at(fetched, run.bytes, index);
        const schema = id === NO_WIRE_ID
          ? undefined
          : this.#schemas.get(id) ?? await this.#schemas.resolve(id, this.#leaving);
        const record = { fetched, bytes: run.bytes, index };
        const known = this.#keyOf(record);
        const key = known instanceof Promise ? await known : known;
        // From here to the next round nothing is awaited: rows and position move together, whoever else looks.
        const first = index;
        const isRow = schema !== undefined || this.#isTombstoneRow(record);
        index = isRow && schema?.kind !== "none" && key?.kind !== "none"
          ? this.#takeRows(record, { to, state, schema, key })
          : this.#takeOther(record, { state, schema, key });
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

  /** Takes record `index` and those behind it of the same schemas. @returns the index of the first not taken. */
  #takeRows(
    record: RecordAt,
    { to, state, schema, key }: {
      to: number;
      state: PartitionState;
      schema: WriterSchema | undefined;
      key: WriterSchema | undefined;
    },
  ): number {
    const { fetched, bytes, index } = record;
    const { keys, wireIds } = this.#schemas;
    // Either may close the open file, which then begins anew.
    const keyColumns = key && this.#keyColumnsFor(key);
    const columns = schema && this.#columnsFor(schema);
    const rowsBefore = this.#file.rows;
    const room = Math.min(to, index + this.#config.rows - rowsBefore, index + DECODE_ROWS_MAX);
    const next = endOfStretch(record, {
      to: room,
      value: { ids: wireIds, id: schema?.wireId },
      key: keys && { ids: keys.wireIds, id: key?.wireId },
    });
    const bad = appendRows(this.#file, { fetched, bytes, from: index, to: next }, {
      values: columns && this.#schemas.decoding(columns, schema),
      keys: keyColumns && keys!.decoding(keyColumns, key),
    });
    const refused = this.#firstRefused(fetched, { from: index, to: next, bad });
    const { kept, error } = this.#keepAll(record, bad.slice(0, refused?.at), schema?.id);
    const failure = error ?? refused?.error;
    if (failure !== undefined) {
      // Rows behind the record that ends it come again: none of them may be saved.
      const first = bad[kept]!.index;
      this.#file.truncate(rowsBefore + first - index - kept);
      state.position = BigInt(fetched.offsets[first]!);
    }
    const rows = this.#file.rows - rowsBefore;
    if (rows > 0) {
      this.#file.openedAtMs ??= performance.now();
      if (schema !== undefined) this.#file.use(schema);
      this.#file.counts(state.partition).rows += rows;
    }
    if (failure !== undefined) throw failure;
    return next;
  }

  /** Keeps bad records aside. @returns how many, and what has kept it from the next one. */
  #keepAll(
    { fetched, bytes }: RecordAt,
    bad: readonly BadRow[],
    schemaId: SchemaId | undefined,
  ): { readonly kept: number; readonly error?: unknown } {
    let kept = 0;
    try {
      for (const { index, kind, reason } of bad) {
        this.#bad.keep({ fetched, bytes, index }, { kind, schemaId, reason });
        kept++;
      }
      return { kept };
    } catch (error) {
      return { kept, error };
    }
  }

  /** Whether the record's value is null and a row all the same. */
  #isTombstoneRow({ fetched, index }: RecordAt): boolean {
    return this.#file.metadata !== undefined && fetched.valueStart[index]! < 0;
  }

  /** Takes one record that cannot become a row: a tombstone, or one without a schema. @returns the next index. */
  #takeOther(record: RecordAt, { state, ...writers }: Writers & { state: PartitionState }): number {
    const problem = problemOf(record, writers);
    if (problem !== undefined) {
      this.#bad.take(record, problem);
    } else {
      this.#bad.passed(1);
      this.#bad.skip(state.partition, "tombstone");
    }
    return record.index + 1;
  }

  /** Counts records `[from, to)`, of which some are bad. @returns which of those ends the work, if one does. */
  #firstRefused(
    fetched: FetchedRecords,
    { from, to, bad }: {
      from: number;
      to: number;
      bad: readonly { readonly index: number; readonly reason: string }[];
    },
  ): { readonly at: number; readonly error: Error } | undefined {
    let counted = from;
    for (const [at, { index, reason }] of bad.entries()) {
      this.#bad.passed(index - counted);
      counted = index + 1;
      const error = this.#bad.refusal({ fetched, index }, { reason });
      if (error !== undefined) return { at, error };
    }
    this.#bad.passed(to - counted);
    return undefined;
  }

  /** What a record's key is decoded with; undefined where it is null, or no key is decoded. */
  #keyOf(
    { fetched, bytes, index }: RecordAt,
  ): WriterSchema | NoKey | undefined | Promise<WriterSchema | NoSchema> {
    const { keys } = this.#schemas;
    if (keys === undefined || fetched.keyStart[index]! < 0) return undefined;
    const id = keys.wireIds.at(fetched, bytes, index);
    if (id === NO_WIRE_ID) return { kind: "none", reason: wireProblem(fetched, bytes, index, "key") };
    return keys.get(id) ?? keys.resolve(id, this.#leaving);
  }

  /** The same of keys. */
  #keyColumnsFor(key: WriterSchema): Columns {
    const line = this.#keyColumns!.lineFor(key);
    if (line !== this.#keyLine && this.#file.keySchema !== undefined) this.#seal("schema");
    this.#keyLine = line;
    return this.#file.keyColumnsFor(line.file);
  }

  /** The open file's columns, widened for this schema, or those of the next where no file can hold both. */
  #columnsFor(schema: WriterSchema): Columns {
    const line = this.#columns.lineFor(schema);
    if (line !== this.#line && this.#file.schema !== undefined) this.#seal("schema");
    this.#line = line;
    return this.#file.columnsFor(line.file);
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
