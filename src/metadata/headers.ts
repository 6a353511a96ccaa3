/** A record's headers, from the wire into a column of lists, without an object a header. */
import { isUtf8 } from "../avro/mod.ts";
import type { ColumnBuffers } from "../columns/mod.ts";
import { appendBytes, type Source, sourceOf } from "./bytes.ts";

/** Where the last varint has ended: a function returns one number only. */
let after = 0;

/**
 * Writes the headers in `[from, to)` as row `row` of a list of structs of key and value: a varint count, then key and
 * value each with a varint length. A producer may have written anything there: what leads out of the record is cut.
 */
export function appendHeaders(
  column: ColumnBuffers,
  row: number,
  source: Source,
  from: number,
  to: number,
): void {
  const [keys, values] = column.children[0]!.children as [ColumnBuffers, ColumnBuffers];
  const { bytes } = source;
  const count = readVarint(bytes, from, to);
  let item = column.offsets[row]!;
  for (let at = after, left = count; left > 0 && at < to; left--, item++) {
    if (item >= column.itemCapacity) column.reserveItems(item + 1);
    const keyLength = readVarint(bytes, at, to);
    const keyEnd = Math.min(after + Math.max(keyLength, 0), to);
    appendText(keys, item, source, after, keyEnd);
    const valueLength = readVarint(bytes, keyEnd, to);
    at = Math.min(after + Math.max(valueLength, 0), to);
    const mask = 1 << (item & 7);
    if (valueLength < 0) {
      values.validity[item >>> 3]! &= ~mask;
      values.offsets[item + 1] = values.offsets[item]!;
    } else {
      values.validity[item >>> 3]! |= mask;
      appendBytes(values, item, source, after, at);
    }
  }
  column.offsets[row + 1] = item;
}

/** Kafka's header keys are text, which its protocol does not check: what is no UTF-8 becomes replacement characters. */
function appendText(column: ColumnBuffers, item: number, source: Source, from: number, to: number): void {
  if (isUtf8(source.bytes, from, to)) return appendBytes(column, item, source, from, to);
  const text = new TextDecoder().decode(source.bytes.subarray(from, to));
  const mended = sourceOf(new TextEncoder().encode(text));
  appendBytes(column, item, mended, 0, mended.bytes.length);
}

/** A zigzag varint of 32 bits; leaves its end in `after`. One that is cut is what there is of it. */
function readVarint(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  let at = from;
  for (let shift = 0; at < to && shift < 35; shift += 7) {
    const byte = bytes[at++]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  after = at;
  return (value >>> 1) ^ -(value & 1);
}
