/** A dead letter as a fetch brings records: positions in one buffer. */
import type { Decoding } from "../archiver/mod.ts";
import type { DeadLetter, Header } from "./letters.ts";

/** Where there is nothing. */
const NOWHERE = -1;
const utf8 = new TextEncoder();

/** The only record of a fetch. */
export function recordOf(topic: string, letter: DeadLetter): Decoding.RecordAt {
  const { partition, offset, timestamp, key, value } = letter;
  const parts: Uint8Array[] = [];
  let length = 0;
  const add = (part: Uint8Array | null) => {
    if (part === null) return { start: Int32Array.of(NOWHERE), end: Int32Array.of(NOWHERE) };
    parts.push(part);
    const start = length;
    length += part.length;
    return { start: Int32Array.of(start), end: Int32Array.of(length) };
  };
  const [keyAt, valueAt, headersAt] = [add(key), add(value), add(concat(headerParts(letter.headers)))];
  const bytes = concat(parts);
  const nextOffset = offset + 1n;
  const fetched = {
    ...{ topic, partition, fetchedOffset: offset, nextOffset },
    ...{ highWatermark: nextOffset, lastStableOffset: nextOffset, logStartOffset: offset },
    count: 1,
    offsets: Float64Array.of(Number(offset)),
    timestamps: Float64Array.of(Number(timestamp)),
    ...{ keyStart: keyAt.start, keyEnd: keyAt.end },
    ...{ valueStart: valueAt.start, valueEnd: valueAt.end },
    ...{ headersStart: headersAt.start, headersEnd: headersAt.end },
    runs: [{ bytes, from: 0, to: 1 }],
  };
  return { fetched, bytes, index: 0 };
}

/** As Kafka has them: a varint count, then key and value each behind a varint length. */
function headerParts(headers: readonly Header[]): Uint8Array[] {
  const parts = [varint(headers.length)];
  for (const { key, value } of headers) {
    const name = utf8.encode(key);
    parts.push(varint(name.length), name);
    if (value === null) parts.push(varint(-1));
    else parts.push(varint(value.length), value);
  }
  return parts;
}

/** Zigzag, seven bits a byte, the lowest first. */
function varint(value: number): Uint8Array {
  let rest = (value << 1) ^ (value >> 31);
  const bytes: number[] = [];
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Uint8Array.of(...bytes, rest);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
