/** `inspect DIR`: all files below a folder and what they hold together, from their footers. */
import { createHash } from "node:crypto";
import { relative } from "node:path";

import { UserError } from "../errors.ts";
import type { FileSummary, FoundPath, ParquetReader } from "../parquet/mod.ts";
import { type FilePrinter, openReader } from "./inspect_file.ts";
import { rangeText, topicText } from "./inspect_format.ts";
import { OffsetRanges } from "./offset_ranges.ts";
import { terminalWidth } from "./output.ts";
import { formatTable, GrowingTable } from "./table.ts";
import { countText, type Json, plural, sizeText } from "./text.ts";

/** Footers that are being read at once. */
const READERS_MAX = 16;
/** Lines by which the widths of the table's columns are decided. */
const LINES_TOGETHER = 200;
/** Ranges of a partition that people get; JSON has all. */
const RANGES_SHOWN_MAX = 3;
const PARTITIONS_SHOWN_MAX = 1_000;

export interface FolderOptions {
  readonly printer: FilePrinter;
  /** One line a file, in place of all about it. */
  readonly brief: boolean;
  /** Whether files are shown with rows: those of many files are shown only where asked for. */
  readonly withRows: boolean;
}

/** Shows the files below `folder` in the order of their names, and what they hold together. */
export async function inspectFolder(
  folder: string,
  { printer, brief, withRows }: FolderOptions,
): Promise<void> {
  const { format, output, width } = printer.options;
  const totals = new FolderTotals();
  const lines = new FileLines(folder, printer);
  // Loaded here, so that --help does not wait for it.
  const { inOrder, parquetPaths } = await import("../parquet/mod.ts");
  const readers = inOrder(parquetPaths(folder), { begin: open, atOnce: READERS_MAX, discard: close });
  for await (const { path, opened } of readers) {
    if (opened instanceof UserError) {
      totals.failed++;
      lines.flush();
      printer.failed(path, opened);
      continue;
    }
    using reader = opened;
    totals.add(reader.summary);
    if (brief) lines.add(reader.summary);
    else await showFile(reader, printer, { withRows });
  }
  lines.flush();
  if (format === "text") {
    printer.section();
    output.lines(totals.asLines(folder, width));
  }
  printer.object(totals.asJson(folder));
}

async function showFile(
  reader: ParquetReader,
  printer: FilePrinter,
  { withRows }: { withRows: boolean },
): Promise<void> {
  const rows = withRows || printer.options.format === "csv" ? printer.options.rows : 0;
  try {
    await printer.file(reader, rows);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    printer.failed(reader.summary.path, error);
  }
}

interface Opened {
  readonly path: string;
  /** What is wrong with the file, where it cannot be read. */
  readonly opened: ParquetReader | UserError;
}

