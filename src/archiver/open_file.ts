/** The file that a topic's records go into until it is closed: columns, dead letters, and what happened to whom. */
import { Columns, type FileSchema } from "../columns/mod.ts";
import { newDeadLetters } from "./dead_letters.ts";
import type { WriterSchema } from "./schemas.ts";

/** What happened to one partition's records since the last file. */
export interface Counts {
  rows: number;
  readonly deadLetters: Record<string, number>;
  readonly skipped: Record<string, number>;
}

export class OpenFile {
  /** Undefined until the first row is near. */
  #columns: Columns | undefined;
  /** Kept across files of the same schema, so that buffers grow once. */
  #deadLetters: Columns | undefined;
  readonly #counts = new Map<number, Counts>();
  readonly schemas = new Map<number, string>();
  /** `performance.now()` at the first record that the file must hold; undefined before. */
  openedAtMs: number | undefined;

  get columns(): Columns | undefined {
    return this.#columns;
  }

  get deadLetters(): Columns | undefined {
    return this.#deadLetters;
  }

  get rows(): number {
    return this.#columns?.rows ?? 0;
  }

  get deadLetterCount(): number {
    return this.#deadLetters?.rows ?? 0;
  }

  /** Bytes that the file holds in memory. */
  get byteLength(): number {
    return (this.#columns?.byteLength ?? 0) + (this.#deadLetters?.byteLength ?? 0);
  }

  /** Columns for rows of this file schema, which holds the rows that are there already. */
  columnsFor(schema: FileSchema): Columns {
    const columns = this.#columns;
    if (columns === undefined || (columns.schema !== schema && columns.rows === 0)) {
      return this.#columns = new Columns(schema);
    }
    if (columns.schema !== schema) columns.widen(schema);
    return columns;
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
    this.#columns?.clear();
    this.#deadLetters?.clear();
    this.#counts.clear();
    this.schemas.clear();
    this.openedAtMs = undefined;
  }
}

function addOne(counts: Record<string, number>, reason: string): void {
  counts[reason] = (counts[reason] ?? 0) + 1;
}
