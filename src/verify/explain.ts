/** Findings in words. */
import { UserError } from "../errors.ts";
import { noun } from "../words.ts";
import { type Archive, keyOf, type PartitionFiles, type PartitionName, type TopicName } from "./archive.ts";
import type { Overlap } from "./coverage.ts";
import { type Finding, note, problem } from "./findings.ts";
import type { Gap } from "./judge.ts";
import type { GapRecords } from "./count_records.ts";
import type { KafkaSide } from "./kafka_side.ts";
import type { Unpublished } from "./prepared.ts";

/** What is wrong with single files, and with the dead letters of a checkpoint. */
export function* fileFindings(
  archive: Archive,
  { deadLetter }: { deadLetter: { readonly isShared: boolean } | undefined },
): Generator<Finding> {
  for (const { path, reason } of archive.damaged) yield problem("damaged", { files: [path], text: reason });
  for (const [path, reason] of archive.unreadable) {
    yield problem("unreadable", { files: [path], text: `${reason}: nothing can be said of what is in it` });
  }
  for (const { path, reason } of archive.inconsistent) {
    yield problem("edited", { files: [path], text: reason });
  }
  for (const one of archive.unbalanced) {
    const { cluster, group, topic, checkpoint, declared, found, redriven, file } = one;
    // They may be those of another archive beside this one.
    if (declared === 0 && redriven === 0 && deadLetter?.isShared) continue;
    const hint = found === 0 && deadLetter === undefined ? "; --dead-letter names their folder" : "";
    yield problem("dead-letters", {
      ...{ cluster, group, topic, files: [archive.paths[file]!] },
      text: `footers count ${declared} dead letters of checkpoint ${checkpoint}, ` +
        `and dead-letter files hold ${found}${redriven === 0 ? "" : `, redriven files ${redriven}`}${hint}`,
    });
  }
  for (const path of archive.unknown) {
    yield note("unknown", { files: [path], text: "says nothing of offsets: another program wrote it" });
  }
}

/** Topics that something was published of, and of which there is nothing. */
export function* missingTopics(
  archive: Archive,
  topics: readonly TopicName[],
  unpublished: readonly Unpublished[],
): Generator<Finding> {
  for (const one of topics) {
    const isPrepared = unpublished.some(({ cluster, group, manifest }) =>
      manifest !== undefined && keyOf({ cluster, group, topic: manifest.topic }) === keyOf(one)
    );
    if (archive.hasFiles(one) || isPrepared) continue;
    yield problem("missing", { ...one, text: "files of this topic were published, and there is none" });
  }
}

/** Dead letters that were redriven and stand in two files since. */
export function* redrivenTwice(
  { cluster, group, topic, partition, redriven }: PartitionName & Pick<PartitionFiles, "redriven">,
  paths: readonly string[],
): Generator<Finding> {
  for (const { first, next, files } of redriven.coverage().overlaps) {
    yield problem("overlap", {
      ...{ cluster, group, topic, partition, first, next },
      files: [...new Set(files)].map((file) => paths[file]!),
      text: files[0] === files[1]
        ? "redriven twice in one file"
        : "the same dead letters are in two redriven files",
    });
  }
}

export function* overlapFindings(
  { cluster, group, topic, partition }: PartitionName,
  { overlaps, paths }: { overlaps: readonly Overlap[]; paths: readonly string[] },
): Generator<Finding> {
  for (const { first, next, files, isSame } of overlaps) {
    const [a, b] = [paths[files[0]]!, paths[files[1]]!];
    yield problem("overlap", {
      ...{ cluster, group, topic, partition, first, next, files: [a, b] },
      text: isSame ? "the same offsets are in two files" : "in two files",
    });
  }
}

export interface GapContext {
  readonly kafka: KafkaSide | undefined;
  /** Of files, by their numbers. */
  readonly paths: readonly string[];
  /** Folder of a checkpoint in quarantine that holds some of it. */
  readonly quarantine: string | undefined;
  /** The store that has committed it, where it is not among ours. */
  readonly otherStore: string | undefined;
}

/** A gap as a hole, or with the reason why it is none. */
export async function explainGap(of: PartitionName, gap: Gap, context: GapContext): Promise<Finding> {
  const { cluster, group, topic, partition } = of;
  const { first, next, before, after, place } = gap;
  const sides = {
    ...before === undefined ? {} : { before: context.paths[before]! },
    ...after === undefined ? {} : { after: context.paths[after]! },
  };
  const where = { cluster, group, topic, partition, first, next, files: Object.values(sides), ...sides };
  let text = REASONS[place];
  if (place === "in-log" && context.kafka !== undefined) {
    const found = await recordsIn(context.kafka, { topic, partition, first, next });
    if (found instanceof UserError) {
      text = `in no file, and Kafka cannot tell what is there: ${found.message}`;
    } else if (found.records === found.tombstones) {
      return note("explained", { ...where, text: reasonOf(found) });
    } else text = `in no file; Kafka holds ${recordsText(found)} there`;
  }
  const quarantine = context.quarantine === undefined ? "" : `; in quarantine: ${context.quarantine}`;
  const store = context.otherStore === undefined
    ? ""
    : `; committed by store ${context.otherStore}, whose folder is another one`;
  return problem("hole", { ...where, text: text + quarantine + store });
}

const REASONS: Readonly<Record<Gap["place"], string>> = {
  "unknown": "in no file",
  "in-log": "in no file",
  "deleted": "in no file; deleted by retention, so that it cannot be checked whether there were records",
  "beyond-log": "in no file, and behind the end of Kafka's log: was the topic made again?",
};

async function recordsIn(
  kafka: KafkaSide,
  range: Parameters<KafkaSide["count"]>[0],
): Promise<GapRecords | UserError> {
  try {
    return await kafka.count(range);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

function reasonOf({ tombstones }: GapRecords): string {
  return tombstones === 0
    ? "no record is there: transaction markers, aborted transactions, or compaction"
    : `only ${recordsWord(tombstones, "tombstone")}, which make no row`;
}

function recordsText({ records, tombstones, isMore }: GapRecords): string {
  const count = `${isMore ? "at least " : ""}${recordsWord(records, "record")}`;
  return tombstones === 0 ? count : `${count}, ${recordsWord(tombstones, "tombstone")} among them,`;
}

function recordsWord(count: number, word: string): string {
  return `${count.toLocaleString("en")} ${noun(count, word)}`;
}
