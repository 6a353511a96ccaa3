/** Where the archive's own files end: the position of a group whose offsets Kafka has lost. */
import { ExitCode, UserError } from "../errors.ts";
import type { PartitionRange } from "../model.ts";
import { readFooter } from "../parquet/mod.ts";
import type { Sink } from "../sink/mod.ts";
import { keyOf } from "./recovery.ts";

/** Footers read at the same time. */
const READERS = 16;

/**
 * The end of each partition that this cluster and group have archived, from the footers of all files.
 *
 * @throws UserError where ranges of a partition have a hole or overlap: then no position is right.
 */
export async function archivedPositions(
  sink: Sink,
  of: { readonly cluster: string; readonly group: string },
): Promise<Map<string, bigint>> {
  const ranges = new Map<string, PartitionRange[]>();
  const files = sink.files()[Symbol.asyncIterator]();
  async function read(): Promise<void> {
    for (let next = await files.next(); !next.done; next = await files.next()) {
      const { content } = await readFooter(next.value);
      if (content?.cluster !== of.cluster || content.group !== of.group) continue;
      for (const range of content.ranges) {
        const list = ranges.get(keyOf(range));
        if (list === undefined) ranges.set(keyOf(range), [range]);
        else list.push(range);
      }
    }
  }
  await Promise.all(Array.from({ length: READERS }, read));
  return new Map([...ranges].map(([key, list]) => [key, endOf(list)]));
}

/** Where ranges of one partition end. @throws UserError where they do not join. */
export function endOf(ranges: readonly PartitionRange[]): bigint {
  const sorted = ranges.toSorted((a, b) => a.first < b.first ? -1 : a.first > b.first ? 1 : 0);
  let end = sorted[0]!.first;
  for (const { topic, partition, first, next } of sorted) {
    if (first !== end) {
      const what = first > end
        ? `offsets ${end} to ${first - 1n} are in no file`
        : `offset ${first} is in two files`;
      throw new UserError(`Cannot take the position of ${topic}[${partition}] from the archive: ${what}`, {
        exitCode: ExitCode.config,
        hint: "Repair the archive, or set the group's offsets with kafka-consumer-groups --reset-offsets.",
      });
    }
    end = next;
  }
  return end;
}
