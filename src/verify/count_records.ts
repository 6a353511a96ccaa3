/** Counting the records of a gap: whether it is a loss, and how large. */
import type { FetchedRecords, PartitionRange } from "../model.ts";

/** Records with a value that are counted in one gap: it is a loss, however large. */
const VALUES_COUNTED_MAX = 100_000;

/** The records that are in a gap. */
export interface GapRecords {
  readonly records: number;
  /** Of them those without a value, which make no row. */
  readonly tombstones: number;
  /** Whether there may be more: counting was given up before the end. */
  readonly isMore: boolean;
}

export interface CountOptions {
  /** Hands over the committed records of a range, in order, until it ends or there are enough. */
  readonly read: (
    range: PartitionRange,
    take: (fetched: FetchedRecords) => "more" | "enough",
  ) => Promise<void>;
  readonly valuesMax?: number;
}

/**
 * Tombstones alone are read to the end of the range, however many they are: only then it is certain that no record with
 * a value follows.
 */
export async function countRecords(
  range: PartitionRange,
  { read, valuesMax = VALUES_COUNTED_MAX }: CountOptions,
): Promise<GapRecords> {
  let records = 0;
  let tombstones = 0;
  let isMore = false;
  const end = Number(range.next);
  await read(range, ({ count, offsets, valueStart, nextOffset }) => {
    for (let index = 0; index < count && offsets[index]! < end; index++) {
      records++;
      if (valueStart[index]! < 0) tombstones++;
    }
    if (records - tombstones < valuesMax) return "more";
    isMore = nextOffset < range.next;
    return "enough";
  });
  return { records, tombstones, isMore };
}
