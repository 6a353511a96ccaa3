/** Records as a fetch brings them, in one buffer. */
import type { FetchedRecords } from "../../../src/model.ts";

export type Header = readonly [key: string, value: Uint8Array | null];

export interface TestRecord {
  readonly value: Uint8Array | null;
  /** Null by default. */
  readonly key?: Uint8Array;
  readonly headers?: readonly Header[];
}

const utf8 = new TextEncoder();

/** A varint of Kafka's: zigzag, seven bits a byte, the lowest first. */
export function varint(value: number): number[] {
  let rest = (value << 1) ^ (value >> 31);
  const bytes: number[] = [];
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

/** Headers as they are on the wire. */
export function headerBytes(headers: readonly Header[]): Uint8Array {
  const bytes = varint(headers.length);
  for (const [key, value] of headers) {
    const name = utf8.encode(key);
    bytes.push(...varint(name.length), ...name);
    bytes.push(...(value === null ? varint(-1) : [...varint(value.length), ...value]));
  }
  return new Uint8Array(bytes);
}

/** The records from offset 0 on, and their buffer. */
export function fetchedRecords(
  records: readonly TestRecord[],
): { readonly fetched: FetchedRecords; readonly bytes: Uint8Array } {
  const count = records.length;
  const positions = () => new Int32Array(count).fill(-1);
  const [valueStart, valueEnd, keyStart, keyEnd] = [positions(), positions(), positions(), positions()];
  const [headersStart, headersEnd] = [positions(), positions()];
  const parts: Uint8Array[] = [];
  let at = 0;
  const add = (part: Uint8Array) => {
    parts.push(part);
    return at += part.length;
  };
  for (const [index, { value, key, headers = [] }] of records.entries()) {
    if (key !== undefined) {
      keyStart[index] = at;
      keyEnd[index] = add(key);
    }
    if (value !== null) {
      valueStart[index] = at;
      valueEnd[index] = add(value);
    }
    headersStart[index] = at;
    headersEnd[index] = add(headerBytes(headers));
  }
  const bytes = new Uint8Array(at);
  at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  const next = BigInt(count);
  return {
    bytes,
    fetched: {
      topic: "orders",
      partition: 0,
      fetchedOffset: 0n,
      nextOffset: next,
      highWatermark: next,
      lastStableOffset: next,
      logStartOffset: 0n,
      count,
      offsets: Float64Array.from({ length: count }, (_, i) => i),
      timestamps: new Float64Array(count),
      valueStart,
      valueEnd,
      keyStart,
      keyEnd,
      headersStart,
      headersEnd,
      runs: [{ bytes, from: 0, to: count }],
    },
  };
}
