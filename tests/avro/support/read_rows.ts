/** Rows out of columns: straight from the buffers, and from the Parquet file that they make. */
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { Compression, Table, writeParquet, WriterPropertiesBuilder } from "parquet-wasm";
import type { ColumnBuffers, Columns, FileSchema } from "../../../src/columns/mod.ts";
import type { Row } from "./reference.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const lossyDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** int64, timestamps, times in µs and unscaled decimals as bigint, enums as symbols, maps as Map. */
export function readRows(columns: Columns): Row[] {
  return Array.from(
    { length: columns.rows },
    (_, row) =>
      Object.fromEntries(columns.buffers.map((column) => [column.spec.name, readCell(column, row)])),
  );
}

function readCell(column: ColumnBuffers, row: number): unknown {
  const { type, nullable } = column.spec;
  if (nullable && !isSet(column.validity, row)) return null;
  const values = column.values;
  switch (type.kind) {
    case "bool":
      return isSet(values, row);
    case "enum":
      return type.symbols[values[row]!];
    case "int64":
    case "timestamp":
    case "time64us":
    case "decimal":
      return wordsOf(column, row);
    case "utf8":
      return decoder.decode(column.data.subarray(column.offsets[row], column.offsets[row + 1]));
    case "binary":
      return column.data.slice(column.offsets[row], column.offsets[row + 1]);
    case "fixed":
      return values.slice(row * type.byteWidth, (row + 1) * type.byteWidth);
    case "list":
      return itemRows(column, row).map((item) => readCell(column.children[0]!, item));
    case "map":
      return new Map(
        itemRows(column, row).map((
          item,
        ) => [readCell(column.children[0]!, item), readCell(column.children[1]!, item)]),
      );
    case "struct":
      return Object.fromEntries(column.children.map((child) => [child.spec.name, readCell(child, row)]));
    default:
      return values[row];
  }
}

function isSet(bits: ArrayLike<number>, row: number): boolean {
  return (bits[row >> 3]! >> (row & 7) & 1) === 1;
}

function wordsOf({ values, stride }: ColumnBuffers, row: number): bigint {
  let value = BigInt(values[(row + 1) * stride - 1]!);
  for (let word = stride - 2; word >= 0; word--) {
    value = value << 32n | BigInt(values[row * stride + word]! >>> 0);
  }
  return value;
}

function itemRows({ offsets }: ColumnBuffers, row: number): number[] {
  return Array.from({ length: offsets[row + 1]! - offsets[row]! }, (_, index) => offsets[row]! + index);
}

/** The Parquet file of the columns. */
export function toParquet(columns: Columns): Uint8Array {
  const properties = new WriterPropertiesBuilder().setCompression(Compression.SNAPPY).build();
  return writeParquet(Table.fromIPCStream(columns.toIPC()), properties);
}

/** Rows of a Parquet file as hyparquet has them: dates and times as their numbers, decimals as float64. */
export async function readParquetRows(parquet: Uint8Array): Promise<Row[]> {
  const file = parquet.slice().buffer;
  const parsers = {
    timestampFromMilliseconds: (value: bigint) => value,
    timestampFromMicroseconds: (value: bigint) => value,
    timestampFromNanoseconds: (value: bigint) => value,
    dateFromDays: (value: number) => value,
    // Its own drops a byte order mark, which is a part of the text. Statistics of bytes come here, too.
    stringFromBytes: (bytes: Uint8Array | undefined) => bytes && lossyDecoder.decode(bytes),
  };
  return await parquetReadObjects({ file, compressors, utf8: false, parsers: parsers as never });
}

/** A text that is equal where rows are: both of `readRows` and of `readParquetRows`. */
export function canonical(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object") return Object.is(value, -0) ? "-0" : String(value);
  if (value instanceof Uint8Array) return `bytes ${[...value]}`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(", ")}]`;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}: ${canonical(item)}`).sort().join(", ")}}`;
}

/** Rows with unscaled decimals replaced by the numbers that hyparquet makes of them. */
export function roundDecimals(rows: readonly Row[], schema: FileSchema): Row[] {
  const round = (value: unknown, type: FileSchema["columns"][number]["type"]): unknown => {
    if (value === null) return null;
    switch (type.kind) {
      case "decimal":
        return Number(value) * 10 ** -type.scale;
      case "list":
        return (value as unknown[]).map((item) => round(item, type.item.type));
      case "map":
        return new Map(
          [...value as Map<string, unknown>].map(([key, item]) => [key, round(item, type.value.type)]),
        );
      case "struct":
        return Object.fromEntries(
          type.fields.map((field) => [field.name, round((value as Row)[field.name], field.type)]),
        );
      default:
        return value;
    }
  };
  return rows.map((row) =>
    Object.fromEntries(schema.columns.map(({ name, type }) => [name, round(row[name], type)]))
  );
}
