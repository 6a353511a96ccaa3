/** What `verify` has found: a table and sentences for people, lines of JSON for scripts. */
import { relative } from "node:path";

import type { Finding, PartitionReport, Report } from "../verify/mod.ts";
import { rangeText } from "./inspect_format.ts";
import { cleanLine, formatTable } from "./table.ts";
import { countText, type Json, plural, toJson } from "./text.ts";

/** Of these people get so many lines; JSON has all. */
const PARTITIONS_SHOWN_MAX = 1_000;
const PROBLEMS_SHOWN_MAX = 100;
const NOTES_SHOWN_MAX = 20;
const RANGES_SHOWN_MAX = 3;
/** No footer tells of what comes after the last one. */
const FOOTERS_ALONE =
  " up to each partition's last file; --brokers also compares with what the group has committed";
/** Kinds of findings in the words of people, where the kind itself is none. */
const NAMES: Readonly<Record<string, string>> = {
  "damaged": "damaged file",
  "edited": "edited file",
  "unreadable": "unreadable path",
  "dead-letters": "wrong count of dead letters",
  "uncommitted": "uncommitted range",
  "missing": "missing topic",
  "not-archived": "not archived",
  "not-compared": "not compared",
};

export function isComplete({ findings }: Report): boolean {
  return !findings.some(({ isProblem }) => isProblem);
}

/** A table of partitions, then what is wrong and what is to be known, then the verdict. */
export function reportAsLines(report: Report, of: { folder: string; width: number }): string[] {
  const { findings, topics } = report;
  const context = { folder: of.folder, isOneGroup: new Set(topics.map(({ group }) => group)).size <= 1 };
  const problems = findings.filter(({ isProblem }) => isProblem);
  const notes = findings.filter((one) => !one.isProblem);
  return [
    ...partitionLines(report.partitions, of.width),
    ...section(problems, { ...context, max: PROBLEMS_SHOWN_MAX }),
    ...section(notes, { ...context, max: NOTES_SHOWN_MAX }),
    verdict(report, problems),
  ];
}

function partitionLines(partitions: readonly PartitionReport[], width: number): string[] {
  if (partitions.length === 0) return [];
  const isCompared = partitions.some(({ kafka }) => kafka !== undefined);
  const hasRedriven = partitions.some(({ redrivenRows }) => redrivenRows > 0);
  const header = [
    ...["TOPIC", "GROUP", "PARTITION", "OFFSETS", "FILES", "ROWS", "DEAD LETTERS", "SKIPPED"],
    ...hasRedriven ? ["REDRIVEN"] : [],
    ...isCompared ? ["LOG START", "COMMITTED", "LOG END"] : [],
  ];
  const shown = partitions.slice(0, PARTITIONS_SHOWN_MAX).map((one) => [
    ...[one.topic, one.group, String(one.partition), rangesText(one.ranges)],
    ...[countText(one.files), countText(one.rows), countsText(one.deadLetters), countsText(one.skipped)],
    ...hasRedriven ? [countText(one.redrivenRows)] : [],
    ...isCompared ? kafkaCells(one) : [],
  ]);
  const more = partitions.length - shown.length;
  return [
    ...formatTable([header, ...shown], { width, right: [2, 4, 5, 6, 7, 8, 9, 10, 11], whole: [0, 3] }),
    ...more > 0 ? [`and ${plural(more, "partition")} more`] : [],
    "",
  ];
}

function rangesText(ranges: PartitionReport["ranges"]): string {
  const shown = ranges.slice(0, RANGES_SHOWN_MAX).map(rangeText).join(" ");
  return ranges.length > RANGES_SHOWN_MAX
    ? `${shown} +${countText(ranges.length - RANGES_SHOWN_MAX)}`
    : shown;
}

/** `3 no-header, 1 bad-value`. */
function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts).map(([reason, count]) => `${countText(count)} ${reason}`).join(", ") || "0";
}

function kafkaCells({ kafka }: PartitionReport): string[] {
  if (kafka === undefined) return ["", "", ""];
  const { logStart, committed, stableEnd } = kafka;
  return [String(logStart), committed === undefined ? "none" : String(committed), String(stableEnd)];
}

interface LineContext {
  readonly folder: string;
  readonly isOneGroup: boolean;
}

