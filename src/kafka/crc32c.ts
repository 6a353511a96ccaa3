/** CRC-32C (Castagnoli), the checksum of record batches. The runtime has only the other CRC-32. */
import { makeStreamChecksums, STREAM_BYTES, type StreamChecksums, STREAMS } from "./crc32c_simd.ts";

const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;
const BLOCK_BYTES = STREAMS * STREAM_BYTES;

/** `SLICE[k][b]`: the effect of byte `b`, `k` zero bytes later. */
const SLICE = makeSlices();
/** `SKIP[k][b]`: what becomes of byte `k` of a checksum, if it is `b`, one stream of zero bytes later. */
const SKIP = makeSkips();

const streams = openStreams();

/** The checksum of `bytes[from, to)`, unsigned. */
export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  let crc = -1;
  let at = from;
  if (streams !== undefined) {
    while (to - at >= BLOCK_BYTES) {
      const loaded = streams.load(bytes.subarray(at, to));
      for (let block = 0; block < loaded / BLOCK_BYTES; block++) crc = join(streams.run(block, crc));
      at += loaded;
    }
  }
  return ~slice(bytes, { from: at, to, crc }) >>> 0;
}

/** The checksum of the streams one after the other: the first went on from what was before. */
function join(checksums: Int32Array): number {
  const [skip0, skip1, skip2, skip3] = SKIP;
  let crc = checksums[0]!;
  for (let stream = 1; stream < STREAMS; stream++) {
    crc = skip0[crc & 255]! ^ skip1[(crc >>> 8) & 255]! ^ skip2[(crc >>> 16) & 255]! ^ skip3[crc >>> 24]! ^
      checksums[stream]!;
  }
  return crc;
}

/** Eight bytes at a time: for short batches, ends of batches, and machines without SIMD. */
function slice(bytes: Uint8Array, range: { from: number; to: number; crc: number }): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = SLICE;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let { from: at, crc } = range;
  for (const end = range.to - SLICES; at <= end; at += SLICES) {
    const a = crc ^ view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    crc = t7[a & 255]! ^ t6[(a >>> 8) & 255]! ^ t5[(a >>> 16) & 255]! ^ t4[a >>> 24]! ^
      t3[b & 255]! ^ t2[(b >>> 8) & 255]! ^ t1[(b >>> 16) & 255]! ^ t0[b >>> 24]!;
  }
  for (; at < range.to; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 255]!;
  return crc;
}

type Table = Int32Array;

function makeSlices() {
  const tables = Array.from({ length: SLICES }, () => new Int32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[0]![byte] = crc;
  }
  for (let k = 1; k < SLICES; k++) {
    for (let byte = 0; byte < 256; byte++) tables[k]![byte] = zeroByte(tables[k - 1]![byte]!, tables[0]!);
  }
  return tables as [Table, Table, Table, Table, Table, Table, Table, Table];
}

function makeSkips() {
  const tables = Array.from({ length: 4 }, (_, k) => {
    // A checksum's bits act independently of each other: each bit alone, then the sums.
    const bits = Array.from({ length: 8 }, (_, bit) => {
      let crc = 1 << (8 * k + bit);
      for (let zeros = 0; zeros < STREAM_BYTES; zeros++) crc = zeroByte(crc, SLICE[0]);
      return crc;
    });
    return new Int32Array(256).map((_, byte) =>
      bits.reduce((sum, crc, bit) => (byte >> bit & 1) !== 0 ? sum ^ crc : sum, 0)
    );
  });
  return tables as [Table, Table, Table, Table];
}

function zeroByte(crc: number, table: Table): number {
  return (crc >>> 8) ^ table[crc & 255]!;
}

function openStreams(): StreamChecksums | undefined {
  try {
    return makeStreamChecksums(SLICE[0]);
  } catch (error) {
    // An old processor: slower, but right.
    if (error instanceof WebAssembly.CompileError) return undefined;
    throw error;
  }
}
