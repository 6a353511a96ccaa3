/** What a redrive has done: a table by reason and a verdict for people, lines of JSON for scripts. */
import type { FileReport, Kind, Report } from "../redrive/mod.ts";
import { cleanLine, formatTable } from "./table.ts";
import { countText, type Json, plural, toJson } from "./text.ts";

/** Reasons of today that people get; JSON has all, file by file. */
const REASONS_SHOWN_MAX = 20;
/** Reasons kept at all: each may name another value. */
const REASONS_MAX = 1_000;

const PASSED_OVER = {
  "other-kind": "without dead letters: passed over",
  "foreign": "of another archive: passed over",
  "publishing": "of a checkpoint that is not published to its end: redrive again when it is",
} as const;

/** Sums over the reports of one redrive. */
export class RedriveSums {
  files = 0;
  records = 0;
  redriven = 0;
  failed = 0;
  recovered = 0;
  gone = 0;
  readonly passedOver = { "other-kind": 0, "foreign": 0, "publishing": 0 };
  dataFiles = 0;
  readonly reasons = new Map<Kind, { records: number; redriven: number }>();
  /** Why records are dead letters still. */
  readonly remaining = new Map<string, number>();

  add(report: Report): void {
    switch (report.kind) {
      case "file":
        return this.#file(report);
      case "recovered":
        this.recovered++;
        this.failed += report.missing.length;
        return;
      case "gone":
        this.gone++;
        return;
      case "passed-over":
        this.passedOver[report.why]++;
        return;
      case "failed":
        this.failed++;
    }
  }

  #file({ records, redriven, reasons, remaining, dataFiles, missing }: FileReport): void {
    this.files++;
    this.records += records;
    this.redriven += redriven;
    this.dataFiles += dataFiles.length;
    this.failed += missing.length;
    for (const [kind, counts] of reasons) {
      const sum = this.reasons.get(kind) ?? { records: 0, redriven: 0 };
      this.reasons.set(kind, sum);
      sum.records += counts.records;
      sum.redriven += counts.redriven;
    }
    for (const [reason, count] of remaining) {
      const key = this.remaining.has(reason) || this.remaining.size < REASONS_MAX ? reason : "other reasons";
      this.remaining.set(key, (this.remaining.get(key) ?? 0) + count);
    }
  }
}

interface Context {
  readonly folder: string;
  readonly isDry: boolean;
}

/** Dead letters by the reason why they were, why some are still, and the verdict. */
export function sumsAsLines(sums: RedriveSums, of: Context & { readonly width: number }): string[] {
  return [...reasonLines(sums, of.width), ...remainingLines(sums), ...verdictLines(sums, of)];
}

function reasonLines({ reasons }: RedriveSums, width: number): string[] {
  if (reasons.size === 0) return [];
  const lines = [...reasons].map(([kind, { records, redriven }]) => [
    kind,
    countText(records),
    countText(redriven),
    countText(records - redriven),
  ]);
  const header = ["REASON", "DEAD LETTERS", "REDRIVEN", "STILL BAD"];
  return [...formatTable([header, ...lines], { width, right: [1, 2, 3], whole: [0] }), ""];
}

function remainingLines({ remaining }: RedriveSums): string[] {
  if (remaining.size === 0) return [];
  const sorted = [...remaining].sort(([, a], [, b]) => b - a);
  const shown = sorted.slice(0, REASONS_SHOWN_MAX)
    .map(([reason, count]) => cleanLine(`still bad: ${countText(count)}: ${reason}`));
  const more = sorted.length - shown.length;
  return [...shown, ...more > 0 ? [`and ${plural(more, "reason")} more, which --json lists`] : [], ""];
}

function verdictLines(sums: RedriveSums, { folder, isDry }: Context): string[] {
  const { files, records, redriven, dataFiles, recovered, gone, passedOver, failed } = sums;
  const verb = isDry ? "would become" : "became";
  const rest = records - redriven;
  const verdict = records === 0
    ? `No dead letter in ${folder}`
    : `${plural(files, "file")}, ${plural(records, "dead letter")}: ${countText(redriven)} ${verb} ${
      redriven === 1 ? "a row" : "rows"
    }${dataFiles > 0 ? ` in ${plural(dataFiles, "data file")}` : ""}, ${countText(rest)} ${
      rest === 1 ? "is" : "are"
    } bad still`;
  return [
    ...recovered === 0 ? [] : [`${plural(recovered, "file")} of an interrupted redrive: ended now`],
    ...gone === 0 ? [] : [`${plural(gone, "file")} vanished meanwhile: another redrive has them`],
    ...Object.entries(PASSED_OVER).flatMap(([why, text]) => {
      const count = passedOver[why as keyof typeof PASSED_OVER];
      return count === 0 ? [] : [`${plural(count, "file")} ${text}`];
    }),
    ...failed === 0 ? [] : [`${plural(failed, "problem")}: see above`],
    cleanLine(verdict),
  ];
}

/** One line for a report. */
export function reportAsJson(report: Report): string {
  switch (report.kind) {
    case "file":
      return toJson(fileAsJson(report));
    case "recovered":
      return toJson({ kind: "recovered", path: report.path, files: report.files, missing: report.missing });
    case "gone":
      return toJson({ kind: "gone", path: report.path });
    case "failed":
      return toJson({ kind: "error", path: report.path, error: report.error.message });
    case "passed-over":
      return toJson({ kind: "passed-over", path: report.path, why: report.why });
  }
}

function fileAsJson(report: FileReport): Json {
  const { path, topic, records, redriven, reasons, remaining, dataFiles, deadLetterFile, missing } = report;
  return {
    ...{ kind: "file", path, topic, records, redriven },
    reasons: reasonsAsJson(reasons),
    remaining: [...remaining].map(([error, count]) => ({ error, records: count })),
    data_files: dataFiles.map(({ path, rows }) => ({ path, rows })),
    dead_letter_file: deadLetterFile ?? null,
    missing,
  };
}

/** The totals, which come last. */
export function sumsAsJson(sums: RedriveSums, { folder, isDry }: Context): string {
  const { files, records, redriven, reasons, dataFiles, recovered, gone, passedOver, failed } = sums;
  return toJson({
    ...{ kind: "totals", path: folder, dry_run: isDry },
    ...{ files, records, redriven, remaining: records - redriven },
    reasons: reasonsAsJson(reasons),
    ...{ data_files: dataFiles, recovered, gone, passed_over: { ...passedOver }, problems: failed },
  });
}

function reasonsAsJson(reasons: ReadonlyMap<Kind, { readonly records: number; readonly redriven: number }>) {
  return Object.fromEntries(
    [...reasons].map(([kind, { records, redriven }]) => [kind, { records, redriven }]),
  );
}
