/** Shows files one after another in one format. */
import { messageOf, UserError } from "../errors.ts";
import type { FileSummary, ParquetReader } from "../parquet/mod.ts";
import { factsAsJson, factsAsLines, rowsAsLines } from "./inspect_format.ts";
import type { Output } from "./output.ts";
import { csvLine, type Json, plural, toJson } from "./text.ts";

export type Format = "text" | "json" | "csv";

export interface FilePrinterOptions {
  readonly format: Format;
  /** First rows to show of each file; `Infinity` for all. */
  readonly rows: number;
  readonly output: Output;
  /** Cells of a line. */
  readonly width: number;
  /** Says on stderr what is wrong with a file, after all that has been shown before. */
  readonly report: (error: unknown) => void;
}

export class FilePrinter {
  readonly options: FilePrinterOptions;
  #isFirst = true;
  /** The header that CSV has, once it has one. */
  #header: string | undefined;

  constructor(options: FilePrinterOptions) {
    this.options = options;
  }

  /** Opens and shows one file. Throws UserError. */
  async path(path: string): Promise<void> {
    using reader = await openReader(path);
    await this.file(reader);
  }

  /**
   * Shows an open file, with `rows` other than the options say where given. Throws UserError where its rows are
   * damaged.
   */
  async file(reader: ParquetReader, rows = this.options.rows): Promise<void> {
    const { summary } = reader;
    switch (this.options.format) {
      case "json":
        return await this.#json(reader, rows);
      case "csv":
        return await this.#csv(reader, rows);
      case "text":
        this.section();
        this.options.output.lines(factsAsLines(summary, this.options.width));
        return await this.#text(reader, rows);
    }
  }

  /** Says what is wrong with a file; in JSON also where the file would have stood. */
  failed(path: string, error: unknown): void {
    this.object({ kind: "error", path, error: messageOf(error) });
    this.options.report(error);
  }

  /** One line of JSON, in that format only. */
  object(value: Json): void {
    if (this.options.format === "json") this.options.output.write(`${toJson(value)}\n`);
  }

  /** A blank line between what is shown. */
  section(): void {
    if (!this.#isFirst) this.options.output.write("\n");
    this.#isFirst = false;
  }

  async #text(reader: ParquetReader, limit: number): Promise<void> {
    const { summary } = reader;
    const { output, width } = this.options;
    const names = summary.columns.map(({ name }) => name);
    let shown = 0;
    for await (const rows of reader.rows(limit)) {
      output.write("\n");
      output.lines(rowsAsLines(names, rows, { from: shown, width }));
      shown += rows.length;
    }
    if (limit > 0 && shown < summary.rows) {
      output.write(`${plural(summary.rows - shown, "more row")}: --rows all shows them\n`);
    }
  }

  /** The facts, and the rows as they come: all of a file would not fit into one text. */
  async #json(reader: ParquetReader, limit: number): Promise<void> {
    const { output } = this.options;
    const { summary } = reader;
    const facts = toJson(factsAsJson(summary));
    if (limit === 0) return output.write(`${facts}\n`);
    output.write(`${facts.slice(0, -1)},"first_rows":[`);
    let separator = "";
    try {
      for await (const rows of reader.rows(limit)) {
        for (const row of rows) {
          const entries = summary.columns.map(({ name }, column) => [name, row[column]!] as const);
          output.write(separator + toJson(Object.fromEntries(entries)));
          separator = ",";
        }
      }
    } finally {
      // Also where the rest is damaged, the line stays JSON.
      output.write("]}\n");
    }
  }

  async #csv(reader: ParquetReader, limit: number): Promise<void> {
    const { output } = this.options;
    const header = headerOf(reader.summary);
    if (this.#header !== undefined && this.#header !== header) {
      throw new UserError(`${reader.summary.path} has other columns than the files before it`, {
        hint: "Write its rows with a run of their own.",
      });
    }
    if (this.#header === undefined) output.write(this.#header = header);
    for await (const rows of reader.rows(limit)) {
      for (const row of rows) output.write(csvLine(row));
    }
  }
}

function headerOf({ columns }: FileSummary): string {
  return csvLine(columns.map(({ name }) => name));
}

/** Loaded here, so that --help does not wait for it. */
export async function openReader(path: string): Promise<ParquetReader> {
  const parquet = await import("../parquet/mod.ts");
  return await parquet.ParquetReader.open(path);
}
