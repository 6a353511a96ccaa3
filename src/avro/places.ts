/**
 * Whether a file that has got wider still takes a writer's records into the columns that they went into before. Only
 * aliases can change that: a name that was another column's, and comes again with a meaning of its own, draws the
 * records of older writers to itself.
 */
import type { ColumnSpec, ColumnType, FileSchema } from "../columns/mod.ts";
import { matchColumns } from "./merge.ts";

/** Whether columns of `writer` have the same places in both files; `after` is `before` widened. */
export function keepsPlaces(before: FileSchema, after: FileSchema, writer: FileSchema): boolean {
  return haveSamePlaces(before.columns, after.columns, writer.columns);
}

/** Whether any column, at any depth, has another name. */
export function hasAliases({ columns }: FileSchema): boolean {
  const has = ({ aliases = [], type }: ColumnSpec): boolean =>
    aliases.length > 0 || fieldsOf(type).some((field) => has(field));
  return columns.some((column) => has(column));
}

function haveSamePlaces(
  before: readonly ColumnSpec[],
  after: readonly ColumnSpec[],
  wanted: readonly ColumnSpec[],
): boolean {
  const then = matchColumns(before, wanted);
  const now = matchColumns(after, wanted);
  return wanted.every(({ type }, index) => {
    const place = then[index];
    if (place === undefined || place !== now[index]) return false;
    return haveSamePlaces(fieldsOf(before[place]!.type), fieldsOf(after[place]!.type), fieldsOf(type));
  });
}

/** The columns within, whatever lists and maps are around them. */
function fieldsOf(type: ColumnType): readonly ColumnSpec[] {
  switch (type.kind) {
    case "struct":
      return type.fields;
    case "list":
      return fieldsOf(type.item.type);
    case "map":
      return fieldsOf(type.value.type);
    default:
      return [];
  }
}
