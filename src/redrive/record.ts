/** A dead letter as a fetch brings records: positions in one buffer. */
import type { FetchedRecords } from "../model.ts";
import type { DeadLetter } from "./letters.ts";

type Positions = Pick<
  FetchedRecords,
  "valueStart" | "valueEnd" | "keyStart" | "keyEnd" | "headersStart" | "headersEnd"
>;

/** Record 0 is the only one. */
export type OneRecord = Positions & { readonly bytes: Uint8Array };

/** Where there is nothing. */
const NOWHERE = Int32Array.of(-1);
const utf8 = new TextEncoder();

/** The value and the headers, which may say what the value was written with. */
export function recordOf({ value, cells }: DeadLetter): OneRecord {
  const given = Array.isArray(cells["headers"]) ? cells["headers"] as readonly Header[] : [];
  const headers = headerBytes(given);
  const length = value?.length ?? 0;
  const bytes = new Uint8Array(length + headers.length);
  if (value !== null) bytes.set(value);
  bytes.set(headers, length);
  return {
    bytes,
    valueStart: value === null ? NOWHERE : Int32Array.of(0),
    valueEnd: value === null ? NOWHERE : Int32Array.of(length),
    keyStart: NOWHERE,
    keyEnd: NOWHERE,
    headersStart: Int32Array.of(length),
    headersEnd: Int32Array.of(bytes.length),
  };
}

interface Header {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** As Kafka has them: a varint count, then key and value each behind a varint length. */
function headerBytes(headers: readonly Header[]): number[] {
  const bytes = varint(headers.length);
  for (const { key, value } of headers) {
    const name = utf8.encode(key);
    bytes.push(...varint(name.length), ...name);
    bytes.push(...(value === null ? varint(-1) : [...varint(value.length), ...value]));
  }
  return bytes;
}

/** Zigzag, seven bits a byte, the lowest first. */
function varint(value: number): number[] {
  let rest = (value << 1) ^ (value >> 31);
  const bytes: number[] = [];
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}
