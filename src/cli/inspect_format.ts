/** What `inspect` says of one file: its facts and rows as lines for people, and as JSON. */
import type { FileColumn, FileSummary, Storage, Value } from "../parquet/mod.ts";
import { cleanLine, fitsWhole, formatBlocks, formatTable } from "./table.ts";
import { cellText, countText, type Json, plural, sizeText } from "./text.ts";

/** Of row groups and partitions people get so many lines; JSON has all. */
const LINES_MAX = 20;
const INDENT = "  ";

type Content = NonNullable<FileSummary["content"]>;

/** The file's name, facts and columns, fitted to a line's `width`. */
export function factsAsLines(summary: FileSummary, width: number): string[] {
  const facts = formatTable([...factsOf(summary)], { width: width - INDENT.length });
  return [
    cleanLine(summary.path),
    ...facts.map((line) => INDENT + line),
    "",
    ...columnLines(summary.columns, width),
    ...(summary.rowGroups.length > 1 ? ["", ...rowGroupLines(summary, width)] : []),
  ];
}

function* factsOf(summary: FileSummary): Generator<[string, string]> {
  const { rows, rowGroups, bytes, footerBytes, createdBy, columns, content } = summary;
  const raw = rowGroups.reduce((sum, group) => sum + group.uncompressedBytes, 0);
  const codecs = [...new Set(columns.flatMap((column) => column.codecs))];
  yield ["rows", `${countText(rows)} in ${plural(rowGroups.length, "row group")}`];
  yield [
    "size",
    `${sizeText(bytes)}, of which ${sizeText(footerBytes)} footer; uncompressed ${sizeText(raw)}`,
  ];
  if (codecs.length > 0) yield ["codec", codecs.join(", ")];
  yield ["written by", createdBy ?? "unknown"];
  if (content !== undefined) yield* originOf(content);
}

function* originOf(content: Content): Generator<[string, string]> {
  const { kind, topic, group, cluster, checkpoint, schemas, ranges, redriven } = content;
  yield ["topic", topicText({ topic, kind })];
  yield ["group", `${group} on cluster ${cluster}`];
  yield ["checkpoint", checkpoint];
  yield ["schema ids", [...schemas.keys()].join(", ")];
  for (const [index, range] of ranges.slice(0, LINES_MAX).entries()) {
    yield [
      index === 0 ? "offsets" : "",
      `partition ${range.partition} ${rangeText(range)}: ${countsText(range)}`,
    ];
  }
  if (ranges.length > LINES_MAX) yield ["", `and ${countText(ranges.length - LINES_MAX)} more`];
  if (redriven !== undefined) yield* redrivenFacts(redriven);
}

/** The topic, and what its file holds where that is no plain data. */
export function topicText({ topic, kind }: Pick<Content, "topic" | "kind">): string {
  if (kind === "data") return topic;
  return `${topic}, ${kind === "redriven" ? "redriven" : "dead letters"}`;
}

function* redrivenFacts({ source, offsets }: NonNullable<Content["redriven"]>): Generator<[string, string]> {
  yield ["redriven of", source];
  for (const [index, range] of offsets.slice(0, LINES_MAX).entries()) {
    yield [index === 0 ? "offsets" : "", `partition ${range.partition} ${rangeText(range)}`];
  }
  if (offsets.length > LINES_MAX) yield ["", `and ${countText(offsets.length - LINES_MAX)} more`];
}

/** `[5, 9)`, the offset 9 not being in it. */
export function rangeText({ first, next }: { readonly first: bigint; readonly next: bigint }): string {
  return `[${first}, ${next})`;
}

function countsText({ rows, deadLetters, skipped, redriven }: Content["ranges"][number]): string {
  const counts = [plural(rows, "row")];
  for (const [reason, count] of Object.entries(deadLetters)) {
    counts.push(`${plural(count, "dead letter")} (${reason})`);
  }
  if (redriven !== undefined) counts.push(`${countText(redriven)} of them redriven`);
  for (const [reason, count] of Object.entries(skipped)) {
    counts.push(`${countText(count)} skipped (${reason})`);
  }
  return counts.join(", ");
}

