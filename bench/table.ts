/** Runs as a table of Markdown. */
import { median, type Run } from "./measure.ts";

/** One line: a pipeline, and the runs it has made in this bench. */
export interface Line {
  readonly name: string;
  /** How many rows its files have, where it writes files. */
  readonly rowsPerFile?: number;
  readonly runs: readonly Run[];
}

const MIB = 1024 * 1024;

export function rowsPerSecond({ runs }: Line): number {
  return median(runs.map(({ rows, seconds }) => rows / seconds));
}

/** The lines with their medians; the last ratio column is "times as many rows a second as `base`". */
export function tableOf(lines: readonly Line[], base: Line | undefined): string {
  const hasFiles = lines.some(({ rowsPerFile }) => rowsPerFile !== undefined);
  const isProgram = lines.some(({ runs }) => runs.some(({ fileBytes }) => fileBytes !== undefined));
  const head = ["pipeline", ...hasFiles ? ["rows a file"] : [], "rows/s", "ratio", "CPU µs a row"];
  if (isProgram) head.push("peak RSS MB", "bytes a row");
  const body = lines.map((line) => {
    const rate = rowsPerSecond(line);
    const cells = [line.name];
    if (hasFiles) cells.push(whole(line.rowsPerFile));
    cells.push(whole(rate), base === undefined ? "" : `${(rate / rowsPerSecond(base)).toFixed(1)}×`);
    cells.push(fixed(medianOf(line, (run) => perRow(run.cpuSeconds, run) * 1e6), 2));
    if (isProgram) {
      cells.push(fixed(medianOf(line, ({ peakRssBytes = NaN }) => peakRssBytes / MIB), 0));
      cells.push(fixed(medianOf(line, (run) => perRow(run.fileBytes, run)), 0));
    }
    return cells;
  });
  return markdown(head, body);
}

function perRow(amount: number | undefined, { rows }: Run): number {
  return (amount ?? NaN) / rows;
}

function medianOf({ runs }: Line, value: (run: Run) => number): number {
  return median(runs.map(value));
}

function whole(value: number | undefined): string {
  return value === undefined ? "" : Math.round(value).toLocaleString("en");
}

function fixed(value: number, digits: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(digits);
}

/** The first column to the left, numbers to the right. */
function markdown(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((cell, at) => Math.max(cell.length, ...body.map((row) => row[at]!.length)));
  const line = (row: readonly string[]) =>
    `| ${
      row.map((cell, at) => at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)).join(" | ")
    } |`;
  const rule = widths.map((width, at) => at === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [line(head), line(rule), ...body.map(line)].join("\n");
}
