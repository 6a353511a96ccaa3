/**
 * Values as people and scripts write them, exact: what hyparquet would make a double of a decimal, or milliseconds of
 * nanoseconds, is read as it is stored and converted here.
 */
import type { LogicalType, SchemaElement, SchemaTree } from "hyparquet";
import { annotationOf } from "./type_names.ts";
import { isList, isMap, itemOf, mapParts } from "./tree.ts";

/**
 * One value: 64-bit integers as bigint; binary as bytes; decimals, dates, times and timestamps as text
 * (`12.50`, `2026-01-02`, `03:04:05.678`, `2026-01-02T03:04:05.678Z`); structs and maps as objects.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [name: string]: Value };

/** Makes a value of what hyparquet has read with {@link plainSchema}. */
export type Convert = (raw: unknown) => Value;

const MS_PER_DAY = 86_400_000;
/** What a `Date` can hold, in milliseconds on both sides of 1970. */
const DATE_MS_MAX = 8_640_000_000_000_000n;
const UNITS_PER_SECOND = { MILLIS: 1_000n, MICROS: 1_000_000n, NANOS: 1_000_000_000n } as const;
const UNIT_NAMES = { MILLIS: "ms", MICROS: "us", NANOS: "ns" } as const;
const SECONDS_PER_DAY = 86_400n;
const FLOAT32_DIGITS_MAX = 9;

/**
 * The schema without the annotations by which hyparquet would convert values, but for those of texts (it needs
 * them for the keys of maps), of lists and of maps.
 */
export function plainSchema(schema: readonly SchemaElement[]): SchemaElement[] {
  return schema.map((element) => {
    const { converted_type: converted, logical_type: _, ...plain } = element;
    if ((element.num_children ?? 0) > 0) {
      return converted === "LIST" || converted === "MAP" ? { ...plain, converted_type: converted } : plain;
    }
    return isText(annotationOf(element))
      ? { ...plain, converted_type: "UTF8", logical_type: { type: "STRING" } }
      : plain;
  });
}

function isText(logical: LogicalType | undefined): boolean {
  return logical?.type === "STRING" || logical?.type === "ENUM" || logical?.type === "JSON";
}

/** The conversion of one column, by its node in the file's own schema. */
export function converterOf(node: SchemaTree): Convert {
  const convert = node.children.length > 0 ? nested(node) : leaf(node.element);
  return (raw) => {
    if (raw === null || raw === undefined) return null;
    // A repeated field without a list around it.
    return Array.isArray(raw) && !isList(node) ? raw.map(convert) : convert(raw);
  };
}

function nested(node: SchemaTree): Convert {
  if (isList(node)) {
    const item = converterOf(itemOf(node));
    return (raw) => (raw as unknown[]).map(item);
  }
  if (isMap(node)) {
    const value = converterOf(mapParts(node)[1]);
    return (raw) =>
      Object.fromEntries(Object.entries(raw as object).map(([name, item]) => [name, value(item)]));
  }
  const fields = node.children.map((child) => [child.element.name, converterOf(child)] as const);
  return (raw) =>
    Object.fromEntries(
      fields.map(([name, convert]) => [name, convert((raw as Record<string, unknown>)[name])]),
    );
}

function leaf(element: SchemaElement): Convert {
  const logical = annotationOf(element);
  switch (logical?.type) {
    case "DECIMAL":
      return (raw) => decimalText(unscaled(raw), logical.scale);
    case "DATE":
      return (raw) => dateText(Number(raw));
    case "TIME":
      return (raw) => timeText(BigInt(raw as number), logical.unit);
    case "TIMESTAMP":
      return (raw) =>
        timestampText(BigInt(raw as number), { unit: logical.unit, utc: logical.isAdjustedToUTC });
    case "UUID":
      return (raw) => uuidText(raw as Uint8Array);
    case "FLOAT16":
      return (raw) => float16(raw as Uint8Array);
    case "INTEGER":
      if (logical.isSigned) break;
      return (raw) => typeof raw === "bigint" ? BigInt.asUintN(64, raw) : (raw as number) >>> 0;
  }
  // Nanoseconds, by the parser in `rows.ts`.
  if (element.type === "INT96") return (raw) => timestampText(raw as bigint, { unit: "NANOS", utc: false });
  if (element.type === "FLOAT") return (raw) => shortest(raw as number);
  return (raw) => raw as Value;
}

function unscaled(raw: unknown): bigint {
  if (!(raw instanceof Uint8Array)) return BigInt(raw as number);
  const magnitude = raw.length === 0 ? 0n : BigInt(`0x${raw.toHex()}`);
  return BigInt.asIntN(raw.length * 8, magnitude);
}

/** `12.50` of 1250 and scale 2. */
function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? "-" : "";
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function dateText(days: number): string {
  const date = new Date(days * MS_PER_DAY);
  return Number.isNaN(date.valueOf()) ? `${days} days` : date.toISOString().split("T")[0]!;
}

type Unit = keyof typeof UNITS_PER_SECOND;

/** A count of units that is no time of a day, or out of a calendar's reach, is shown as the count that it is. */
function countText(count: bigint, unit: Unit): string {
  return `${count} ${UNIT_NAMES[unit]}`;
}

function timeText(count: bigint, unit: Unit): string {
  const perSecond = UNITS_PER_SECOND[unit];
  if (count < 0n || count >= SECONDS_PER_DAY * perSecond) return countText(count, unit);
  const seconds = new Date(Number(count / perSecond) * 1_000).toISOString().slice(11, 19);
  return `${seconds}.${fraction(count % perSecond, perSecond)}`;
}

function timestampText(count: bigint, { unit, utc }: { unit: Unit; utc: boolean }): string {
  const perSecond = UNITS_PER_SECOND[unit];
  const rest = ((count % perSecond) + perSecond) % perSecond;
  const secondsMs = (count - rest) / perSecond * 1_000n;
  if (secondsMs < -DATE_MS_MAX || secondsMs > DATE_MS_MAX) return countText(count, unit);
  const seconds = new Date(Number(secondsMs)).toISOString().replace(/\.\d+Z$/, "");
  return `${seconds}.${fraction(rest, perSecond)}${utc ? "Z" : ""}`;
}

/** All digits of the unit, so that texts of one column sort as their times do. */
function fraction(rest: bigint, perSecond: bigint): string {
  return rest.toString().padStart(perSecond.toString().length - 1, "0");
}

function uuidText(bytes: Uint8Array): string {
  return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function float16(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat16(0, true);
}

/** The number with the fewest digits that is the same in single precision: 0.1 for 0.10000000149011612. */
function shortest(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let digits = 6; digits < FLOAT32_DIGITS_MAX; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(FLOAT32_DIGITS_MAX));
}
