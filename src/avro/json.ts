/**
 * Values of recursive types as JSON text. The slow path: it makes objects and strings.
 *
 * Plain JSON: a union's value stands without its branch name, a long with all its digits, bytes and fixed as a string
 * of the code points 0 to 255 (as in Avro's own JSON encoding), a decimal as a number with all its digits, a uuid of
 * 16 bytes in its usual form, a duration as an object, dates and times as the numbers they are; a float that is no
 * number as "NaN", "Infinity" or "-Infinity".
 */
import type { AvroType, FixedType, RecordType } from "./schema.ts";

/** Nesting of one value. */
export const JSON_DEPTH_MAX = 1_000;

/** Items without bytes (nulls, empty records) that one record may hold. */
export const EMPTY_ITEMS_MAX = 65_536;

/** Why a value could not be read; its message names no place. */
export class JsonFault extends Error {
  override readonly name = "JsonFault";
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class JsonReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  /** Where the next value begins. */
  #at: number;
  #emptyItems = 0;

  /** Reads no byte outside `[at, end)`. */
  constructor(bytes: Uint8Array, { at, end }: { at: number; end: number }) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
    this.#end = end;
  }

  get at(): number {
    return this.#at;
  }

  /** The next value. Throws JsonFault where the bytes are no such value. */
  read(type: AvroType, depth = 0): string {
    if (depth > JSON_DEPTH_MAX) throw new JsonFault(`nested deeper than ${JSON_DEPTH_MAX} levels`);
    switch (type.kind) {
      case "null":
        return "null";
      case "boolean":
        return this.#readBoolean();
      case "int":
        return String(this.#readInt());
      case "long":
        return String(this.#readLong());
      case "float":
        return numberText(this.#view.getFloat32(this.#take(4), true));
      case "double":
        return numberText(this.#view.getFloat64(this.#take(8), true));
      case "string":
        return this.#readString();
      case "bytes":
        return this.#readBytes(this.#readLength(), type);
      case "fixed":
        return this.#readBytes(type.size, type);
      case "enum":
        return JSON.stringify(this.#pick(type.symbols, "enum index"));
      case "union":
        return this.read(this.#pick(type.branches, "union branch"), depth + 1);
      case "array":
        return this.#readArray(type.items, depth);
      case "map":
        return this.#readMap(type.values, depth);
      case "record":
        return this.#readRecord(type, depth);
    }
  }

  #readRecord(type: RecordType, depth: number): string {
    const fields = type.fields.map((field) =>
      `${JSON.stringify(field.name)}:${this.read(field.type, depth + 1)}`
    );
    return `{${fields.join(",")}}`;
  }

  #readArray(items: AvroType, depth: number): string {
    const texts: string[] = [];
    this.#readBlocks(() => texts.push(this.read(items, depth + 1)));
    return `[${texts.join(",")}]`;
  }

  /** A key that stands twice has its last value, as for other readers of Avro. */
  #readMap(values: AvroType, depth: number): string {
    const texts = new Map<string, string>();
    this.#readBlocks(() => texts.set(this.#readString(), this.read(values, depth + 1)));
    return `{${Array.from(texts, ([key, value]) => `${key}:${value}`).join(",")}}`;
  }

  #readBlocks(readItem: () => void): void {
    for (;;) {
      let count = this.#readLong();
      if (count === 0n) return;
      let blockEnd: number | undefined;
      if (count < 0n) {
        count = -count;
        blockEnd = this.#readLength() + this.#at;
      }
      for (; count > 0n; count--) {
        const before = this.#at;
        readItem();
        if (this.#at === before && ++this.#emptyItems > EMPTY_ITEMS_MAX) {
          throw new JsonFault(`more than ${EMPTY_ITEMS_MAX} items without bytes`);
        }
      }
      if (blockEnd !== undefined && blockEnd !== this.#at) {
        throw new JsonFault("the size of a block does not match its items");
      }
    }
  }

  #readBoolean(): string {
    const byte = this.#bytes[this.#take(1)]!;
    if (byte > 1) throw new JsonFault(`boolean is ${byte}`);
    return byte === 1 ? "true" : "false";
  }

  #readString(): string {
    const length = this.#readLength();
    const start = this.#take(length);
    try {
      return JSON.stringify(decoder.decode(this.#bytes.subarray(start, start + length)));
    } catch {
      throw new JsonFault("string is not UTF-8");
    }
  }

  #readBytes(length: number, type: AvroType): string {
    const start = this.#take(length);
    const bytes = this.#bytes.subarray(start, start + length);
    const logical = type.kind === "bytes" || type.kind === "fixed" ? (type as FixedType).logical : undefined;
    switch (logical?.name) {
      case "decimal":
        return decimalText(bytes, logical.scale);
      case "uuid":
        return JSON.stringify(hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"));
      case "duration": {
        const [months, days, millis] = [0, 4, 8].map((part) => this.#view.getUint32(start + part, true));
        return JSON.stringify({ months, days, millis });
      }
      default:
        return JSON.stringify(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    }
  }

  #pick<T>(choices: readonly T[], what: string): T {
    const index = this.#readInt();
    const choice = choices[index];
    if (choice === undefined) throw new JsonFault(`${what} is ${index}: there are ${choices.length}`);
    return choice;
  }

  #readLength(): number {
    const length = this.#readLong();
    if (length < 0n || length > BigInt(this.#end - this.#at)) {
      throw new JsonFault(`length ${length} runs past the end of the record`);
    }
    return Number(length);
  }

  #readInt(): number {
    const value = this.#readLong();
    if (BigInt.asIntN(32, value) !== value) throw new JsonFault(`int is ${value}`);
    return Number(value);
  }

  #readLong(): bigint {
    let raw = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#take(1)]!;
      raw |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (raw >> 64n !== 0n) break;
        return (raw >> 1n) ^ -(raw & 1n);
      }
    }
    throw new JsonFault("varint is longer than 64 bits");
  }

  /** Where the next `length` bytes begin. */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#end - start) throw new JsonFault("the record ends too early");
    this.#at += length;
    return start;
  }
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) return JSON.stringify(String(value));
  return Object.is(value, -0) ? "-0" : String(value);
}

function decimalText(bytes: Uint8Array, scale: number): string {
  const unscaled = bytes.length === 0 ? 0n : BigInt.asIntN(8 * bytes.length, BigInt(`0x${hex(bytes)}`));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const text = scale === 0 ? whole : `${whole}.${digits.slice(digits.length - scale)}`;
  return unscaled < 0n ? `-${text}` : text;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
