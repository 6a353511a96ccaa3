/** Offsets of single records as ranges. Pure. */
import type { PartitionRange } from "../model.ts";

/** Where a record was in its topic. */
export interface RecordPlace {
  readonly partition: number;
  readonly offset: bigint;
}

/** The offsets in order, one range where one follows the other; an offset that comes twice is in two ranges. */
export function rangesOf(topic: string, places: readonly RecordPlace[]): PartitionRange[] {
  const sorted = places.toSorted((a, b) =>
    a.partition - b.partition || (a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0)
  );
  const ranges: { topic: string; partition: number; first: bigint; next: bigint }[] = [];
  for (const { partition, offset } of sorted) {
    const last = ranges.at(-1);
    if (last?.partition === partition && last.next === offset) last.next++;
    else ranges.push({ topic, partition, first: offset, next: offset + 1n });
  }
  return ranges;
}
