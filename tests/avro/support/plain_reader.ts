/** Reading Avro once more, plainly, from the specification and not from src/; it says what is wrong with bytes. */
import { Buffer } from "node:buffer";
import type { Schema, SchemaObject } from "./random_schema.ts";
import { branchKey, isUnion, namedTypes, resolve } from "./random_value.ts";

/** Why bytes are no value. */
export type Flaw =
  | "end"
  | "varint"
  | "length"
  | "utf8"
  | "branch"
  | "boolean"
  | "symbol"
  | "items"
  | "empty items"
  | "block size"
  | "decimal"
  | "trailing"
  | "depth";

class PlainFault extends Error {
  constructor(readonly flaw: Flaw) {
    super(flaw);
  }
}

/** What a message is: a value or a flaw, and what a reader with limits may mind about it. */
export interface Reading {
  /** As avsc has it, but for maps, which are of the class Map. */
  readonly value?: unknown;
  readonly flaw?: Flaw;
  /** A count, length or index takes more than the five bytes that a number of 32 bits needs, or is larger. */
  readonly isOverlong: boolean;
  /** Items without bytes. */
  readonly emptyItems: number;
  readonly depth: number;
}

/** Above these the reader itself gives up. */
const EMPTY_ITEMS_MAX = 100_000;
const DEPTH_MAX = 1_500;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads messages of a schema with full names. */
export class PlainReader {
  readonly #schema: Schema;
  readonly #names: ReadonlyMap<string, SchemaObject>;

  constructor(schema: Schema) {
    this.#schema = schema;
    this.#names = namedTypes(schema);
  }

