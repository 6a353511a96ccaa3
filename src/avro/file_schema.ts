/** The columns of a file, from the schemas of those who wrote the records. */
import type { ColumnSpec, FileSchema } from "../columns/mod.ts";
import { columnsOf, flattenRows, ScopeCounter } from "./flatten.ts";
import { planOf } from "./plan.ts";
import type { AvroType } from "./schema.ts";

export interface ColumnOptions {
  /** Between the names of nested fields in a column name. */
  readonly separator: string;
  /** All columns take null, whatever the schema says: a row may have no value at all. */
  readonly nullable?: boolean;
}

/** The columns of a file of one writer. Throws UserError where two fields would be the same column. */
export function fileSchemaOf(writer: AvroType, options: ColumnOptions): FileSchema {
  const steps = flattenRows(planOf(writer), { ...options, scopes: new ScopeCounter() });
  return { columns: columnsOf(steps, options.separator) };
}

/**
 * The columns that a file needs to take records of `writer`, too: `file` itself where they are the same, in whatever
 * order; `undefined` where no file can hold both, and the next one must begin.
 */
export function merge(file: FileSchema, writer: AvroType, options: ColumnOptions): FileSchema | undefined {
  const wanted = fileSchemaOf(writer, options);
  if (wanted.columns.length !== file.columns.length) return undefined;
  const held = new Map(file.columns.map((column) => [column.name, column]));
  return wanted.columns.every((column) => sameColumn(column, held.get(column.name))) ? file : undefined;
}

/** Same name, nullability and type, all the way down. */
export function sameColumn(one: ColumnSpec, other: ColumnSpec | undefined): boolean {
  return other !== undefined && one.name === other.name && one.nullable === other.nullable &&
    sameValue(one.type, other.type);
}

/** Column types are plain data: equal where their properties are, in whatever order. */
function sameValue(one: unknown, other: unknown): boolean {
  if (typeof one !== "object" || one === null || typeof other !== "object" || other === null) {
    return one === other;
  }
  const left = Object.entries(one);
  const right = new Map(Object.entries(other));
  return left.length === right.size && left.every(([key, value]) => sameValue(value, right.get(key)));
}
