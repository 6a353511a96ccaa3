/** From records to rows of the open file, or dead letters, or counts: whatever a record becomes. */
import type { Columns } from "../columns/mod.ts";
import type { FetchedRecords, SchemaId } from "../model.ts";
import type { BadRecords } from "./bad_records.ts";
import type { RecordAt } from "./dead_letters.ts";
import type { OpenFile } from "./open_file.ts";
import type { PartitionState } from "./partition_state.ts";
import { type NoKey, problemOf, type Writers } from "./problem.ts";
import { appendRows, type BadRow } from "./rows.ts";
import type { NoSchema, Schemas, WriterSchema } from "./schemas.ts";
import { endOfStretch } from "./stretch.ts";
import type { Line, TopicColumns } from "./topic_columns.ts";
import { NO_WIRE_ID, wireProblem } from "./wire_ids.ts";

/** Rows decoded before the file's size is looked at again. */
const DECODE_ROWS_MAX = 1024;

export interface IntakeOptions {
  readonly topic: string;
  readonly file: OpenFile;
  readonly schemas: Schemas;
  readonly bad: BadRecords;
  /** Of one file. */
  readonly rowsMax: number;
  /** Aborted when nothing is waited for any more. */
  readonly leaving: AbortSignal;
  /** Closes the open file, whose columns cannot hold what comes. */
  closeFile(): void;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #columns: TopicColumns;
  /** Which files the open one belongs to. */
  #line: Line | undefined;
  readonly #keyColumns: TopicColumns | undefined;
  #keyLine: Line | undefined;

  constructor(options: IntakeOptions) {
    const { topic, schemas } = options;
    this.#options = options;
    this.#columns = schemas.columnsOf(topic);
    this.#keyColumns = schemas.keys?.columnsOf(topic);
  }

  /**
   * Takes one record, and those behind it that can go with it; nothing is awaited, so that rows and position move
   * together.
   *
   * @returns the index of the first that is not taken.
   * @throws what ends the work, after the position has come to the record that does.
   */
  take(
    record: RecordAt,
    { to, state, schema, key }: Writers & { to: number; state: PartitionState },
  ): number {
    const isRow = schema !== undefined || this.#isTombstoneRow(record);
    return isRow && schema?.kind !== "none" && key?.kind !== "none"
      ? this.#takeRows(record, { to, state, schema, key })
      : this.#takeOther(record, { state, schema, key });
  }

  /** What the record's value was written with; undefined where it is null or does not say. */
  schemaOf(
    { fetched, bytes, index }: RecordAt,
  ): WriterSchema | NoSchema | undefined | Promise<WriterSchema | NoSchema> {
    const { schemas, leaving } = this.#options;
    const id = schemas.wireIds.at(fetched, bytes, index);
    return id === NO_WIRE_ID ? undefined : schemas.get(id) ?? schemas.resolve(id, leaving);
  }

  /** What a record's key is decoded with; undefined where it is null, or no key is decoded. */
  keyOf(
    { fetched, bytes, index }: RecordAt,
  ): WriterSchema | NoKey | undefined | Promise<WriterSchema | NoSchema> {
    const { keys } = this.#options.schemas;
    if (keys === undefined || fetched.keyStart[index]! < 0) return undefined;
    const id = keys.wireIds.at(fetched, bytes, index);
    if (id === NO_WIRE_ID) return { kind: "none", reason: wireProblem(fetched, bytes, index, "key") };
    return keys.get(id) ?? keys.resolve(id, this.#options.leaving);
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
    const { keys, wireIds } = this.#options.schemas;
    // Either may close the open file, which then begins anew.
    const keyColumns = key && this.#keyColumnsFor(key);
    const columns = schema && this.#columnsFor(schema);
    const rowsBefore = this.#options.file.rows;
    const room = Math.min(to, index + this.#options.rowsMax - rowsBefore, index + DECODE_ROWS_MAX);
    const next = endOfStretch(record, {
      to: room,
      value: { ids: wireIds, id: schema?.wireId },
      key: keys && { ids: keys.wireIds, id: key?.wireId },
    });
    const bad = appendRows(this.#options.file, { fetched, bytes, from: index, to: next }, {
      values: columns && this.#options.schemas.decoding(columns, schema),
      keys: keyColumns && keys!.decoding(keyColumns, key),
    });
    const refused = this.#firstRefused(fetched, { from: index, to: next, bad });
    const { kept, error } = this.#keepAll(record, bad.slice(0, refused?.at), schema?.id);
    const failure = error ?? refused?.error;
    if (failure !== undefined) {
      // Rows behind the record that ends it come again: none of them may be saved.
      const first = bad[kept]!.index;
      this.#options.file.truncate(rowsBefore + first - index - kept);
      state.position = BigInt(fetched.offsets[first]!);
    }
    const rows = this.#options.file.rows - rowsBefore;
    if (rows > 0) {
      this.#options.file.openedAtMs ??= performance.now();
      if (schema !== undefined) this.#options.file.use(schema);
      this.#options.file.counts(state.partition).rows += rows;
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
        this.#options.bad.keep({ fetched, bytes, index }, { kind, schemaId, reason });
        kept++;
      }
      return { kept };
    } catch (error) {
      return { kept, error };
    }
  }

  /** Whether the record's value is null and a row all the same. */
  #isTombstoneRow({ fetched, index }: RecordAt): boolean {
    return this.#options.file.metadata !== undefined && fetched.valueStart[index]! < 0;
  }

  /** Takes one record that cannot become a row: a tombstone, or one without a schema. @returns the next index. */
  #takeOther(record: RecordAt, { state, ...writers }: Writers & { state: PartitionState }): number {
    const problem = problemOf(record, writers);
    if (problem !== undefined) {
      this.#options.bad.take(record, problem);
    } else {
      this.#options.bad.passed(1);
      this.#options.bad.skip(state.partition, "tombstone");
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
      this.#options.bad.passed(index - counted);
      counted = index + 1;
      const error = this.#options.bad.refusal({ fetched, index }, { reason });
      if (error !== undefined) return { at, error };
    }
    this.#options.bad.passed(to - counted);
    return undefined;
  }

  /** The open file's columns, widened for this schema, or those of the next where no file can hold both. */
  #columnsFor(schema: WriterSchema): Columns {
    const line = this.#columns.lineFor(schema);
    if (line !== this.#line && this.#options.file.schema !== undefined) this.#options.closeFile();
    this.#line = line;
    return this.#options.file.columnsFor(line.file);
  }

  /** The same of keys. */
  #keyColumnsFor(key: WriterSchema): Columns {
    const line = this.#keyColumns!.lineFor(key);
    if (line !== this.#keyLine && this.#options.file.keySchema !== undefined) this.#options.closeFile();
    this.#keyLine = line;
    return this.#options.file.keyColumnsFor(line.file);
  }
}
