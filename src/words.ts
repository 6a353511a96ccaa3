/** Numbers and offsets in the words of people. */
import type { PartitionRange } from "./model.ts";

const KIB = 1024;
/** More ranges than this are only counted. */
const RANGES_TOLD = 10;

/** `file` for one, else `files`: the number itself is for the template or table around it. */
export function noun(count: number, word: string): string {
  return count === 1 ? word : `${word}s`;
}

/** A URL without the user and password in it. */
export function withoutPassword(url: string): string {
  // Up to the last @: one may stand in the password, too.
  return url.replace(/\/\/[^/]*@/, "//");
}

/** `97.1 KiB` of a number of bytes. */
export function sizeText(bytes: number): string {
  let size = bytes;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (size < KIB) return unit === "B" ? `${size} B` : `${size.toFixed(1)} ${unit}`;
    size /= KIB;
  }
  return `${size.toFixed(1)} TiB`;
}

/** `90 s`, `42 min`, `7 h` or `3 d`, rounded down. */
export function durationText(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `orders[0] 5 to 9`, the offset 9 being in it; a range that is empty is a position, `orders[0] at 5`. */
export function describeRange({ topic, partition, first, next }: PartitionRange): string {
  return `${topic}[${partition}] ${first === next ? `at ${first}` : `${first} to ${next - 1n}`}`;
}

/** The first of the ranges, as {@link describeRange} has each. */
export function describeRanges(ranges: readonly PartitionRange[]): string {
  const words = ranges.slice(0, RANGES_TOLD).map(describeRange);
  if (ranges.length > RANGES_TOLD) words.push(`and ${ranges.length - RANGES_TOLD} more`);
  return words.join(", ");
}
