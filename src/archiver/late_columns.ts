/** Columns of an open file whose schema is known no sooner than their first value comes. */
import { Columns, type FileSchema } from "../columns/mod.ts";

/** Of rows without a value the last ones may be missing: they are made up for when it matters. */
export class LateColumns {
  /** Kept across files of the same schema, so that buffers grow once. */
  #columns: Columns | undefined;

  /** Of what is held; undefined where there is nothing. */
  get schema(): FileSchema | undefined {
    return this.rows > 0 ? this.#columns!.schema : undefined;
  }

  get rows(): number {
    return this.#columns?.rows ?? 0;
  }

  get byteLength(): number {
    return this.#columns?.byteLength ?? 0;
  }

  /** Columns of this schema, which holds what is there already, of `rows` rows: nulls where there was nothing. */
  columnsFor(schema: FileSchema, rows: number): Columns {
    const columns = this.#columns;
    if (columns === undefined || (columns.schema !== schema && columns.rows === 0)) {
      return this.#filled(this.#columns = new Columns(schema), rows);
    }
    if (columns.schema !== schema) columns.widen(schema);
    return this.#filled(columns, rows);
  }

  /** The same of the last schema that there was, in this file or one before; `otherwise` where there was none. */
  complete(rows: number, otherwise: FileSchema): Columns {
    return this.#filled(this.#columns ??= new Columns(otherwise), rows);
  }

  truncate(rows: number): void {
    if (rows < this.rows) this.#columns!.truncate(rows);
  }

  clear(): void {
    this.#columns?.clear();
  }

  #filled(columns: Columns, rows: number): Columns {
    if (columns.rows < rows) columns.appendNulls(rows - columns.rows);
    return columns;
  }
}
