/** Whether what a footer says fits together: nobody but the writer should ever have touched it. */
import type { PartitionRange } from "../model.ts";
import type { Footer, FooterContent, RangeCounts } from "../parquet/mod.ts";

/** What is wrong with a footer of ours, as the end of a sentence; undefined where nothing is. */
export function footerProblem(content: FooterContent, fileRows: Footer["rows"]): string | undefined {
  for (const range of content.ranges) {
    const problem = rangeProblem(range);
    if (problem !== undefined) return problem;
  }
  if (content.kind === "redriven") return redrivenProblem(content, fileRows);
  const rows = content.ranges.reduce((sum, range) => sum + range.rows, 0);
  if (content.kind === "data") {
    return rows === fileRows ? undefined : `its ranges count ${rows} rows, and it holds ${fileRows}`;
  }
  // The ranges stand in the data file; only where there is none they stand here.
  if (content.ranges.length === 0) return undefined;
  const deadLetters = content.ranges.reduce(
    (sum, range) => sum + sumOf(range.deadLetters) - (range.redriven ?? 0),
    0,
  );
  if (rows > 0) return `its ranges count ${rows} rows in a file of dead letters`;
  return deadLetters === fileRows
    ? undefined
    : `its ranges count ${deadLetters} dead letters, and it holds ${fileRows}`;
}

/** Of a file whose records stand in the ranges of other files. */
function redrivenProblem({ ranges, redriven }: FooterContent, fileRows: number): string | undefined {
  if (redriven === undefined) return "it does not say which dead letters were redriven";
  if (ranges.length > 0) return "it accounts for offsets, which stand in other files";
  const wrong = redriven.offsets.find((range) => !isUsable(range));
  if (wrong !== undefined) {
    return `partition ${wrong.partition} [${wrong.first}, ${wrong.next}) is no range of offsets`;
  }
  const records = redriven.offsets.reduce((sum, { first, next }) => sum + (next - first), 0n);
  if (records === BigInt(fileRows)) return undefined;
  return `it names ${records} redriven dead letters, and holds ${fileRows} rows`;
}

function rangeProblem(range: RangeCounts): string | undefined {
  const { partition, first, next, rows, deadLetters, skipped, redriven = 0 } = range;
  const where = `partition ${partition} [${first}, ${next})`;
  if (!isCount(partition)) return `${JSON.stringify(partition)} is no partition`;
  if (!isUsable(range)) return `${where} is no range of offsets`;
  const counts = [rows, ...Object.values(deadLetters ?? {}), ...Object.values(skipped ?? {})];
  const wrong = counts.find((count) => !isCount(count));
  if (wrong !== undefined) return `${where} counts ${JSON.stringify(wrong)} records`;
  if (!isCount(redriven) || redriven > sumOf(deadLetters)) {
    return `${where} counts ${JSON.stringify(redriven)} redriven of ${sumOf(deadLetters)} dead letters`;
  }
  // There may be fewer records than offsets: compacted ones, and the markers of transactions.
  const records = counts.reduce((sum, count) => sum + count, 0);
  if (BigInt(records) <= next - first) return undefined;
  return `${where} has ${next - first} offsets, too few for the ${records} records that it counts`;
}

/** Whether a range can be laid beside others. */
export function isUsable({ partition, first, next }: PartitionRange): boolean {
  return isCount(partition) && first >= 0n && first < next && next < 2n ** 63n;
}

/** Footers are texts: anything may stand where a count should. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Of counts by reason; what is no count counts for nothing. */
export function sumOf(counts: Readonly<Record<string, number>> | undefined): number {
  return Object.values(counts ?? {}).filter(isCount).reduce((sum, count) => sum + count, 0);
}
