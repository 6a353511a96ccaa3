/** Names that readers take for one: Spark and DuckDB do not tell `Id` from `id`. */
import type { ColumnSpec } from "./schema.ts";

/** Columns whose names differ from one before them only in the case of letters, each with that one. */
export function sameButForCase(columns: readonly ColumnSpec[]): { first: string; second: string }[] {
  const seen = new Map<string, string>();
  const same: { first: string; second: string }[] = [];
  for (const { name } of columns) {
    const folded = name.toLowerCase();
    const first = seen.get(folded);
    if (first === undefined) seen.set(folded, name);
    else same.push({ first, second: name });
  }
  return same;
}
