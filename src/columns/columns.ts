import type { RecordBatch } from "apache-arrow";
import { appendValue } from "./append.ts";
import { arrowSchema, batchToIPC, toRecordBatch } from "./arrow.ts";
import { COLUMN_BYTES_MAX, ColumnBuffers } from "./buffers.ts";
import { IpcTemplate, type StreamMemory } from "./ipc.ts";
import type { FileSchema } from "./schema.ts";
import { nullColumn, widened } from "./widen.ts";

export interface ColumnsOptions {
  /** The most bytes of text in one column, and items in one list column; for tests. */
  readonly columnBytesMax?: number;
}

export interface StreamOptions {
  /** The first so many rows; all by default. */
  readonly rows?: number;
  /** Where the stream is written to: it is valid until the next one is. */
  readonly memory?: StreamMemory;
}

/** The rows of a file that is being filled: one growable set of buffers a column. */
export class Columns {
  readonly #bytesMax: number;
  #schema: FileSchema;
  #buffers: readonly ColumnBuffers[];
  #allBuffers: readonly ColumnBuffers[];
  #arrow;
  /** Made of the first row that there is. */
  #template: IpcTemplate | undefined;
  #rows = 0;
  /** Rows below this may have been touched by a writer. */
  #touched = 0;
  #capacity = 0;

  constructor(schema: FileSchema, options: ColumnsOptions = {}) {
    this.#bytesMax = options.columnBytesMax ?? COLUMN_BYTES_MAX;
    this.#schema = schema;
    this.#buffers = schema.columns.map((spec) => new ColumnBuffers(spec, this.#bytesMax));
    this.#allBuffers = inOrder(this.#buffers);
    this.#arrow = arrowSchema(schema);
  }

  get schema(): FileSchema {
    return this.#schema;
  }

  /** In the order of the schema. */
  get buffers(): readonly ColumnBuffers[] {
    return this.#buffers;
  }

  /** The same and all children, parents first, for the compiled decoder: another array once {@link widen} was called. */
  get allBuffers(): readonly ColumnBuffers[] {
    return this.#allBuffers;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Live bytes of all buffers; costs one step a column. */
  get byteLength(): number {
    let bytes = 0;
    for (const column of this.buffers) bytes += column.liveBytes(this.#rows);
    return bytes;
  }

  /** Makes room for `count` more rows, which a writer may then fill in any order. */
  reserve(count: number): void {
    const wanted = this.#rows + count;
    if (wanted > this.#touched) this.#touched = wanted;
    if (wanted <= this.#capacity) return;
    let capacity = Infinity;
    for (const column of this.buffers) {
      column.reserveRows(wanted);
      capacity = Math.min(capacity, column.capacity);
    }
    this.#capacity = this.buffers.length === 0 ? wanted : capacity;
  }

  /** Declares that all columns of the next `count` reserved rows are written. */
  advance(count: number): void {
    if (this.#rows + count > this.#touched) {
      throw new RangeError(`Cannot advance ${count} rows: not reserved`);
    }
    this.#rows += count;
  }

  /** Back to `rows` rows; what a writer left half-written above is forgotten, children of lists included. */
  truncate(rows: number): void {
    if (!(rows >= 0 && rows <= this.#rows)) {
      throw new RangeError(`Cannot truncate to ${rows} rows: ${this.#rows} are held`);
    }
    for (const column of this.buffers) column.resetBits(rows, this.#touched);
    this.#rows = this.#touched = rows;
  }

  /** No rows. Capacity is kept up to a limit a column. */
  clear(): void {
    this.truncate(0);
    for (const column of this.buffers) {
      column.shrink();
      this.#capacity = Math.min(this.#capacity, column.capacity);
    }
  }

  /**
   * Gives the rows that are held the columns of `schema`: those of today come first, in the same order, each with its
   * type or a wider one, and under its name or another; columns behind them are null in these rows.
   *
   * Whatever is thrown on the way (no memory; UserError where a column would be too full), nothing has changed then.
   */
  widen(schema: FileSchema): void {
    const old = this.#buffers;
    if (schema.columns.length < old.length) {
      throw new TypeError(`Cannot widen ${old.length} columns to ${schema.columns.length}`);
    }
    this.truncate(this.#rows);
    const rows = this.#rows;
    const bytesMax = this.#bytesMax;
    const buffers = schema.columns.map((spec, index) =>
      old[index] === undefined
        ? nullColumn(spec, { rows, capacity: this.#capacity, bytesMax })
        : widened(old[index], spec, rows)
    );
    const arrow = arrowSchema(schema);
    this.#schema = schema;
    this.#buffers = buffers;
    this.#allBuffers = inOrder(buffers);
    this.#arrow = arrow;
    this.#template = undefined;
    this.#capacity = buffers.reduce((least, { capacity }) => Math.min(least, capacity), Infinity);
    if (buffers.length === 0) this.#capacity = rows;
    for (const [index, column] of old.entries()) column.releaseTo(buffers[index]!);
  }

  /**
   * Appends one row of JavaScript values, in column order. The slow path, for dead letters and tests.
   *
   * Shapes: `bigint` for int64, timestamp, time64us and the unscaled value of a decimal; `number` for the other
   * numbers and the index of an enum, whose symbol is accepted too; `Uint8Array` for binary and fixed; an array for
   * a list; a `Map` or plain object for a map; a plain object for a struct; `null` or `undefined` for null.
   * Throws TypeError where a value does not fit its column; the row is then not appended.
   */
  appendRow(values: readonly unknown[]): void {
    if (values.length !== this.buffers.length) {
      throw new TypeError(`Cannot append ${values.length} values to ${this.buffers.length} columns`);
    }
    this.reserve(1);
    try {
      for (const [index, column] of this.buffers.entries()) {
        appendValue(column, { row: this.#rows, value: values[index] });
      }
    } catch (error) {
      this.truncate(this.#rows);
      throw error;
    }
    this.advance(1);
  }

  /** The rows as one Arrow batch over these buffers, without a copy: valid until the next append or clear. */
  toRecordBatch(): RecordBatch {
    return this.#batchOf(this.#rows);
  }

  /** The rows as an Arrow IPC stream of one batch: a copy, the caller's own unless it is written into `memory`. */
  toIPC({ rows = this.#rows, memory }: StreamOptions = {}): Uint8Array {
    if (rows > this.#rows) throw new RangeError(`Cannot write ${rows} rows: ${this.#rows} are held`);
    if (rows === 0) return batchToIPC(this.#batchOf(0));
    this.#template ??= new IpcTemplate(batchToIPC(this.#batchOf(1)));
    return this.#template.write(this.buffers, rows, memory);
  }

  #batchOf(rows: number): RecordBatch {
    return toRecordBatch(this.buffers, { schema: this.#arrow, rows });
  }
}

function inOrder(columns: readonly ColumnBuffers[]): ColumnBuffers[] {
  return columns.flatMap((column) => [column, ...inOrder(column.children)]);
}
