/**
 * LZ4 frames, decompressing only. Our own because the package that exists takes twice the time (255 against
 * 458 MB/s), and the others need native addons. Checksums inside the frame are skipped: the record batch has one.
 */

const FRAME_MAGIC = 0x184d2204;
const VERSION_MASK = 0xc0;
const VERSION_1 = 0x40;
const FLAG_BLOCK_CHECKSUM = 0x10;
const FLAG_CONTENT_SIZE = 0x08;
const FLAG_CONTENT_CHECKSUM = 0x04;
const FLAG_DICTIONARY = 0x01;
const BLOCK_IS_RAW = 0x80000000;
const CHECKSUM_BYTES = 4;
const MATCH_LENGTH_MIN = 4;
/** Shorter runs are copied in a loop: a call costs more than they do. */
const COPY_LOOP_BYTES_MAX = 32;
const EXPECTED_RATIO = 4;

/**
 * The content of all frames in `input`.
 *
 * @throws {RangeError} where the input is damaged or would grow beyond `maxBytes`.
 */
export function decompressLz4(input: Uint8Array, maxBytes: number): Uint8Array {
  const decoder = new Decoder(input, maxBytes);
  decoder.readFrames();
  return decoder.output.subarray(0, decoder.length);
}

class Decoder {
  readonly #input: Uint8Array;
  readonly #view: DataView;
  readonly #maxBytes: number;
  output: Uint8Array;
  length = 0;

  constructor(input: Uint8Array, maxBytes: number) {
    this.#input = input;
    this.#view = new DataView(input.buffer, input.byteOffset, input.byteLength);
    this.#maxBytes = maxBytes;
    this.output = new Uint8Array(Math.min(input.length * EXPECTED_RATIO, maxBytes));
  }

  readFrames(): void {
    let at = 0;
    do at = this.#readFrame(at); while (at < this.#input.length);
  }

  /** Returns where the next frame starts. A read beyond the input throws a RangeError by itself. */
  #readFrame(start: number): number {
    const view = this.#view;
    if (view.getUint32(start, true) !== FRAME_MAGIC) throw new RangeError("not an LZ4 frame");
    const flags = view.getUint8(start + 4);
    if ((flags & VERSION_MASK) !== VERSION_1) throw new RangeError("unknown version of the LZ4 frame");
    if ((flags & FLAG_DICTIONARY) !== 0) throw new RangeError("LZ4 frame needs a dictionary");
    // Magic number, flags, block size, [content size], header checksum.
    let at = start + 6 + ((flags & FLAG_CONTENT_SIZE) !== 0 ? 8 : 0) + 1;
    const blockChecksumBytes = (flags & FLAG_BLOCK_CHECKSUM) !== 0 ? CHECKSUM_BYTES : 0;
    for (;;) {
      const size = view.getUint32(at, true);
      at += 4;
      if (size === 0) break;
      const bytes = size & ~BLOCK_IS_RAW;
      if (bytes < 0 || at + bytes > this.#input.length) throw new RangeError("LZ4 block is cut off");
      if (size >= BLOCK_IS_RAW) this.#copyRaw(at, bytes);
      else this.#decompressBlock(at, at + bytes);
      at += bytes + blockChecksumBytes;
    }
    return at + ((flags & FLAG_CONTENT_CHECKSUM) !== 0 ? CHECKSUM_BYTES : 0);
  }

  #copyRaw(at: number, bytes: number): void {
    this.#reserve(bytes);
    this.output.set(this.#input.subarray(at, at + bytes), this.length);
    this.length += bytes;
  }

  #reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.output.length) return;
    if (needed > this.#maxBytes) throw new RangeError(`more than ${this.#maxBytes} bytes when decompressed`);
    const grown = new Uint8Array(Math.min(Math.max(needed, this.output.length * 2), this.#maxBytes));
    grown.set(this.output.subarray(0, this.length));
    this.output = grown;
  }

  #decompressBlock(start: number, end: number): void {
    const input = this.#input;
    let at = start;
    while (at < end) {
      const token = input[at++]!;
      let literals = token >>> 4;
      if (literals === 15) {
        let byte;
        do literals += byte = input[at++]!; while (byte === 255 && at < end);
      }
      let matchLength = token & 15;
      // Negated, because a length read beyond the input is NaN.
      if (!(at + literals <= end)) throw new RangeError("LZ4 literals are cut off");
      // Most of the time there is room for both; the match may turn out longer and then reserves again.
      this.#reserve(literals + matchLength + MATCH_LENGTH_MIN);
      this.#copyLiterals(at, literals);
      at += literals;
      if (at === end) return;
      if (at + 2 > end) throw new RangeError("LZ4 match is cut off");
      const distance = input[at]! | (input[at + 1]! << 8);
      at += 2;
      if (distance === 0 || distance > this.length) throw new RangeError("LZ4 match lies before the start");
      if (matchLength === 15) {
        let byte;
        do {
          if (at >= end) throw new RangeError("LZ4 match length is cut off");
          matchLength += byte = input[at++]!;
        } while (byte === 255);
        this.#reserve(matchLength + MATCH_LENGTH_MIN);
      }
      this.#copyMatch(distance, matchLength + MATCH_LENGTH_MIN);
    }
  }

  #copyLiterals(at: number, count: number): void {
    const { output } = this;
    const input = this.#input;
    let to = this.length;
    this.length = to + count;
    if (count > COPY_LOOP_BYTES_MAX) output.set(input.subarray(at, at + count), to);
    else for (const end = at + count; at < end; at++) output[to++] = input[at]!;
  }

  #copyMatch(distance: number, count: number): void {
    const { output } = this;
    let to = this.length;
    let from = to - distance;
    this.length = to + count;
    // A match that overlaps its own result repeats it: it has to go byte by byte.
    if (count > COPY_LOOP_BYTES_MAX && distance >= count) output.copyWithin(to, from, from + count);
    else for (const end = to + count; to < end; to++) output[to] = output[from++]!;
  }
}
