/** What follows from offsets that another program has committed for the group: an admin's reset, most likely. */
import { getLogger } from "@logtape/logtape";
import type { PartitionRange, TopicPartition } from "../model.ts";
import type { Sink } from "../sink/mod.ts";
import { describeRanges } from "../words.ts";
import { archivedRanges, type Owner } from "./archive_positions.ts";
import { keyOf } from "./recovery.ts";

const log = getLogger(["kafka2parquet", "recovery"]);

/** Where a partition goes on, as another program has set it. */
export interface ForeignPosition extends TopicPartition {
  readonly position: bigint;
}

/** What a position means for an archive that holds these ranges of its partition. */
export interface Consequences {
  /** Offsets that are archived already, and come again. */
  readonly again: readonly PartitionRange[];
  /** Offsets behind the archive's end that are never read. */
  readonly leftOut: readonly PartitionRange[];
}

export function consequencesOf(
  { topic, partition, position }: ForeignPosition,
  archived: readonly PartitionRange[],
): Consequences {
  let end: bigint | undefined;
  for (const { next } of archived) if (end === undefined || next > end) end = next;
  if (end === undefined || end === position) return { again: [], leftOut: [] };
  if (end < position) return { again: [], leftOut: [{ topic, partition, first: end, next: position }] };
  let first = end;
  for (const range of archived) {
    const from = range.first > position ? range.first : position;
    if (range.next > position && from < first) first = from;
  }
  return { again: [{ topic, partition, first, next: end }], leftOut: [] };
}

/**
 * Tells of what the positions lead to. They are followed all the same: who sets a group's offsets wants that.
 *
 * @throws SinkError
 */
export async function tellForeignOffsets(
  positions: readonly ForeignPosition[],
  { sink, cluster, group }: Owner & { readonly sink: Sink },
): Promise<void> {
  const archived = await archivedRanges(sink, { cluster, group, skipDamaged: true });
  const all = positions.map((at) => consequencesOf(at, archived.get(keyOf(at)) ?? []));
  const again = all.flatMap((one) => one.again);
  const leftOut = all.flatMap((one) => one.leftOut);
  log.info("Going on at the offsets that another program has committed for group {group}: {positions}", {
    group,
    positions: describeRanges(positions.map((at) => ({ ...at, first: at.position, next: at.position }))),
  });
  if (again.length > 0) {
    log.warning(
      "The offsets of group {group} were set back: {ranges} are in the archive already, and come again into new files",
      { group, ranges: describeRanges(again) },
    );
  }
  if (leftOut.length > 0) {
    log.warning(
      "The offsets of group {group} were set forward: {ranges} are in no file, and are left out",
      { group, ranges: describeRanges(leftOut) },
    );
  }
}
