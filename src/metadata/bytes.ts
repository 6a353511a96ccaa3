/** Copying short pieces of a fetch into text and binary columns. */
import type { ColumnBuffers } from "../columns/mod.ts";

/** Copied eight bytes at a time up to here, as the decoder does (bench/decode.ts). */
const WORD_COPY_BYTES_MAX = 400;

export interface Source {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export function sourceOf(bytes: Uint8Array): Source {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** Writes the bytes `[from, to)` as row `row`. Throws UserError where the column is full. */
export function appendBytes(
  column: ColumnBuffers,
  row: number,
  { bytes, view }: Source,
  from: number,
  to: number,
): void {
  const { offsets } = column;
  const start = offsets[row]!;
  const length = to - from;
  if (start + length > column.dataLimit) column.reserveData(start + length);
  if (length <= WORD_COPY_BYTES_MAX && to + 8 <= bytes.length) {
    const target = column.view;
    // Up to seven bytes too many: the slack behind the last value takes them.
    for (let at = 0; at < length; at += 8) {
      target.setInt32(start + at, view.getInt32(from + at, true), true);
      target.setInt32(start + at + 4, view.getInt32(from + at + 4, true), true);
    }
  } else {
    column.data.set(bytes.subarray(from, to), start);
  }
  offsets[row + 1] = start + length;
}