async function open({ path, error }: FoundPath): Promise<Opened> {
  if (error !== undefined) return { path, opened: error };
  try {
    return { path, opened: await openReader(path) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { path, opened: error };
  }
}

function close({ opened }: Opened): void {
  if (!(opened instanceof UserError)) opened[Symbol.dispose]();
}

/** The table of files, written in pieces. */
class FileLines {
  readonly #folder: string;
  readonly #printer: FilePrinter;
  readonly #table: GrowingTable;
  #lines: string[][] = [["FILE", "ROWS", "SIZE", "CODEC", "SCHEMA", "OFFSETS", "TOPIC"]];
  #isEmpty = true;
  #isBegun = false;

  constructor(folder: string, printer: FilePrinter) {
    this.#folder = folder;
    this.#printer = printer;
    // What goes into a pipe is for programs, which want the names whole.
    this.#table = new GrowingTable({ width: terminalWidth(Infinity), right: [1, 2], whole: [0, 5] });
  }

  add(summary: FileSummary): void {
    this.#isEmpty = false;
    this.#lines.push([
      relative(this.#folder, summary.path),
      countText(summary.rows),
      sizeText(summary.bytes),
      [...new Set(summary.columns.flatMap(({ codecs }) => codecs))].join(", "),
      [...summary.content?.schemas.keys() ?? []].join(", "),
      ...originCells(summary),
    ]);
    if (this.#lines.length >= LINES_TOGETHER) this.flush();
  }

  flush(): void {
    if (this.#isEmpty) return;
    if (!this.#isBegun) this.#printer.section();
    this.#isBegun = true;
    this.#printer.options.output.lines(this.#table.format(this.#lines));
    this.#lines = [];
  }
}

/** The first range with its partition, and the topic. */
function originCells({ content }: FileSummary): [string, string] {
  if (content === undefined) return ["", ""];
  const [first, ...more] = content.redriven?.offsets ?? content.ranges;
  const offsets = first === undefined ? "" : `${first.partition} ${rangeText(first)}`;
  return [
    more.length > 0 ? `${offsets} +${countText(more.length)}` : offsets,
    topicText(content),
  ];
}

interface PartitionTotals {
  readonly cluster: string;
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly offsets: OffsetRanges;
  rows: number;
  deadLetters: number;
  skipped: number;
}

/** Sums whose size depends on the archive's partitions and gaps, not on its files. */
class FolderTotals {
  failed = 0;
  #files = 0;
  #rows = 0;
  #bytes = 0;
  readonly #schemas = new Set<string>();
  readonly #partitions = new Map<string, PartitionTotals>();

  add(summary: FileSummary): void {
    this.#files++;
    this.#rows += summary.rows;
    this.#bytes += summary.bytes;
    this.#schemas.add(schemaDigest(summary));
    if (summary.content === undefined) return;
    const { cluster, group, topic, ranges, redriven } = summary.content;
    for (const range of ranges) {
      const totals = this.#partition({ cluster, group, topic, partition: range.partition });
      totals.offsets.add(range);
      totals.rows += range.rows;
      totals.deadLetters += sumOf(range.deadLetters);
      totals.skipped += sumOf(range.skipped);
    }
    // Their offsets stand in the ranges of other files, where they count as dead letters.
    for (const { partition, first, next } of redriven?.offsets ?? []) {
      this.#partition({ cluster, group, topic, partition }).rows += Number(next - first);
    }
  }

  #partition(of: Pick<PartitionTotals, "cluster" | "group" | "topic" | "partition">): PartitionTotals {
    const key = JSON.stringify([of.cluster, of.group, of.topic, of.partition]);
    let totals = this.#partitions.get(key);
    if (totals === undefined) {
      totals = { ...of, offsets: new OffsetRanges(), rows: 0, deadLetters: 0, skipped: 0 };
      this.#partitions.set(key, totals);
    }
    return totals;
  }

  get #inOrder(): PartitionTotals[] {
    return [...this.#partitions.values()].sort((a, b) =>
      compare(a.topic, b.topic) || compare(a.group, b.group) || compare(a.cluster, b.cluster) ||
      a.partition - b.partition
    );
  }

  asLines(folder: string, width: number): string[] {
    const failed = this.failed > 0 ? `; ${plural(this.failed, "file")} could not be read` : "";
    if (this.#files === 0) return [`No Parquet file in ${folder}${failed}`];
    const sums = [
      plural(this.#files, "file"),
      plural(this.#rows, "row"),
      sizeText(this.#bytes),
      plural(this.#schemas.size, "schema"),
    ];
    const lines = this.#inOrder.slice(0, PARTITIONS_SHOWN_MAX).map((one) => [
      one.topic,
      one.group,
      String(one.partition),
      offsetsText(one.offsets),
      countText(one.rows),
      countText(one.deadLetters),
      countText(one.skipped),
    ]);
    const more = this.#partitions.size - lines.length;
    const header = ["TOPIC", "GROUP", "PARTITION", "OFFSETS", "ROWS", "DEAD LETTERS", "SKIPPED"];
    return [
      sums.join(", ") + failed,
      ...(lines.length > 0 ? ["", ...formatTable([header, ...lines], { width, right: [2, 4, 5, 6] })] : []),
      ...(more > 0 ? [`and ${plural(more, "partition")} more`] : []),
    ];
  }

  asJson(folder: string): Json {
    return {
      kind: "totals",
      path: folder,
      files: this.#files,
      failed: this.failed,
      rows: this.#rows,
      bytes: this.#bytes,
      schemas: this.#schemas.size,
      partitions: this.#inOrder.map((one) => ({
        cluster: one.cluster,
        group: one.group,
        topic: one.topic,
        partition: one.partition,
        ranges: one.offsets.ranges.map(({ first, next }) => ({ first, next })),
        overlap: one.offsets.overlap,
        rows: one.rows,
        dead_letters: one.deadLetters,
        skipped: one.skipped,
      })),
    };
  }
}

/** Of counts by reason. */
function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function offsetsText(offsets: OffsetRanges): string {
  const { ranges, overlap } = offsets;
  const shown = ranges.slice(0, RANGES_SHOWN_MAX).map(rangeText).join(" ");
  const more = ranges.length > RANGES_SHOWN_MAX ? ` +${countText(ranges.length - RANGES_SHOWN_MAX)}` : "";
  return `${overlap ? "overlap: " : ""}${shown}${more}`;
}

/** Equal where names, types and nullability are. */
function schemaDigest({ columns }: FileSummary): string {
  const text = JSON.stringify(
    columns.map(({ name, arrow, parquet, nullable }) => [name, arrow, parquet, nullable]),
  );
  return createHash("sha256").update(text).digest("base64");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
