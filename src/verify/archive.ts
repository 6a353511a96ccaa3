/** What the footers of an archive say, summed up as they are read. */
import type { CheckedFooter, FooterContent } from "../parquet/mod.ts";
import { FileRanges } from "./coverage.ts";
import { footerProblem, isCount, isUsable, sumOf } from "./footer_check.ts";

export interface TopicName {
  readonly cluster: string;
  readonly group: string;
  readonly topic: string;
}

export interface PartitionName extends TopicName {
  readonly partition: number;
}

export type Counts = Record<string, number>;

/** What all files hold of one partition. */
export interface PartitionFiles extends PartitionName {
  readonly ranges: FileRanges;
  /** Where footers say that the archive begins: the earliest, where they differ. */
  start: bigint | undefined;
  rows: number;
  /** By reason, as they were counted when they were archived. */
  readonly deadLetters: Counts;
  readonly skipped: Counts;
  /** The offsets of dead letters that are rows of redriven files meanwhile. */
  readonly redriven: FileRanges;
  redrivenRows: number;
}

/** Dead letters of one checkpoint. */
export interface DeadLetterBalance extends TopicName {
  readonly checkpoint: string;
  /** In the ranges of footers. */
  declared: number;
  /** Rows of dead-letter files. */
  found: number;
  /** Rows of redriven files. */
  redriven: number;
  /** Number of the last file that has spoken of them. */
  file: number;
}

/** A footer with our metadata. */
export type OurFooter = CheckedFooter & { readonly content: FooterContent };

/** A file with what is wrong with it. */
export interface BadFile {
  readonly path: string;
  readonly reason: string;
}

/** Sums whose size depends on partitions, ranges and dead letters; of a file nothing but its name is kept. */
export class Archive {
  /** By the files' numbers. */
  readonly paths: string[] = [];
  /** Parquet files without our metadata. */
  readonly unknown: string[] = [];
  /** Files that cannot be read. */
  readonly damaged: BadFile[] = [];
  /** Folders, and files of the program's own, that cannot be looked into: why, by their paths. */
  readonly unreadable = new Map<string, string>();
  /** Files whose footer does not fit them. */
  readonly inconsistent: BadFile[] = [];
  readonly #partitions = new Map<string, PartitionFiles>();
  readonly #topics = new Map<string, TopicName>();
  readonly #deadLetters = new Map<string, DeadLetterBalance>();
  rows = 0;

  /** Takes the footer of a file that is ours. */
  add(path: string, { content, rows, isIntact }: OurFooter): void {
    const file = this.paths.push(path) - 1;
    this.rows += content.kind === "dead_letter" ? 0 : rows;
    const reasons = [
      ...isIntact === false ? ["its footer was changed after it was written"] : [],
      footerProblem(content, rows) ?? [],
    ].flat();
    if (reasons.length > 0) this.inconsistent.push({ path, reason: reasons.join("; ") });
    let declared = 0;
    for (const range of content.ranges) {
      if (!isUsable(range)) continue;
      const partition = this.partition({ ...content, partition: range.partition });
      partition.ranges.add(range, file);
      if (range.start !== undefined && !(partition.start !== undefined && partition.start <= range.start)) {
        partition.start = range.start;
      }
      if (isCount(range.rows)) partition.rows += range.rows;
      addTo(partition.deadLetters, range.deadLetters);
      addTo(partition.skipped, range.skipped);
      declared += sumOf(range.deadLetters);
    }
    this.#addRedriven(content, file);
    this.#know(content);
    this.#balance(content, {
      declared,
      found: content.kind === "dead_letter" ? rows : 0,
      redriven: content.kind === "redriven" ? rows : 0,
      file,
    });
  }

  /** The partition, which is there from now on. */
  partition({ cluster, group, topic, partition }: PartitionName): PartitionFiles {
    const key = JSON.stringify([cluster, group, topic, partition]);
    let found = this.#partitions.get(key);
    if (found === undefined) {
      found = {
        ...{ cluster, group, topic, partition },
        ranges: new FileRanges(),
        start: undefined,
        rows: 0,
        deadLetters: {},
        skipped: {},
        redriven: new FileRanges(),
        redrivenRows: 0,
      };
      this.#partitions.set(key, found);
    }
    return found;
  }

  /** All partitions, in order. */
  get partitions(): PartitionFiles[] {
    return [...this.#partitions.values()].sort((a, b) => compareTopics(a, b) || a.partition - b.partition);
  }

  /** All topics of which there is a file, in order. */
  get topics(): TopicName[] {
    return [...this.#topics.values()].sort(compareTopics);
  }

  /** Whether there is a file of a topic; partitions alone are none. */
  hasFiles(of: TopicName): boolean {
    return this.#topics.has(keyOf(of));
  }

  /** Checkpoints whose dead-letter files do not hold what footers say that they do. */
  get unbalanced(): DeadLetterBalance[] {
    return [...this.#deadLetters.values()].filter(({ declared, found, redriven }) =>
      declared !== found + redriven
    );
  }

  #addRedriven(content: FooterContent, file: number): void {
    for (const range of content.redriven?.offsets ?? []) {
      if (!isUsable(range)) continue;
      const partition = this.partition({ ...content, partition: range.partition });
      partition.redriven.add(range, file);
      partition.redrivenRows += Number(range.next - range.first);
    }
  }

  #know({ cluster, group, topic }: TopicName): void {
    const name = { cluster, group, topic };
    const key = keyOf(name);
    if (!this.#topics.has(key)) this.#topics.set(key, name);
  }

  #balance(
    { cluster, group, topic, checkpoint }: FooterContent,
    { declared, found, redriven, file }: Pick<
      DeadLetterBalance,
      "declared" | "found" | "redriven" | "file"
    >,
  ): void {
    if (declared === 0 && found === 0 && redriven === 0) return;
    const key = JSON.stringify([cluster, group, topic, checkpoint]);
    const balance = this.#deadLetters.get(key) ??
      { cluster, group, topic, checkpoint, declared: 0, found: 0, redriven: 0, file };
    balance.declared += declared;
    balance.found += found;
    balance.redriven += redriven;
    balance.file = file;
    this.#deadLetters.set(key, balance);
  }
}

function addTo(sums: Counts, counts: Readonly<Counts> | undefined): void {
  for (const [reason, count] of Object.entries(counts ?? {})) {
    if (isCount(count)) sums[reason] = (sums[reason] ?? 0) + count;
  }
}

export function keyOf({ cluster, group, topic }: TopicName): string {
  return JSON.stringify([cluster, group, topic]);
}

export function compareTopics(a: TopicName, b: TopicName): number {
  return compare(a.topic, b.topic) || compare(a.group, b.group) || compare(a.cluster, b.cluster);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