function columnLines(columns: readonly FileColumn[], width: number): string[] {
  // One codec for all is said above.
  const codecs = new Set(columns.map((column) => column.codecs.join(", ")));
  const withCodec = <T>(cell: T) => codecs.size > 1 ? [cell] : [];
  const header = ["COLUMN", "TYPE", "NULL", "PARQUET", "ENCODING", ...withCodec("CODEC"), "SIZE", "RAW"];
  const lines = columns.map((column) => [
    column.name,
    column.arrow,
    column.nullable ? "yes" : "no",
    column.parquet,
    // Of a dictionary's indexes RLE goes without saying.
    column.encodings.map((encoding) => encoding.replace("RLE_DICT", "DICT")).join(", "),
    ...withCodec(column.codecs.join(", ")),
    sizeText(column.compressedBytes),
    sizeText(column.uncompressedBytes),
  ]);
  return formatTable([header, ...lines], {
    width,
    right: [header.length - 2, header.length - 1],
    whole: [0],
  });
}

function rowGroupLines({ rowGroups }: FileSummary, width: number): string[] {
  const lines = rowGroups.slice(0, LINES_MAX).map(({ rows, compressedBytes, uncompressedBytes }, index) => [
    String(index),
    countText(rows),
    sizeText(compressedBytes),
    sizeText(uncompressedBytes),
  ]);
  const more = rowGroups.length - lines.length;
  return [
    ...formatTable([["ROW GROUP", "ROWS", "SIZE", "RAW"], ...lines], { width, right: [0, 1, 2, 3] }),
    ...(more > 0 ? [`and ${countText(more)} more`] : []),
  ];
}

/**
 * Rows under each other where they fit the width, else a line for each column and beside it as many rows as fit.
 *
 * @param from The number of the first of `rows`, counted from 0.
 */
export function rowsAsLines(
  names: readonly string[],
  rows: readonly (readonly Value[])[],
  { from, width }: { from: number; width: number },
): string[] {
  const cells = rows.map((row) => row.map(cellText));
  const upright = [["ROW", ...names], ...cells.map((row, index) => [String(from + index + 1), ...row])];
  if (fitsWhole(upright, width)) return formatTable(upright, { width, right: [0] });
  const blocks = formatBlocks({
    titles: ["COLUMN", ...rows.map((_, index) => `ROW ${from + index + 1}`)],
    lines: names.map((name, column) => [name, ...cells.map((row) => row[column]!)]),
    leading: 1,
  }, { width });
  return blocks.flatMap((lines, index) => index === 0 ? lines : ["", ...lines]);
}

/** The file's facts, with keys that stay as they are. */
export function factsAsJson(summary: FileSummary): { readonly [name: string]: Json } {
  return {
    kind: "file",
    path: summary.path,
    bytes: summary.bytes,
    footer_bytes: summary.footerBytes,
    rows: summary.rows,
    created_by: summary.createdBy,
    row_groups: summary.rowGroups.map(({ rows, compressedBytes, uncompressedBytes }) => ({
      rows,
      compressed_bytes: compressedBytes,
      uncompressed_bytes: uncompressedBytes,
    })),
    columns: summary.columns.map((column) => ({
      name: column.name,
      arrow_type: column.arrow,
      parquet_type: column.parquet,
      nullable: column.nullable,
      nulls: column.nulls,
      ...storageAsJson(column),
      leaves: isFlat(column) ? undefined : column.leaves.map((leaf) => ({
        path: leaf.path,
        arrow_type: leaf.arrow,
        parquet_type: leaf.parquet,
        ...storageAsJson(leaf),
      })),
    })),
    kafka2parquet: summary.content && originAsJson(summary.content),
  };
}

function isFlat({ leaves }: FileColumn): boolean {
  return leaves.length === 1 && leaves[0]!.path.length === 1;
}

function storageAsJson(storage: Storage): { readonly [name: string]: Json } {
  return {
    codecs: storage.codecs,
    encodings: storage.encodings,
    compressed_bytes: storage.compressedBytes,
    uncompressed_bytes: storage.uncompressedBytes,
  };
}

function originAsJson(content: Content): { readonly [name: string]: Json } {
  const { version, kind, cluster, group, topic, checkpoint, ranges, redriven, schemas } = content;
  return {
    version,
    kind,
    cluster,
    group,
    topic,
    checkpoint,
    schema_ids: [...schemas.keys()],
    writer_schemas: Object.fromEntries(schemas),
    ranges: ranges.map(({ partition, first, next, rows, deadLetters, skipped, redriven }) => ({
      partition,
      first,
      next,
      rows,
      dead_letters: deadLetters,
      skipped,
      redriven,
    })),
    redriven: redriven && {
      source: redriven.source,
      offsets: redriven.offsets.map(({ partition, first, next }) => ({ partition, first, next })),
    },
  };
}
