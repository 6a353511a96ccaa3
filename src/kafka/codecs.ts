/** Decompression of record batches, with nothing native that is not in the runtime. */
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { snappyUncompressor } from "hysnappy";
import { messageOf } from "../errors.ts";
import { decompressLz4 } from "./lz4.ts";

/** A batch that grows beyond this is refused: it would not fit beside the columns. */
const DECOMPRESSED_BYTES_MAX = 512 * 1024 * 1024;

/** Bits 0-2 of a record batch's attributes. */
export const Codec = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;

/** The codec is none that this program knows. */
export class UnknownCodecError extends Error {
  override readonly name = "UnknownCodecError";
}

/**
 * The records of a compressed batch.
 *
 * @throws {UnknownCodecError} for a codec of the future.
 * @throws {RangeError} where the bytes are not what the codec says.
 */
export function decompress(codec: number, bytes: Uint8Array): Uint8Array {
  try {
    switch (codec) {
      case Codec.gzip:
        return gunzipSync(bytes, { maxOutputLength: DECOMPRESSED_BYTES_MAX });
      case Codec.snappy:
        return decompressSnappy(bytes);
      case Codec.lz4:
        return decompressLz4(bytes, DECOMPRESSED_BYTES_MAX);
      case Codec.zstd:
        return zstdDecompressSync(bytes, { maxOutputLength: DECOMPRESSED_BYTES_MAX });
    }
  } catch (error) {
    throw new RangeError(`Cannot decompress ${codecName(codec)}: ${messageOf(error)}`, { cause: error });
  }
  throw new UnknownCodecError(`Unknown compression codec ${codec}`);
}

function codecName(codec: number): string {
  return Object.entries(Codec).find(([, number]) => number === codec)?.[0] ?? String(codec);
}

/** The Java client frames its snappy: magic number, two versions, then blocks with their length. Others do not. */
const XERIAL_MAGIC = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
const XERIAL_HEADER_BYTES = 16;
const BLOCK_LENGTH_BYTES = 4;

/** Kept: it holds a WebAssembly instance, 924 MB/s with one that is reused. */
let uncompress: ReturnType<typeof snappyUncompressor> | undefined;

function decompressSnappy(bytes: Uint8Array): Uint8Array {
  const isFramed = bytes.length >= XERIAL_HEADER_BYTES && XERIAL_MAGIC.every((byte, i) => bytes[i] === byte);
  if (!isFramed) return decompressSnappyBlock(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks: Uint8Array[] = [];
  let total = 0;
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length;) {
    const length = view.getInt32(at);
    const start = at + BLOCK_LENGTH_BYTES;
    if (length < 0 || start + length > bytes.length) throw new RangeError("snappy block is cut off");
    const block = decompressSnappyBlock(bytes.subarray(start, start + length));
    total += block.length;
    if (total > DECOMPRESSED_BYTES_MAX) throw new RangeError(`more than ${DECOMPRESSED_BYTES_MAX} bytes`);
    blocks.push(block);
    at = start + length;
  }
  if (blocks.length === 1) return blocks[0]!;
  const joined = new Uint8Array(total);
  let at = 0;
  for (const block of blocks) {
    joined.set(block, at);
    at += block.length;
  }
  return joined;
}

function decompressSnappyBlock(bytes: Uint8Array): Uint8Array {
  // The block starts with its uncompressed length as an unsigned varint.
  let length = 0;
  for (let i = 0, scale = 1;; i++, scale *= 128) {
    const byte = bytes[i];
    if (byte === undefined || i > 4) throw new RangeError("snappy length is cut off");
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  if (length > DECOMPRESSED_BYTES_MAX) throw new RangeError(`more than ${DECOMPRESSED_BYTES_MAX} bytes`);
  uncompress ??= snappyUncompressor();
  try {
    return uncompress(bytes, length);
  } catch (error) {
    // A trap leaves the instance's memory in an unknown state.
    uncompress = undefined;
    throw error;
  }
}
