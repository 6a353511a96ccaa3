/** The columns of a file, from the schemas of those who wrote the records. */
import { childSpecs, type ColumnSpec, type FileSchema } from "../columns/mod.ts";
import { columnsOf, flattenRows, ScopeCounter } from "./flatten.ts";
import { Clash, mergeColumns } from "./merge.ts";
import { COLUMNS_MAX, planOf } from "./plan.ts";
import type { AvroType } from "./schema.ts";
import type { ColumnSelection } from "./selection.ts";

export interface ColumnOptions {
  /** Between the names of nested fields in a column name. */
  readonly separator: string;
  /** All columns take null, whatever the schema says: a row may have no value at all. */
  readonly nullable?: boolean;
  /** All columns by default. */
  readonly selection?: ColumnSelection | undefined;
}

/** The columns of a file of one writer. Throws UserError where two fields would be the same column. */
export function fileSchemaOf(writer: AvroType, options: ColumnOptions): FileSchema {
  const steps = flattenRows(planOf(writer), { ...options, scopes: new ScopeCounter() });
  return { columns: columnsOf(steps, options.separator) };
}

/** Patterns of the selection that match no column of the schema, or of any of several, each with what may have been meant. */
export function unmatchedPatterns(
  writers: AvroType | readonly AvroType[],
  { separator, selection }: ColumnOptions,
): ReturnType<ColumnSelection["unmatched"]> {
  if (selection === undefined) return [];
  const steps = [writers].flat().flatMap((writer) =>
    flattenRows(planOf(writer), { separator, scopes: new ScopeCounter() })
  );
  const columns = steps.flatMap((step) => step.kind === "value" ? step.targets : []);
  return selection.unmatched(columns.map(({ name, aliases = [] }) => [name, ...aliases]), separator);
}

/**
 * The columns that a file needs to take records of `writer`, too: `file` itself where it has them already, and where
 * no file can hold both, why. What is added comes last, and what there was keeps its place.
 */
export function merge(file: FileSchema, writer: AvroType, options: ColumnOptions): FileSchema | Clash {
  const columns = mergeColumns(file.columns, fileSchemaOf(writer, options).columns);
  if (columns instanceof Clash) return columns;
  if (columns === file.columns) return file;
  const count = countColumns(columns);
  return count <= COLUMNS_MAX ? { columns } : new Clash({ kind: "columns", count });
}

function countColumns(columns: readonly ColumnSpec[]): number {
  return columns.reduce((sum, { type }) => sum + 1 + countColumns(childSpecs(type)), 0);
}
