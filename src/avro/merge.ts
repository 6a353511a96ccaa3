/**
 * What two lists of columns are together: the pure half of schema evolution. The rules are the README's, "Evolution".
 *
 * Merging only ever widens, and what it gives does not depend on which side comes first, but for the order of columns:
 * those held already keep their places, and new ones come last.
 */
import type { ColumnSpec, ColumnType } from "../columns/mod.ts";

/** Names of one column, its aliases included; what is above is forgotten. */
export const NAMES_MAX = 32;

/** Why no file can hold two lists of columns. */
export class Clash {
  readonly reason: ClashReason;

  constructor(reason: ClashReason) {
    this.reason = reason;
  }
}

export type ClashReason =
  | {
    readonly kind: "types";
    /** The column, and within a list, map or struct the way to what differs, as in `items[].price`. */
    readonly column: string;
    readonly held: ColumnType;
    readonly wanted: ColumnType;
  }
  /** Together they are too many. */
  | { readonly kind: "columns"; readonly count: number };

/** The columns that hold rows of both; `held` itself where it already does. */
export function mergeColumns(
  held: readonly ColumnSpec[],
  wanted: readonly ColumnSpec[],
  parent = "",
): readonly ColumnSpec[] | Clash {
  const merged = held.map((column) => column.nullable ? column : { ...column, nullable: true });
  const added: ColumnSpec[] = [];
  const places = matchColumns(held, wanted);
  for (const [index, column] of wanted.entries()) {
    const place = places[index];
    if (place === undefined) {
      added.push({ ...column, nullable: true });
      continue;
    }
    const both = mergeColumn(held[place]!, column, parent + held[place]!.name);
    if (both instanceof Clash) return both;
    merged[place] = both;
  }
  const isSame = added.length === 0 && merged.every((column, index) => column === held[index]);
  return isSame ? held : [...merged, ...added];
}

/**
 * Where each of the `wanted` columns goes: the index of one that is held, or undefined for a new one. Its own name
 * comes first, then names that either side gives as an alias, where the types go together.
 */
export function matchColumns(
  held: readonly ColumnSpec[],
  wanted: readonly ColumnSpec[],
): (number | undefined)[] {
  const byName = new Map(held.map(({ name }, index) => [name, index]));
  const byAlias = new Map(
    held.flatMap(({ aliases = [] }, index) => aliases.map((alias) => [alias, index] as const)).reverse(),
  );
  const places = wanted.map(({ name }) => byName.get(name));
  const taken = new Set(places);
  for (const [index, column] of wanted.entries()) {
    if (places[index] !== undefined) continue;
    const found = [
      byAlias.get(column.name),
      ...(column.aliases ?? []).flatMap((alias) => [byName.get(alias), byAlias.get(alias)]),
    ];
    const place = found.find((place) =>
      place !== undefined && !taken.has(place) &&
      !(mergeType(held[place]!.type, column.type, "") instanceof Clash)
    );
    if (place !== undefined) taken.add(places[index] = place);
  }
  return places;
}

function mergeColumn(held: ColumnSpec, wanted: ColumnSpec, path: string): ColumnSpec | Clash {
  const type = mergeType(held.type, wanted.type, path);
  if (type instanceof Clash) return type;
  // Who names the other has the newer name.
  const isRenamed = wanted.name !== held.name && !held.aliases?.includes(wanted.name) &&
    wanted.aliases?.includes(held.name);
  const name = isRenamed ? wanted.name : held.name;
  const aliases = aliasesOf(name, held, wanted);
  const nullable = held.nullable || wanted.nullable;
  if (
    type === held.type && name === held.name && nullable === held.nullable &&
    aliases.length === (held.aliases?.length ?? 0)
  ) return held;
  return { name, type, nullable, ...(aliases.length > 0 ? { aliases } : {}) };
}

function aliasesOf(name: string, held: ColumnSpec, wanted: ColumnSpec): string[] {
  const names = [...held.aliases ?? [], held.name, ...wanted.aliases ?? [], wanted.name];
  return [...new Set(names)].filter((other) => other !== name).slice(0, NAMES_MAX - 1);
}

/** `held` itself where it holds both. */
function mergeType(held: ColumnType, wanted: ColumnType, path: string): ColumnType | Clash {
  if (sameValue(held, wanted) || isAbsent(wanted)) return held;
  if (isAbsent(held)) return wanted;
  const type = mergeNumbers(held, wanted) ?? mergeBytes(held, wanted) ?? mergeDecimals(held, wanted) ??
    mergeNested(held, wanted, path) ?? new Clash({ kind: "types", column: path, held, wanted });
  return !(type instanceof Clash) && sameValue(type, held) ? held : type;
}

/** Only nulls so far. */
function isAbsent(type: ColumnType): boolean {
  return type.kind === "bool" && type.absent === true;
}

/** A float beside an int or a long needs a double: 32 bits would not hold every int. */
function mergeNumbers(held: ColumnType, wanted: ColumnType): ColumnType | undefined {
  if (!isNumber(held) || !isNumber(wanted)) return undefined;
  return { kind: isInteger(held) && isInteger(wanted) ? "int64" : "float64" };
}

function isNumber(type: ColumnType): boolean {
  return isInteger(type) || type.kind === "float32" || type.kind === "float64";
}

function isInteger(type: ColumnType): boolean {
  return type.kind === "int32" || type.kind === "int64";
}

/** Symbols are text, and text and fixed bytes are bytes; all bytes are text would not be true. */
function mergeBytes(held: ColumnType, wanted: ColumnType): ColumnType | undefined {
  if (!isBytes(held) || !isBytes(wanted)) return undefined;
  if (held.kind === "enum" && wanted.kind === "enum") {
    const known = new Set(held.symbols);
    const added = new Set(wanted.symbols.filter((symbol) => !known.has(symbol)));
    return { kind: "enum", symbols: [...held.symbols, ...added] };
  }
  if (held.kind === "fixed" && wanted.kind === "fixed" && held.byteWidth === wanted.byteWidth) {
    return { kind: "fixed", byteWidth: held.byteWidth };
  }
  return { kind: isText(held) && isText(wanted) ? "utf8" : "binary" };
}

function isBytes(type: ColumnType): boolean {
  return isText(type) || type.kind === "binary" || type.kind === "fixed";
}

function isText(type: ColumnType): boolean {
  return type.kind === "enum" || type.kind === "utf8";
}

/** Of the same scale: values of another would have to be multiplied, and might then not fit. */
function mergeDecimals(held: ColumnType, wanted: ColumnType): ColumnType | undefined {
  if (held.kind !== "decimal" || wanted.kind !== "decimal" || held.scale !== wanted.scale) return undefined;
  return held.precision >= wanted.precision ? held : wanted;
}

function mergeNested(held: ColumnType, wanted: ColumnType, path: string): ColumnType | Clash | undefined {
  if (held.kind === "list" && wanted.kind === "list") {
    const item = mergeColumn(held.item, wanted.item, `${path}[]`);
    return item instanceof Clash ? item : { kind: "list", item };
  }
  if (held.kind === "map" && wanted.kind === "map") {
    const value = mergeColumn(held.value, wanted.value, `${path}{}`);
    return value instanceof Clash ? value : { kind: "map", value };
  }
  if (held.kind === "struct" && wanted.kind === "struct") {
    const fields = mergeColumns(held.fields, wanted.fields, `${path}.`);
    return fields instanceof Clash ? fields : { kind: "struct", fields };
  }
  return undefined;
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
