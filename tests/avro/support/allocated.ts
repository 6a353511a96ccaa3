/** The memory behind columns. */
import type { Columns } from "../../../src/columns/mod.ts";

/** All bytes of their buffers, used or not. */
export function allocatedBytes(columns: Columns): number {
  return columns.allBuffers.flatMap((buffers) => [
    buffers.validity,
    buffers.values,
    buffers.offsets,
    buffers.data,
  ]).reduce((sum, array) => sum + array.buffer.byteLength, 0);
}
