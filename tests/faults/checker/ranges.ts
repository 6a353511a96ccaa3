/** What the footers claim: that their ranges join, agree with the producer's log, and are committed. */
import type { FileFooter, FooterRange } from "./footers.ts";
import { keyOf, type LoggedRecord, type PartitionLog } from "./log.ts";

export interface RangeProblem {
  readonly kind: "hole" | "overlap" | "miscounted" | "uncommitted_visible" | "foreign";
  readonly detail: string;
}

/** What the group has committed, by `topic/partition`. */
export type Committed = ReadonlyMap<string, bigint>;

/** All ranges of all files, by `topic/partition` and in order. */
export function sortedRanges(footers: readonly FileFooter[]): Map<string, FooterRange[]> {
  const ranges = new Map<string, FooterRange[]>();
  for (const range of footers.flatMap((footer) => footer.ranges)) {
    const list = ranges.get(keyOf(range));
    if (list === undefined) ranges.set(keyOf(range), [range]);
    else list.push(range);
  }
  for (const list of ranges.values()) {
    list.sort((a, b) => a.first < b.first || (a.first === b.first && a.next < b.next) ? -1 : 1);
  }
  return ranges;
}

/** Where two ranges of a partition do not meet. What lies before the first one is for the records to tell. */
export function joins(footers: readonly FileFooter[]): RangeProblem[] {
  const problems: RangeProblem[] = [];
  for (const [key, ranges] of sortedRanges(footers)) {
    let before: FooterRange | undefined;
    for (const range of ranges) {
      if (before !== undefined && range.first !== before.next) {
        const kind = range.first < before.next ? "overlap" : "hole";
        problems.push({
          kind,
          detail:
            `${key}: [${range.first}, ${range.next}) of ${range.path} does not follow [${before.first}, ` +
            `${before.next}) of ${before.path}`,
        });
      }
      if (before === undefined || range.next > before.next) before = range;
    }
  }
  return problems;
}

/** Ranges that are visible though the group has not committed their end. */
export function uncommitted(footers: readonly FileFooter[], committed: Committed): RangeProblem[] {
  return footers.flatMap((footer) => footer.ranges).flatMap((range) => {
    const offset = committed.get(keyOf(range));
    if (offset !== undefined && offset >= range.next) return [];
    return [{
      kind: "uncommitted_visible" as const,
      detail: `${keyOf(range)}: [${range.first}, ${range.next}) of ${range.path}, committed ${
        offset ?? "nothing"
      }`,
    }];
  });
}

/** Ranges whose counts are not those of the log, and files whose rows are not those of their ranges. */
export function miscounted(
  footers: readonly FileFooter[],
  logs: ReadonlyMap<string, PartitionLog>,
): RangeProblem[] {
  const problems: RangeProblem[] = [];
  for (const footer of footers) {
    if (footer.kind === undefined) {
      problems.push({ kind: "foreign", detail: `${footer.path} has no footer of the program` });
    }
    const rows = footer.ranges.reduce((total, range) => total + range.rows, 0);
    // A dead-letter file of a range that has rows too leaves the range to the data file.
    if (footer.kind === "data" && rows !== footer.rows) {
      problems.push({
        kind: "miscounted",
        detail: `${footer.path} has ${footer.rows} rows, its ranges ${rows}`,
      });
    }
    for (const range of footer.ranges) {
      const records = logs.get(keyOf(range))?.between(Number(range.first), Number(range.next)) ?? [];
      if (records.some(({ outcome }) => outcome === "unknown")) continue;
      const said = `${range.rows} rows, ${range.deadLetters} dead letters, ${range.skipped} skipped`;
      const wanted = `${count(records, "row")} rows, ${count(records, "dead_letter")} dead letters, ` +
        `${count(records, "skipped")} skipped`;
      if (said !== wanted) {
        problems.push({
          kind: "miscounted",
          detail: `${
            keyOf(range)
          }: [${range.first}, ${range.next}) of ${range.path} says ${said}; the log ${wanted}`,
        });
      }
    }
  }
  return problems;
}

function count(records: readonly LoggedRecord[], kind: NonNullable<LoggedRecord["kind"]>): number {
  return records.filter((record) => record.outcome === "committed" && (record.kind ?? "row") === kind).length;
}
