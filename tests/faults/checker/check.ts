/** One judgement over a whole archive. */
import { messageOf } from "../../../src/errors.ts";
import { openOffsets } from "./committed.ts";
import { type FileFooter, readFileFooter, visibleFiles } from "./footers.ts";
import { type KeptCheckpoint, readHome } from "./home.ts";
import { byPartition, keyOf, readLog } from "./log.ts";
import { type Committed, joins, miscounted, sortedRanges, uncommitted } from "./ranges.ts";
import { compareRecords } from "./records.ts";

export interface CheckOptions {
  /** Path of the producer's log: see `LoggedRecord`. */
  readonly log: string;
  /** Folders of data files, each with a home of its own. */
  readonly archives: readonly string[];
  readonly deadLetters?: readonly string[];
  readonly brokers: string;
  /** Several, where no two of them read the same topic. */
  readonly groups: readonly string[];
  /** `id` by default. */
  readonly idColumn?: string;
  /** The archive is still growing: only what is below the committed offsets must be there. */
  readonly isGrowing?: boolean;
}

export const COUNTERS = [
  "lost",
  "duplicated",
  "aborted_visible",
  "uncommitted_visible",
  "invented",
  "hole",
  "overlap",
  "miscounted",
  "foreign",
  "unreadable",
  "prepared",
  "unexplained_quarantine",
] as const;
export type Counter = typeof COUNTERS[number];

export interface CheckResult {
  /** How often each thing is wrong; all are zero where nothing is. */
  readonly counts: Readonly<Record<Counter, number>>;
  /** One line for each problem, with file and offsets. */
  readonly details: readonly string[];
  /** Worth a look, and nothing wrong: what is in quarantine though visible files hold it, what was left lying about. */
  readonly notes: readonly string[];
  readonly records: number;
  readonly files: number;
}

/**
 * Compares log, files, footers, homes and committed offsets.
 *
 * @throws where the log, DuckDB or Kafka cannot be read.
 */
export async function check(options: CheckOptions): Promise<CheckResult> {
  const { archives, deadLetters = [], brokers, groups } = options;
  const records = readLog(options.log);
  const tally = new Tally();
  const footers = readFooters([...archives, ...deadLetters], tally);
  const topics = new Set([...records.map(({ topic }) => topic), ...footers.flatMap(topicsOf)]);
  await using offsets = await openOffsets(brokers, groups);
  const committed = await offsets.read([...topics]);
  const withFiles = (folders: readonly string[]) => folders.filter((one) => visibleFiles(one).length > 0);
  // A file that cannot be read stops DuckDB as a whole: then its own line says enough.
  if (tally.counts.unreadable === 0) {
    const problems = await compareRecords({
      log: options.log,
      archives: withFiles(archives),
      deadLetters: withFiles(deadLetters),
      idColumn: options.idColumn ?? "id",
      ends: options.isGrowing ? committed : undefined,
    });
    for (const { kind, detail, count } of problems) tally.add(kind, detail, count);
  }
  for (
    const { kind, detail } of [
      ...joins(footers),
      ...uncommitted(footers, committed),
      ...miscounted(footers, byPartition(records)),
    ]
  ) tally.add(kind, detail);
  const notes = judgeHomes({ ...options, footers, committed }, tally);
  return { ...tally.result(), notes, records: records.length, files: footers.length };
}

class Tally {
  readonly counts = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<Counter, number>;
  readonly #details: string[] = [];

  add(kind: Counter, detail: string, count = 1): void {
    this.counts[kind] += count;
    this.#details.push(`${kind}: ${detail}`);
  }

  result(): Pick<CheckResult, "counts" | "details"> {
    return { counts: this.counts, details: this.#details };
  }
}

function readFooters(folders: readonly string[], tally: Tally): FileFooter[] {
  return folders.flatMap(visibleFiles).flatMap((path) => {
    try {
      return [readFileFooter(path)];
    } catch (error) {
      tally.add("unreadable", `${path}: ${messageOf(error)}`);
      return [];
    }
  });
}

function topicsOf(footer: FileFooter): string[] {
  return footer.ranges.map(({ topic }) => topic);
}

interface HomesToJudge extends Pick<CheckOptions, "archives" | "groups" | "isGrowing"> {
  readonly footers: readonly FileFooter[];
  readonly committed: Committed;
}

/** @returns notes about what is there and may be. */
function judgeHomes(
  { archives, groups, isGrowing, footers, committed }: HomesToJudge,
  tally: Tally,
): string[] {
  const notes: string[] = [];
  for (const archive of archives) {
    const { checkpoints, strays } = readHome(archive, groups);
    for (const one of checkpoints) {
      const line = `${one.path} ${describe(one)}`;
      if (one.where === "prepared") {
        if (isGrowing) notes.push(`prepared: ${line}`);
        else tally.add("prepared", line);
      } else if (isExplained(one, footers, committed)) {
        notes.push(`in quarantine, and in visible files or not committed: ${line}`);
      } else tally.add("unexplained_quarantine", line);
    }
    notes.push(...strays.map((path) => `stray: ${path}`));
  }
  return notes;
}

/** Nothing is missing without it: each of its ranges is in visible files, or not committed and so to come again. */
function isExplained(
  { ranges }: KeptCheckpoint,
  footers: readonly FileFooter[],
  committed: Committed,
): boolean {
  const visible = sortedRanges(footers);
  return (ranges ?? []).every((range) => {
    if ((committed.get(keyOf(range)) ?? 0n) <= range.first) return true;
    let covered = range.first;
    for (const { first, next } of visible.get(keyOf(range)) ?? []) {
      if (first <= covered && next > covered) covered = next;
    }
    return covered >= range.next;
  });
}

function describe({ ranges }: KeptCheckpoint): string {
  if (ranges === undefined) return "without a manifest";
  return ranges.map(({ topic, partition, first, next }) => `${topic}[${partition}] ${first} to ${next}`).join(
    ", ",
  );
}
