/** The file that a topic's records go into until it is closed: columns, dead letters, and what happened to whom. */
import type { Columns, FileSchema } from "../columns/mod.ts";
import { type FileRows, MetadataColumns, type MetadataLayout } from "../metadata/mod.ts";
import type { SchemaId } from "../model.ts";
import { newDeadLetters } from "./dead_letters.ts";
import { LateColumns } from "./late_columns.ts";
import type { WriterSchema } from "./schemas.ts";

/** What happened to one partition's records since the last file. */
export interface Counts {
  rows: number;
  readonly deadLetters: Record<string, number>;
  readonly skipped: Record<string, number>;
}

/** A file of tombstones may know of no value. */
const NO_COLUMNS: FileSchema = { columns: [] };

export class OpenFile {
  /** Undefined where there are no metadata columns. */
  readonly metadata: MetadataColumns | undefined;
  readonly #layout: MetadataLayout | undefined;
  readonly #values = new LateColumns();
  /** Of keys that are decoded. */
  readonly #keys = new LateColumns();
  /** Kept across files of the same schema, so that buffers grow once. */
  #deadLetters: Columns | undefined;
  readonly #counts = new Map<number, Counts>();
  readonly schemas = new Map<SchemaId, string>();
  /** `performance.now()` at the first record that the file must hold; undefined before. */
  openedAtMs: number | undefined;

  constructor(layout?: MetadataLayout) {
    this.#layout = layout;
    this.metadata = layout && new MetadataColumns(layout);
  }

  /** Of the values in it; undefined while there is none. */
  get schema(): FileSchema | undefined {
    return this.#values.schema;
  }

  /** Of the decoded keys in it; undefined while there is none. */
  get keySchema(): FileSchema | undefined {
    return this.#keys.schema;
  }

  get deadLetters(): Columns | undefined {
    return this.#deadLetters;
  }

  get rows(): number {
    return this.metadata?.columns.rows ?? this.#values.rows;
  }

  get deadLetterCount(): number {
    return this.#deadLetters?.rows ?? 0;
  }

  /** Bytes that the file holds in memory. */
  get byteLength(): number {
    return (this.metadata?.columns.byteLength ?? 0) + this.#keys.byteLength + this.#values.byteLength +
      (this.#deadLetters?.byteLength ?? 0);
  }

  /** Columns for values of this file schema; only a file without values can be given another. */
  columnsFor(schema: FileSchema): Columns {
    return this.#values.columnsFor(schema, this.rows);
  }

  /** Columns for keys of this file schema; only a file without keys can be given another. */
  keyColumnsFor(schema: FileSchema): Columns {
    return this.#keys.columnsFor(schema, this.rows);
  }

  /** Back to `rows` rows. */
  truncate(rows: number): void {
    this.metadata?.columns.truncate(rows);
    this.#keys.truncate(rows);
    this.#values.truncate(rows);
  }

  /** All rows, to be written. */
  contents(): FileRows {
    const { rows } = this;
    const values = this.#values.complete(rows, NO_COLUMNS);
    if (this.metadata === undefined || this.#layout === undefined) return values;
    const { unknownKey } = this.#layout;
    const keys = unknownKey && this.#keys.complete(rows, unknownKey);
    return this.#layout.join({ metadata: this.metadata.columns, keys, values });
  }

  columnsForDeadLetters(): Columns {
    return this.#deadLetters ??= newDeadLetters();
  }

  counts(partition: number): Counts {
    let counts = this.#counts.get(partition);
    if (counts === undefined) this.#counts.set(partition, counts = { rows: 0, deadLetters: {}, skipped: {} });
    return counts;
  }

  countSkipped(partition: number, reason: string): void {
    addOne(this.counts(partition).skipped, reason);
  }

  countDeadLetter(partition: number, reason: string): void {
    addOne(this.counts(partition).deadLetters, reason);
  }

  use(schema: WriterSchema): void {
    if (!this.schemas.has(schema.id)) this.schemas.set(schema.id, schema.text);
  }

  /** Forgets all records, and keeps the buffers for the next file. */
  reset(): void {
    this.metadata?.columns.clear();
    this.#keys.clear();
    this.#values.clear();
    this.#deadLetters?.clear();
    this.#counts.clear();
    this.schemas.clear();
    this.openedAtMs = undefined;
  }
}

function addOne(counts: Record<string, number>, reason: string): void {
  counts[reason] = (counts[reason] ?? 0) + 1;
}
