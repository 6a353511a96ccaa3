/** What the archive's own files hold, from their footers: where they end, and where ranges are asked for. */
import { ExitCode, UserError } from "../errors.ts";
import type { OffsetRange, PartitionRange, TopicPartition } from "../model.ts";
import { readFooter } from "../parquet/mod.ts";
import type { Sink } from "../sink/mod.ts";
import { keyOf } from "./recovery.ts";

/** Footers read at the same time. */
const READERS = 16;

/** Whose files count. */
export interface Owner {
  readonly cluster: string;
  readonly group: string;
}

/**
 * The end of each of these partitions that this cluster and group have archived, from the footers of all files.
 *
 * @throws UserError with exit code 78 where a file cannot be read, or ranges of a partition have a hole or overlap:
 * then no position is right.
 */
export async function archivedPositions(
  sink: Pick<Sink, "files">,
  of: Owner & { readonly partitions: readonly TopicPartition[] },
): Promise<Map<string, bigint>> {
  const ranges = await archivedRanges(sink, of);
  return new Map(of.partitions.flatMap((partition) => {
    const list = ranges.get(keyOf(partition));
    return list === undefined ? [] : [[keyOf(partition), endOf(list)] as const];
  }));
}

/**
 * The ranges that files of this cluster and group account for, by partition and in no order.
 *
 * @throws UserError for a file that cannot be read, unless `skipDamaged`: then it accounts for nothing.
 */
export async function archivedRanges(
  sink: Pick<Sink, "files">,
  { cluster, group, skipDamaged = false, signal }: Owner & {
    readonly skipDamaged?: boolean;
    /** Ends the reading early, with what was found by then. */
    readonly signal?: AbortSignal;
  },
): Promise<Map<string, PartitionRange[]>> {
  const ranges = new Map<string, PartitionRange[]>();
  const files = sink.files()[Symbol.asyncIterator]();
  async function read(): Promise<void> {
    for (let next = await files.next(); !next.done && !signal?.aborted; next = await files.next()) {
      const content = await contentOf(next.value, { skipDamaged });
      if (content?.cluster !== cluster || content.group !== group) continue;
      for (const range of content.ranges) {
        const list = ranges.get(keyOf(range));
        if (list === undefined) ranges.set(keyOf(range), [range]);
        else list.push(range);
      }
    }
  }
  await Promise.all(Array.from({ length: READERS }, read));
  return ranges;
}

async function contentOf(path: string, { skipDamaged }: { skipDamaged: boolean }) {
  try {
    return (await readFooter(path)).content;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (skipDamaged) return undefined;
    // No later attempt would read it.
    throw new UserError(`The archive's positions cannot be told: ${error.message}`, {
      exitCode: ExitCode.config,
      hint: "Restore the file or move it out of the archive, or set the group's offsets with " +
        "kafka-consumer-groups --reset-offsets.",
      cause: error,
    });
  }
}

/** Where ranges of one partition end. @throws UserError where they do not join. */
export function endOf(ranges: readonly PartitionRange[]): bigint {
  const sorted = inOrder(ranges);
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

/** Whether every offset of `range` is in one of the ranges. */
export function isCovered(range: OffsetRange, ranges: readonly OffsetRange[]): boolean {
  let end = range.first;
  for (const { first, next } of inOrder(ranges)) {
    if (first > end) break;
    if (next > end) end = next;
  }
  return end >= range.next;
}

function inOrder<R extends OffsetRange>(ranges: readonly R[]): R[] {
  return ranges.toSorted((a, b) => a.first < b.first ? -1 : a.first > b.first ? 1 : 0);
}