  read(bytes: Uint8Array): Reading {
    const reader = new MessageReader(bytes, this.#names);
    let result: { value: unknown } | { flaw: Flaw };
    try {
      result = { value: reader.readAll(this.#schema) };
    } catch (error) {
      if (!(error instanceof PlainFault)) throw error;
      result = { flaw: error.flaw };
    }
    const { isOverlong, emptyItems, depth } = reader;
    return { ...result, isOverlong, emptyItems, depth };
  }
}

class MessageReader {
  isOverlong = false;
  emptyItems = 0;
  depth = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #names: ReadonlyMap<string, SchemaObject>;
  /** Records around the value: one that stands in itself becomes JSON, where other limits hold. */
  readonly #open: string[] = [];
  #json = 0;
  #at = 0;

  constructor(bytes: Uint8Array, names: ReadonlyMap<string, SchemaObject>) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#names = names;
  }

  readAll(schema: Schema): unknown {
    const value = this.#read(schema, 0);
    if (this.#at < this.#bytes.length) throw new PlainFault("trailing");
    return value;
  }

  #read(schema: Schema, depth: number): unknown {
    this.depth = Math.max(this.depth, depth);
    if (depth > DEPTH_MAX) throw new PlainFault("depth");
    if (isUnion(schema)) return this.#readUnion(schema, depth);
    const type = resolve(schema, this.#names);
    switch (type.type) {
      case "null":
        return null;
      case "boolean": {
        const byte = this.#bytes[this.#take(1)]!;
        if (byte > 1) throw new PlainFault("boolean");
        return byte === 1;
      }
      case "int": {
        const value = this.#readCount();
        if (BigInt.asIntN(32, value) !== value) throw new PlainFault("varint");
        return Number(value);
      }
      case "long":
        return this.#readLong().value;
      case "float":
        return this.#view.getFloat32(this.#take(4), true);
      case "double":
        return this.#view.getFloat64(this.#take(8), true);
      case "string":
        return this.#readString();
      case "bytes":
        return this.#checked(this.#readBytes(), type);
      case "fixed":
        return this.#checked(this.#slice(type.size!), type);
      case "enum":
        return this.#pick(type.symbols!, "symbol");
      case "array": {
        const items: unknown[] = [];
        this.#readBlocks([type.items!], () => items.push(this.#read(type.items!, depth + 1)));
        return items;
      }
      case "map": {
        const entries = new Map<string, unknown>();
        const read = () => entries.set(this.#readString(), this.#read(type.values!, depth + 1));
        this.#readBlocks(["string", type.values!], read);
        return entries;
      }
      default:
        return this.#readRecord(type, depth);
    }
  }

  #readUnion(branches: readonly Schema[], depth: number): unknown {
    const branch = this.#pick(branches, "branch");
    const value = this.#read(branch, depth + 1);
    return branch === "null" ? null : { [branchKey(branch, this.#names)]: value };
  }

  #readRecord(type: SchemaObject, depth: number): unknown {
    const recurs = this.#open.includes(type.name!);
    if (recurs) this.#json++;
    this.#open.push(type.name!);
    const value = Object.fromEntries(
      type.fields!.map((field) => [field.name, this.#read(field.type, depth + 1)]),
    );
    this.#open.pop();
    if (recurs) this.#json--;
    return value;
  }

  #readBlocks(item: readonly Schema[], readItem: () => void): void {
    const least = this.#json > 0
      ? 0
      : item.reduce((sum, part) => sum + leastBytes(part, this.#names, this.#open), 0);
    for (;;) {
      let count = this.#readCount();
      if (count === 0n) return;
      let stop: number | undefined;
      if (count < 0n) {
        count = -count;
        const size = this.#readCount();
        if (size < 0n || size > this.#left) throw new PlainFault("block size");
        stop = this.#at + Number(size);
      }
      if (count * BigInt(least) > this.#left) throw new PlainFault("items");
      for (; count > 0n; count--) {
        const before = this.#at;
        readItem();
        if (this.#at === before && ++this.emptyItems > EMPTY_ITEMS_MAX) throw new PlainFault("empty items");
      }
      if (stop !== undefined && stop !== this.#at) throw new PlainFault("block size");
    }
  }

  #checked(bytes: Uint8Array, { logicalType, precision }: SchemaObject): Buffer {
    const buffer = Buffer.from(bytes);
    if (logicalType === "decimal" && this.#json === 0) {
      const unscaled = buffer.length === 0
        ? 0n
        : BigInt.asIntN(8 * buffer.length, BigInt(`0x${buffer.toString("hex")}`));
      // Wide decimals have columns of 57 or 76 digits.
      const digits = precision! <= 38 ? precision! : precision! <= 57 ? 57 : 76;
      if ((unscaled < 0n ? -unscaled : unscaled) >= 10n ** BigInt(digits)) throw new PlainFault("decimal");
    }
    return buffer;
  }

  #readString(): string {
    const bytes = this.#readBytes();
    try {
      return utf8.decode(bytes);
    } catch {
      throw new PlainFault("utf8");
    }
  }

  #readBytes(): Uint8Array {
    const length = this.#readCount();
    if (length < 0n || length > this.#left) throw new PlainFault("length");
    return this.#slice(Number(length));
  }

  #pick<T>(choices: readonly T[], flaw: Flaw): T {
    const index = this.#readCount();
    if (index < 0n || index >= choices.length) throw new PlainFault(flaw);
    return choices[Number(index)]!;
  }

  /** A number that other readers may want in 32 bits. */
  #readCount(): bigint {
    const { value, bytes } = this.#readLong();
    if (bytes > 5 || BigInt.asIntN(32, value) !== value) this.isOverlong = true;
    return value;
  }

  #readLong(): { value: bigint; bytes: number } {
    let raw = 0n;
    for (let index = 0; index < 10; index++) {
      const byte = this.#bytes[this.#take(1)]!;
      raw |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte > 0x7f) continue;
      if (raw >> 64n !== 0n) break;
      return { value: (raw >> 1n) ^ -(raw & 1n), bytes: index + 1 };
    }
    throw new PlainFault("varint");
  }

  get #left(): bigint {
    return BigInt(this.#bytes.length - this.#at);
  }

  #slice(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.slice(start, start + length);
  }

  #take(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw new PlainFault("end");
    this.#at += length;
    return start;
  }
}

/** Whether some array has items that take no bytes: then a count in a message is bounded by nothing in it. */
export function hasEmptyItems(schema: Schema, names = namedTypes(schema)): boolean {
  if (typeof schema === "string") return false;
  if (isUnion(schema)) return schema.some((branch) => hasEmptyItems(branch, names));
  const { items, values, fields = [] } = schema;
  if (items !== undefined && leastBytes(items, names, []) === 0) return true;
  const inner = [items, values, ...fields.map((field) => field.type)];
  return inner.some((type) => type !== undefined && hasEmptyItems(type, names));
}

/** The fewest bytes of a value; a record inside itself counts as one. */
function leastBytes(
  schema: Schema,
  names: ReadonlyMap<string, SchemaObject>,
  open: readonly string[],
): number {
  if (isUnion(schema)) {
    return 1 + Math.min(...schema.map((branch) => branch === "null" ? 0 : leastBytes(branch, names, open)));
  }
  const { type, name, fields, size } = resolve(schema, names);
  switch (type) {
    case "null":
      return 0;
    case "float":
      return 4;
    case "double":
      return 8;
    case "fixed":
      return size!;
    case "record":
      if (open.includes(name!)) return 1;
      return fields!.reduce((sum, field) => sum + leastBytes(field.type, names, [...open, name!]), 0);
    default:
      return 1;
  }
}
