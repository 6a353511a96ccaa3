/** Numbers, sizes and values in the words of people; values as JSON and CSV. */
import type { Value } from "../parquet/mod.ts";
import { noun } from "../words.ts";

export { sizeText } from "../words.ts";

/** No terminal shows more of one value, and cutting early keeps a cell of megabytes cheap. */
const CELL_LETTERS_MAX = 1_000;

/** What `toJson` writes: JSON's own values, with bigint and bytes. */
export type Json = Value | undefined | readonly Json[] | { readonly [name: string]: Json };

/** `1234567` as `1,234,567`. */
export function countText(count: number | bigint): string {
  return count.toLocaleString("en");
}

/** `3 files`, `1 file`. */
export function plural(count: number, word: string): string {
  return `${countText(count)} ${noun(count, word)}`;
}

/** A value in a table: binary in hexadecimal, null as a dot. */
export function cellText(value: Value): string {
  if (value === null) return "·";
  if (typeof value === "string") return value.slice(0, CELL_LETTERS_MAX);
  if (value instanceof Uint8Array) return `0x${value.subarray(0, CELL_LETTERS_MAX).toHex()}`;
  return typeof value === "object" ? toJson(value).slice(0, CELL_LETTERS_MAX) : String(value);
}

/**
 * JSON text on one line: 64-bit integers as numbers with all their digits, binary as base64, numbers that JSON lacks
 * as the texts `NaN`, `Infinity` and `-Infinity`.
 */
export function toJson(value: Json): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "string") return jsonString(value);
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : `"${value}"`;
  if (typeof value !== "object") return String(value);
  if (value instanceof Uint8Array) return `"${value.toBase64()}"`;
  if (Array.isArray(value)) return `[${value.map(toJson).join(",")}]`;
  const parts: string[] = [];
  for (const [name, item] of Object.entries(value)) {
    if (item !== undefined) parts.push(`${jsonString(name)}:${toJson(item)}`);
  }
  return `{${parts.join(",")}}`;
}

/** Also without the control characters that JSON allows and terminals obey. */
function jsonString(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[\x7f-\x9f\u2028\u2029]/g,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * One line of CSV as RFC 4180 has it, with its line end: null as nothing, an empty text as `""`, binary as base64,
 * nested values as JSON.
 */
export function csvLine(values: readonly Value[]): string {
  return `${values.map(csvCell).join(",")}\n`;
}

function csvCell(value: Value): string {
  if (value === null) return "";
  if (value instanceof Uint8Array) return value.toBase64() || `""`;
  const text = typeof value === "object" ? toJson(value) : String(value);
  return text === "" || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
