/** A Parquet file at a glance: its columns, their types and a few rows, in a table that fits the terminal. */
import {
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";

const PREVIEW_ROWS = 3;
/** Single precision holds no more; the rest is what double precision makes of them. */
const FLOAT_DIGITS = 7;
const ISO_DATE_LENGTH = 10;
const NAME_WIDTH_MAX = 30;
const TYPE_WIDTH_MAX = 20;
const CELL_WIDTH_MIN = 12;
const GAP = "  ";
const WIDE_LETTER =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}]/u;

/** One line a column: name, type, and its value in the first rows. */
export async function previewTable(path: string, widthColumns: number): Promise<string[]> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  const rows = await parquetReadObjects({ file, metadata, compressors, utf8: false, rowEnd: PREVIEW_ROWS });
  const lines = columnTypes(metadata).map(({ name, type }) => [
    name,
    type,
    ...rows.map((row) => cellText(row[name], type)),
  ]);
  const header = ["COLUMN", "TYPE", ...rows.map((_, index) => `ROW ${index + 1}`)];
  return fitTable([header, ...lines], widthColumns);
}

/** The number of rows that a file's footer states. */
export async function rowCount(path: string): Promise<number> {
  const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path));
  return Number(metadata.num_rows);
}

/** The top-level columns with their types as people write them: `list<struct<sku: string>>`. */
export function columnTypes(metadata: FileMetaData): { name: string; type: string }[] {
  return parquetSchema(metadata).children.map((child) => ({
    name: child.element.name,
    type: typeText(child),
  }));
}

function typeText(node: SchemaTree): string {
  const { element, children } = node;
  const logical = element.logical_type?.type ?? element.converted_type;
  if (children.length === 0) return leafText(node);
  if (logical === "LIST") return `list<${listItem(node)}>`;
  if (logical === "MAP") return `map<${(children[0]?.children ?? []).map(typeText).join(", ")}>`;
  return `struct<${children.map((child) => `${child.element.name}: ${typeText(child)}`).join(", ")}>`;
}

/** A list holds a repeated group that holds the item. */
function listItem(node: SchemaTree): string {
  const item = node.children[0]?.children[0];
  return item === undefined ? "?" : typeText(item);
}

function leafText({ element }: SchemaTree): string {
  const logical = element.logical_type;
  switch (logical?.type) {
    case "STRING":
    case "UUID":
    case "DATE":
      return logical.type.toLowerCase();
    case "DECIMAL":
      return `decimal(${logical.precision}, ${logical.scale})`;
    case "TIMESTAMP":
      return `timestamp[${unitText(logical.unit)}${logical.isAdjustedToUTC ? ", UTC" : ""}]`;
    case "TIME":
      return `time[${unitText(logical.unit)}]`;
  }
  // Files of older writers have only these.
  if (element.converted_type === "UTF8") return "string";
  if (element.converted_type === "DATE") return "date";
  const physical: Readonly<Record<string, string>> = {
    BYTE_ARRAY: "binary",
    FIXED_LEN_BYTE_ARRAY: `binary[${element.type_length ?? "?"}]`,
  };
  return physical[element.type ?? ""] ?? (element.type ?? "?").toLowerCase();
}

function unitText(unit: string): string {
  return { MILLIS: "ms", MICROS: "us", NANOS: "ns" }[unit] ?? unit;
}

function cellText(value: unknown, type: string): string {
  if (value === null || value === undefined) return "·";
  if (typeof value === "string") return value;
  if (value instanceof Date) {
    const text = value.toISOString();
    return type === "date" ? text.slice(0, ISO_DATE_LENGTH) : text.slice(0, -1).replace("T", " ");
  }
  if (value instanceof Uint8Array) return `0x${value.toHex()}`;
  if (typeof value === "number" && type === "float") return String(Number(value.toPrecision(FLOAT_DIGITS)));
  if (typeof value !== "object") return String(value);
  return JSON.stringify(value, (_key, item) => typeof item === "bigint" ? Number(item) : item);
}

/**
 * Columns as wide as their longest cell, cut so that no line is wider than `widthColumns`; where there is no room for
 * all rows' values, fewer rows: hardly a letter of each would say nothing.
 *
 * @param table A header and lines of cells: name, type, and any number of rows' values.
 */
export function fitTable(table: readonly (readonly string[])[], widthColumns: number): string[] {
  const clean = table.map((cells) => cells.map((cell) => Array.from(cell.replaceAll(/\p{Cc}/gu, " "))));
  const natural = (column: number) => Math.max(...clean.map((cells) => textWidth(cells[column] ?? [])));
  const widths = [Math.min(natural(0), NAME_WIDTH_MAX), Math.min(natural(1), TYPE_WIDTH_MAX)];
  let room = widthColumns - widths.reduce((sum, width) => sum + width + GAP.length, 0) + GAP.length;
  const rows = Math.min(
    (table[0]?.length ?? 2) - 2,
    Math.max(1, Math.floor(room / (CELL_WIDTH_MIN + GAP.length))),
  );
  for (let row = 0; row < rows; row++) {
    // What short values leave over goes to the rows after them.
    const share = Math.floor(room / (rows - row)) - GAP.length;
    const width = Math.max(0, Math.min(natural(row + 2), share));
    widths.push(width);
    room -= width + GAP.length;
  }
  return clean.map((cells) =>
    widths.map((width, column) => fitCell(cells[column] ?? [], width)).join(GAP).trimEnd()
  );
}

function fitCell(letters: readonly string[], width: number): string {
  const whole = textWidth(letters);
  if (whole <= width) return letters.join("") + " ".repeat(width - whole);
  let cut = letters.length;
  while (cut > 0 && textWidth(letters.slice(0, cut)) >= width) cut--;
  const kept = letters.slice(0, cut);
  return kept.join("") + "…" + " ".repeat(Math.max(0, width - textWidth(kept) - 1));
}

/** Terminal cells: ideographs and most emoji take two. */
function textWidth(letters: readonly string[]): number {
  return letters.reduce((width, letter) => width + (WIDE_LETTER.test(letter) ? 2 : 1), 0);
}
