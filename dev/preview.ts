/** A Parquet file at a glance: its columns, their types and a few rows, in a table that fits the terminal. */
import { formatBlocks } from "../src/cli/table.ts";
import { cellText } from "../src/cli/text.ts";
import { ParquetReader, readFooter } from "../src/parquet/mod.ts";

const PREVIEW_ROWS = 3;

/** One line a column: name, type, and its value in as many of the first rows as fit. */
export async function previewTable(path: string, widthColumns: number): Promise<string[]> {
  using reader = await ParquetReader.open(path);
  const rows = (await Array.fromAsync(reader.rows(PREVIEW_ROWS))).flat();
  const [first = []] = formatBlocks({
    titles: ["COLUMN", "TYPE", ...rows.map((_, index) => `ROW ${index + 1}`)],
    lines: reader.summary.columns.map(({ name, arrow }, column) => [
      name,
      arrow,
      ...rows.map((row) => cellText(row[column]!)),
    ]),
    leading: 2,
  }, { width: widthColumns });
  return first;
}

/** The number of rows that a file's footer states. */
export async function rowCount(path: string): Promise<number> {
  return (await readFooter(path)).rows;
}