function section(findings: readonly Finding[], { max, ...context }: LineContext & { max: number }): string[] {
  if (findings.length === 0) return [];
  const shown = findings.slice(0, max).flatMap((one) => findingLines(one, context));
  const more = findings.length - max;
  return [...shown, ...more > 0 ? [`and ${countText(more)} more, which --json lists`] : [], ""];
}

/** A sentence, and the files that it is about. */
function findingLines(finding: Finding, context: LineContext): string[] {
  const { kind, text, files = [], before, after } = finding;
  const name = NAMES[kind] ?? kind;
  const where = whereText(finding, context);
  const [only, ...more] = files.map((path) => pathText(path, context.folder));
  if (only !== undefined && more.length === 0 && where === "") {
    return [cleanLine(`${name}: ${only}: ${text}`)];
  }
  const isGap = before !== undefined || after !== undefined;
  const paths = isGap ? [placeText(finding, context.folder)] : only === undefined ? [] : [only, ...more];
  return [
    cleanLine(`${name}: ${where === "" ? text : `${where}: ${text}`}`),
    ...paths.map((path) => cleanLine(`  ${path}`)),
  ];
}

/** Where a gap is, by the files on its sides: the first of a partition lies before a file, the last one after. */
function placeText({ before, after }: Finding, folder: string): string {
  if (before === undefined) return `before ${pathText(after!, folder)}`;
  const path = pathText(before, folder);
  return after === undefined ? `after ${path}` : `between ${path} and ${pathText(after, folder)}`;
}

function whereText({ topic, partition, group, first, next }: Finding, { isOneGroup }: LineContext): string {
  if (topic === undefined) return "";
  const parts = [
    partition === undefined ? topic : `${topic}[${partition}]`,
    ...first === undefined || next === undefined ? [] : [rangeText({ first, next })],
    ...isOneGroup ? [] : [`of group ${group}`],
  ];
  return parts.join(" ");
}

/** As short as it can be and still be found. */
function pathText(path: string, folder: string): string {
  const inside = relative(folder, path);
  return inside.startsWith("..") ? path : inside;
}

function verdict(
  { files, unknown, unpublished, rows, isCompared }: Report,
  problems: readonly Finding[],
): string {
  const kinds = Map.groupBy(problems, ({ kind }) => kind);
  const counts = [...kinds].map(([kind, { length }]) => plural(length, NAMES[kind] ?? kind));
  const what = [
    plural(files, "file"),
    plural(rows, "row"),
    ...unknown === 0 ? [] : [plural(unknown, "unknown file")],
    ...unpublished === 0 ? [] : [plural(unpublished, "unpublished checkpoint")],
  ].join(", ");
  if (counts.length > 0) return `${what}: NOT complete: ${counts.join(", ")}`;
  if (files === 0) return `${what}: ${unpublished === 0 ? "nothing to verify" : "nothing is published yet"}`;
  return `${what}: complete${isCompared ? "" : FOOTERS_ALONE}`;
}

/** One line each: the partitions, the problems and notes, the totals. */
export function reportAsJson(report: Report, folder: string): string[] {
  const { partitions, findings, files, unknown, unpublished, rows, isCompared } = report;
  return [
    ...partitions.map(partitionAsJson),
    ...findings.map(findingAsJson),
    {
      kind: "totals",
      path: folder,
      complete: isComplete(report),
      compared: isCompared,
      files,
      unknown,
      unpublished,
      rows,
      problems: findings.filter(({ isProblem }) => isProblem).length,
    },
  ].map(toJson);
}

function partitionAsJson(
  { ranges, files, rows, deadLetters, skipped, redrivenRows, kafka, ...name }: PartitionReport,
): Json {
  const { cluster, group, topic, partition } = name;
  return {
    ...{ kind: "partition", cluster, group, topic, partition },
    ranges: ranges.map(({ first, next }) => ({ first, next })),
    files,
    rows,
    dead_letters: deadLetters,
    skipped,
    redriven: redrivenRows,
    kafka: kafka && {
      log_start: kafka.logStart,
      stable_end: kafka.stableEnd,
      committed: kafka.committed ?? null,
    },
  };
}

function findingAsJson({ isProblem, kind, ...rest }: Finding): Json {
  const { cluster, group, topic, partition, first, next, files, before, after, text } = rest;
  return {
    ...{ kind: isProblem ? "problem" : "note", what: kind },
    ...{ cluster, group, topic, partition, first, next, files, before, after, text },
  };
}
