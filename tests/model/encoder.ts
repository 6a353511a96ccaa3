/** In place of the Parquet encoder: a file of the model says which records it holds, and the footer's ranges. */
import { tableFromIPC } from "apache-arrow";
import { type ParquetEncoder, parseEntries } from "../../src/parquet/mod.ts";
import { type FileContent, indexOf } from "./truth.ts";
import { PartitionLog } from "./log.ts";

/** The end of an IPC stream. */
const END_BYTES = 8;
const LONG_BYTES = 8;

export const encoder: ParquetEncoder = {
  encode({ ipc, rows }, { metadata }) {
    const footer = parseEntries(metadata)!;
    const content: FileContent = {
      topic: footer.topic,
      ids: footer.kind === "data" ? idsOfRows(ipc, rows) : idsOfDeadLetters(ipc, footer.topic),
      ranges: footer.ranges.map(({ partition, first, next, rows, deadLetters, skipped }) => ({
        partition,
        first: Number(first),
        next: Number(next),
        kept: rows + sum(deadLetters),
        skipped: sum(skipped),
      })),
    };
    return new TextEncoder().encode(JSON.stringify(content));
  },
};

/** The one column of longs is the last thing in the stream. */
function idsOfRows(ipc: Uint8Array, rows: number): number[] {
  const view = new DataView(ipc.buffer, ipc.byteOffset + ipc.length - END_BYTES - rows * LONG_BYTES);
  return Array.from({ length: rows }, (_, row) => Number(view.getBigInt64(row * LONG_BYTES, true)));
}

function idsOfDeadLetters(ipc: Uint8Array, topic: string): number[] {
  const table = tableFromIPC(ipc);
  const [partitions, offsets] = [table.getChild("partition")!, table.getChild("offset")!];
  return Array.from(
    { length: table.numRows },
    (_, row) => PartitionLog.idOf(indexOf(topic, partitions.get(row)), Number(offsets.get(row))),
  );
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
