/** Record batches written by the tests themselves, straight from the protocol's description. */
import { gzipSync, zstdCompressSync } from "node:zlib";
import { snappyCompress } from "hysnappy";

export interface TestRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [string, Uint8Array | null])[];
}

export interface BatchOptions {
  readonly codec?: "none" | "gzip" | "snappy" | "xerial" | "lz4" | "zstd";
  readonly producerId?: number;
  readonly isTransactional?: boolean;
  readonly control?: "commit" | "abort";
  /** All records get this time. */
  readonly appendTime?: number;
  readonly baseOffset?: number;
  /** Where compaction took the last records away. */
  readonly lastOffset?: number;
}

const CODECS = { none: 0, gzip: 1, snappy: 2, xerial: 2, lz4: 3, zstd: 4 } as const;

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A writer of big-endian numbers and zigzag varints. */
export class Writer {
  readonly #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  done(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes);
  }

  int(width: 1 | 2 | 4 | 8, value: number | bigint): this {
    let rest = BigInt.asUintN(width * 8, BigInt(value));
    const out: number[] = [];
    for (let i = 0; i < width; i++, rest >>= 8n) out.unshift(Number(rest & 255n));
    this.#bytes.push(...out);
    return this;
  }

  varint(value: number): this {
    const big = BigInt(value);
    let rest = big >= 0n ? big * 2n : -big * 2n - 1n;
    for (; rest > 127n; rest >>= 7n) this.#bytes.push(Number(rest & 127n) | 128);
    this.#bytes.push(Number(rest));
    return this;
  }

  raw(bytes: Uint8Array): this {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  string(text: string): this {
    const encoded = bytes(text);
    return this.int(2, encoded.length).raw(encoded);
  }

  varBytes(bytes: Uint8Array | null): this {
    return bytes === null ? this.varint(-1) : this.varint(bytes.length).raw(bytes);
  }
}

/** CRC-32C bit by bit: slow and plain. */
export function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

export function encodeBatch(
  records: readonly TestRecord[],
  options: BatchOptions = {},
): Uint8Array<ArrayBuffer> {
  const baseOffset = options.baseOffset ?? records[0]?.offset ?? 0;
  const lastOffset = options.lastOffset ?? records.at(-1)?.offset ?? baseOffset;
  const baseTimestamp = records[0]?.timestamp ?? 0;
  const body = new Writer();
  for (const record of records) {
    const inner = new Writer().int(1, 0).varint(record.timestamp - baseTimestamp)
      .varint(record.offset - baseOffset).varBytes(record.key).varBytes(record.value)
      .varint(record.headers.length);
    for (const [key, value] of record.headers) inner.varBytes(bytes(key)).varBytes(value);
    body.varint(inner.length).raw(inner.done());
  }
  const codec = options.codec ?? "none";
  const attributes = CODECS[codec] | (options.appendTime === undefined ? 0 : 8) |
    (options.isTransactional || options.control ? 16 : 0) | (options.control ? 32 : 0);
  const maxTimestamp = options.appendTime ?? Math.max(0, ...records.map(({ timestamp }) => timestamp));
  const checked = new Writer().int(2, attributes).int(4, lastOffset - baseOffset)
    .int(8, baseTimestamp).int(8, maxTimestamp).int(8, options.producerId ?? -1).int(2, 0).int(4, 0)
    .int(4, records.length).raw(compress(codec, body.done())).done();
  return new Writer().int(8, baseOffset).int(4, 4 + 1 + 4 + checked.length).int(4, 0).int(1, 2)
    .int(4, slowCrc32c(checked)).raw(checked).done();
}

/** The marker at the end of a transaction. */
export function encodeMarker(
  kind: "commit" | "abort",
  place: { offset: number; producerId: number },
): Uint8Array {
  const key = new Writer().int(2, 0).int(2, kind === "abort" ? 0 : 1).done();
  const record = { offset: place.offset, timestamp: 0, key, value: new Uint8Array(6), headers: [] };
  return encodeBatch([record], { control: kind, producerId: place.producerId });
}

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function compress(codec: keyof typeof CODECS, plain: Uint8Array): Uint8Array {
  switch (codec) {
    case "none":
      return plain;
    case "gzip":
      return gzipSync(plain);
    case "zstd":
      return zstdCompressSync(plain);
    case "snappy":
      return snappyCompress(plain);
    case "xerial":
      return xerial(plain);
    case "lz4":
      return lz4Frame(plain);
  }
}

const XERIAL_BLOCK_BYTES = 100;

/** The Java client's framing of snappy, in small blocks so that there are several. */
export function xerial(plain: Uint8Array): Uint8Array {
  const out = new Writer().raw(new Uint8Array([0x82])).raw(bytes("SNAPPY")).int(1, 0).int(4, 1).int(4, 1);
  for (let at = 0; at < plain.length; at += XERIAL_BLOCK_BYTES) {
    const block = snappyCompress(plain.subarray(at, at + XERIAL_BLOCK_BYTES));
    out.int(4, block.length).raw(block);
  }
  return out.done();
}

/** An LZ4 frame of one compressed block: literals, and matches of what came before. */
export function lz4Frame(plain: Uint8Array): Uint8Array {
  const block = lz4Block(plain);
  const out = new Writer().raw(new Uint8Array([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]));
  const length = (size: number) => out.raw(new Uint8Array(new Uint32Array([size]).buffer));
  if (plain.length > 0) length(block.length).raw(block);
  return length(0).done();
}

function lz4Block(plain: Uint8Array): Uint8Array {
  const out = new Writer();
  let literalsFrom = 0;
  const sequence = (literals: Uint8Array, match?: { distance: number; length: number }) => {
    const matchCode = match === undefined ? 0 : match.length - 4;
    out.int(1, (Math.min(literals.length, 15) << 4) | Math.min(matchCode, 15));
    extend(out, literals.length);
    out.raw(literals);
    if (match === undefined) return;
    out.int(1, match.distance & 255).int(1, match.distance >> 8);
    extend(out, matchCode);
  };
  for (let at = 0; at < plain.length - 12;) {
    const match = longestMatch(plain, at);
    if (match === undefined) {
      at++;
      continue;
    }
    sequence(plain.subarray(literalsFrom, at), match);
    literalsFrom = at += match.length;
  }
  sequence(plain.subarray(literalsFrom));
  return out.done();
}

function extend(out: Writer, length: number): void {
  if (length < 15) return;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) out.int(1, 255);
  out.int(1, rest);
}

const MATCH_WINDOW = 64;

function longestMatch(plain: Uint8Array, at: number): { distance: number; length: number } | undefined {
  let best: { distance: number; length: number } | undefined;
  for (let distance = 1; distance <= Math.min(at, MATCH_WINDOW); distance++) {
    let length = 0;
    while (at + length < plain.length - 5 && plain[at + length] === plain[at + length - distance]) length++;
    if (length >= 4 && length > (best?.length ?? 0)) best = { distance, length };
  }
  return best;
}
