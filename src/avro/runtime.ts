/**
 * What compiled decoders call: the paths that are uncommon, or too long to stand in the generated code.
 *
 * A read that fails ends in `throw runtime.fail(…)`, always of the same value: a bad record costs no stack trace.
 */
import type { ColumnBuffers } from "../columns/mod.ts";
import { readDecimal } from "./decimal.ts";
import { EMPTY_ITEMS_MAX, JsonFault, JsonReader } from "./json.ts";
import type { AvroType } from "./schema.ts";
import { isUtf8 } from "./utf8.ts";

/**
 * The most rows that go through one pass of a decoder before the next pass begins. 1,000 fields take 5.3 ns a field in
 * blocks of 512 rows, and 12 in blocks of 30, where each pass has little to do (bench/decode.ts).
 */
export const BLOCK_ROWS = 512;

/** Why a record is bad. */
export const Fault = {
  pastEnd: 0,
  varint: 1,
  length: 2,
  utf8: 3,
  branch: 4,
  boolean: 5,
  symbol: 6,
  items: 7,
  emptyItems: 8,
  blockSize: 9,
  decimal: 10,
  trailing: 11,
  json: 12,
} as const;

const REASONS: readonly string[] = [
  "the record ends too early",
  "a varint is too large",
  "a length runs past the end of the record",
  "the string is not UTF-8",
  "there is no such branch in the union",
  "the boolean is neither 0 nor 1",
  "there is no such symbol in the enum",
  "an item count runs past the end of the record",
  `more than ${EMPTY_ITEMS_MAX} items without bytes`,
  "the size of a block does not match its items",
  "the decimal has more digits than its precision",
  "bytes are left over after the last field",
];

/** What is thrown for a bad record: see `Runtime.reason`. */
export const BAD_RECORD = { name: "BadRecord" };

const encoder = new TextEncoder();

/** One a decoder. Fields are public, as the generated code reads and writes them. */
export class Runtime {
  /** Where the rows of the block stand in the bytes: after the last pass, and where they end. */
  readonly positions: Int32Array = new Int32Array(BLOCK_ROWS);
  readonly ends: Int32Array = new Int32Array(BLOCK_ROWS);
  /** Where the last helper stopped reading. */
  at = 0;
  /** Items without bytes since the block began. */
  emptyItems = 0;
  readonly isUtf8: typeof isUtf8 = isUtf8;
  readonly readDecimal: typeof readDecimal = readDecimal;
  readonly #paths: readonly string[];
  readonly #recursive: ReadonlyMap<number, AvroType>;
  #fault = 0;
  #place = 0;
  #detail = "";

  /** `paths` names places in the schema for messages; `recursive` has the types that are read as JSON, by place. */
  constructor(paths: readonly string[], recursive: ReadonlyMap<number, AvroType>) {
    this.#paths = paths;
    this.#recursive = recursive;
  }

  fail(fault: number, place: number): typeof BAD_RECORD {
    this.#fault = fault;
    this.#place = place;
    return BAD_RECORD;
  }

  /** Why the last record was bad. */
  get reason(): string {
    const reason = this.#fault === Fault.json ? this.#detail : REASONS[this.#fault];
    return this.#fault === Fault.trailing ? String(reason) : `${this.#paths[this.#place]}: ${reason}`;
  }

  /** A varint of 32 bits; `at` moves behind it. */
  readInt(bytes: Uint8Array, from: number, place: number): number {
    let raw = 0;
    for (let index = 0; index < 5; index++) {
      const byte = bytes[from + index]!;
      if (index === 4 && byte > 0x0f) break;
      raw |= (byte & 0x7f) << (7 * index);
      // A byte beyond the buffer is undefined and ends the loop here; the pass then finds the record too short.
      if (!(byte > 0x7f)) {
        this.at = from + index + 1;
        return (raw >>> 1) ^ -(raw & 1);
      }
    }
    throw this.fail(Fault.varint, place);
  }

  /** Where a varint of 64 bits ends whose second byte is at `from`. */
  skipLong(bytes: Uint8Array, from: number, place: number): number {
    for (let index = 0; index < 9; index++) {
      if (!(bytes[from + index]! > 0x7f)) return from + index + 1;
    }
    throw this.fail(Fault.varint, place);
  }

  /** Counts items that take no bytes, for which the length of the record is no bound. */
  countEmpty(items: number, place: number): void {
    this.emptyItems += items;
    if (this.emptyItems > EMPTY_ITEMS_MAX) throw this.fail(Fault.emptyItems, place);
  }

  /** Appends the value at `from` to a text column as JSON, in row `row`; returns where it ends. */
  readJson(
    column: ColumnBuffers,
    row: number,
    bytes: Uint8Array,
    from: number,
    end: number,
    place: number,
  ): number {
    const { text, at } = this.#readText(bytes, { from, end, place });
    const encoded = encoder.encode(text);
    const start = column.offsets[row]!;
    column.reserveData(start + encoded.length);
    column.data.set(encoded, start);
    column.offsets[row + 1] = start + encoded.length;
    return at;
  }

  /** Where such a value ends that no column takes. */
  skipJson(bytes: Uint8Array, from: number, end: number, place: number): number {
    return this.#readText(bytes, { from, end, place }).at;
  }

  #readText(
    bytes: Uint8Array,
    { from, end, place }: { from: number; end: number; place: number },
  ): { text: string; at: number } {
    // It may begin beyond the record where what stands before it was stepped over.
    if (from > end) throw this.fail(Fault.pastEnd, place);
    const reader = new JsonReader(bytes, { at: from, end });
    try {
      return { text: reader.read(this.#recursive.get(place)!), at: reader.at };
    } catch (error) {
      if (!(error instanceof JsonFault)) throw error;
      this.#detail = error.message;
      throw this.fail(Fault.json, place);
    }
  }
}
