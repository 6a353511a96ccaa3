/**
 * What lies where in a local folder:
 *
 *     OUT/<uuid>.parquet                                       published
 *     OUT/.kafka2parquet/store                                 the store's id
 *     OUT/.kafka2parquet/<cluster>/<group>/<G>-<cp>/           one prepared checkpoint
 *         0.parquet.tmp 1.parquet.tmp … manifest.json
 *     OUT/.kafka2parquet/<cluster>/<group>/quarantine/<G>-<cp>/
 *     OUT/.kafka2parquet/<cluster>/<group>/topics/<topic>      something of this topic was published
 *     OUT/.kafka2parquet/<cluster>/<group>/starts/<topic>      how many partitions it had at first
 *     OUT/.kafka2parquet/redrive/<id>/                         one exchange of a dead-letter file
 *
 * Prepared files end in `.tmp`, because a reader's glob for `.parquet` looks into hidden folders too.
 */
import { join, sep } from "node:path";
import { sinkError } from "./problems.ts";
import type { CheckpointRef } from "./sink.ts";

export const HOME = ".kafka2parquet";
export const MANIFEST = "manifest.json";
export const QUARANTINE = "quarantine";
export const TOPICS = "topics";
export const STARTS = "starts";
export const EXCHANGES = "redrive";
export const CHECKPOINT_FOLDER = /^(\d+)-([0-9a-f]{32})$/;

/** Where one cluster and group have their things. */
export interface Place {
  readonly output: string;
  /** What is the program's own in `output`. */
  readonly root: string;
  readonly home: string;
  readonly store: string;
}

/** Runs `body`; what it throws is told as a problem of `folder`. */
export async function told<T>(folder: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw sinkError(folder, error);
  }
}

/** Whether a path is a folder itself, or lies in it. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

export function nameOf(ref: CheckpointRef): string {
  return `${ref.generation}-${ref.id}`;
}

/** What is the program's own in an output folder, and in that what belongs to one cluster and group. */
export function homeOf(
  output: string,
  { cluster, group }: { readonly cluster: string; readonly group: string },
): { readonly root: string; readonly home: string } {
  const root = join(output, HOME);
  return { root, home: join(root, encodeURIComponent(cluster), folderName(group)) };
}

/** The mark of a topic of which something was published. */
export function markOf(home: string, topic: string): string {
  return join(home, TOPICS, folderName(topic));
}

/** The file that holds how many partitions a topic had at first. */
export function startOf(home: string, topic: string): string {
  return join(home, STARTS, folderName(topic));
}

/** The number in a topic's start file, as it was read. */
export function readStart(path: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${path} does not hold a number`);
  return Number(text);
}

/** A group's name as one folder name: `.` and `..` are legal groups but no legal folders. */
export function folderName(group: string): string {
  return encodeURIComponent(group).replace(/^\./, "%2E");
}
