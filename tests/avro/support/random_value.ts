/** Random values of a schema, as avsc writes them: unions wrapped by branch, longs as bigint, bytes as Buffer. */
import { Buffer } from "node:buffer";
import type { Random } from "../../../dev/random.ts";
import type { Schema, SchemaObject } from "./random_schema.ts";

const TEXTS = [
  "",
  "a",
  "seven77",
  "eight888",
  "nine99999",
  "žluťoučký kůň",
  "日本語テキスト",
  "🦆🦆",
  "\0",
  "a\0b\0",
  "e\u0301\u0301",
  "\ufeffmarked",
  "\u{10ffff}\ud7ff\ue000",
  '"\\\u2028\n\r\t\x7f',
  "👩‍👩‍👧",
  "x".repeat(399),
  "é".repeat(300),
];
const LONGS = [
  0n,
  1n,
  -1n,
  63n,
  -64n,
  64n,
  2n ** 31n,
  -(2n ** 31n) - 1n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const INTS = [0, 1, -1, 63, 64, -65, 8191, 8192, 2 ** 31 - 1, -(2 ** 31)];
const DOUBLES = [0, -0, 1.5, -1e300, 5e-324, Infinity, -Infinity, NaN];
const DAY_MILLIS = 86_400_000;

/** Named types of a schema, by name. */
export function namedTypes(
  schema: Schema,
  found = new Map<string, SchemaObject>(),
): Map<string, SchemaObject> {
  if (typeof schema === "string") return found;
  if (isUnion(schema)) {
    for (const branch of schema) namedTypes(branch, found);
    return found;
  }
  if (schema.name !== undefined) found.set(schema.name, schema);
  for (const field of schema.fields ?? []) namedTypes(field.type, found);
  for (const inner of [schema.items, schema.values]) if (inner !== undefined) namedTypes(inner, found);
  return found;
}

export function isUnion(schema: Schema): schema is readonly Schema[] {
  return Array.isArray(schema);
}

/** The definition that a schema stands for: a name is looked up, a bare primitive becomes an object. */
export function resolve(schema: Schema, names: ReadonlyMap<string, SchemaObject>): SchemaObject {
  if (isUnion(schema)) throw new TypeError("Cannot resolve a union");
  return typeof schema === "string" ? names.get(schema) ?? { type: schema } : schema;
}

/** The key of a branch in a wrapped union value. */
export function branchKey(branch: Schema, names: ReadonlyMap<string, SchemaObject>): string {
  const { name, type } = resolve(branch, names);
  return name ?? type as string;
}

/** Keys such as "30", which an object moves to its front: avsc has then lost the order in which they came. */
export function hasIndexKey(value: unknown): boolean {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
  if (Array.isArray(value)) return value.some(hasIndexKey);
  return Object.entries(value).some(([key, item]) =>
    /^\d+$/.test(key) || key === "__proto__" || hasIndexKey(item)
  );
}

export class RandomValues {
  readonly #random: Random;
  readonly #names: ReadonlyMap<string, SchemaObject>;

  constructor(random: Random, schema: Schema) {
    this.#random = random;
    this.#names = namedTypes(schema);
  }

  next(schema: Schema, depth = 0): unknown {
    const { pick, below, chance } = this.#random;
    if (isUnion(schema)) return this.#union(schema, depth);
    const type = resolve(schema, this.#names);
    switch (type.type) {
      case "null":
        return null;
      case "boolean":
        return chance(0.5);
      case "int":
        return type.logicalType === "time-millis" ? below(DAY_MILLIS) : this.#int();
      case "long":
        return type.logicalType === "time-micros" ? BigInt(below(DAY_MILLIS)) * 1000n : this.#long();
      case "float":
        return Math.fround(this.#double());
      case "double":
        return this.#double();
      case "string":
        return chance(0.5) ? pick(TEXTS) : this.#random.hex(below(40));
      case "bytes":
        return type.logicalType === "decimal" ? this.#decimal(type) : this.#bytes(below(20));
      case "fixed":
        return type.logicalType === "decimal" ? this.#decimal(type) : this.#bytes(type.size!);
      case "enum":
        return pick(type.symbols!);
      case "array":
        return Array.from({ length: this.#count(depth) }, () => this.next(type.items!, depth + 1));
      case "map": {
        const entry = (
          _: unknown,
          index: number,
        ) => [
          `${pick(["k", "k", "", "🦆"])}${index}${pick(["", "ü", ' "', "\0"])}`,
          this.next(type.values!, depth + 1),
        ];
        return Object.fromEntries(Array.from({ length: this.#count(depth) }, entry));
      }
      default:
        return Object.fromEntries(type.fields!.map(({ name, type }) => [name, this.next(type, depth + 1)]));
    }
  }

  #union(branches: readonly Schema[], depth: number): unknown {
    const branch = depth > 8 && branches.includes("null") ? "null" : this.#random.pick(branches);
    if (branch === "null") return null;
    return { [branchKey(branch, this.#names)]: this.next(branch, depth + 1) };
  }

  #count(depth: number): number {
    return depth > 8 ? 0 : this.#random.below(4);
  }

  #int(): number {
    return this.#random.chance(0.5) ? this.#random.pick(INTS) : this.#random.below(2 ** 32) - 2 ** 31;
  }

  #long(): bigint {
    const { pick, below, chance } = this.#random;
    if (chance(0.5)) return pick(LONGS);
    const bits = BigInt(below(2 ** 32)) << 32n | BigInt(below(2 ** 32));
    return BigInt.asIntN(64, bits) >> BigInt(below(64));
  }

  #double(): number {
    return this.#random.chance(0.3) ? this.#random.pick(DOUBLES) : (this.#random.next() - 0.5) * 1e6;
  }

  #bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.#random.below(256)));
  }

  /** Any value of the precision, now and then with more sign bytes than it needs. */
  #decimal({ precision, size }: SchemaObject): Buffer {
    const { below, chance, pick } = this.#random;
    const digits = Array.from({ length: 1 + below(precision!) }, () => below(10)).join("");
    const extreme = 10n ** BigInt(precision!) - 1n;
    const magnitude = chance(0.2) ? pick([0n, 1n, extreme]) : BigInt(digits);
    const value = chance(0.5) ? magnitude : -magnitude;
    const needed = Math.ceil((value < 0n ? -value - 1n : value).toString(2).length / 8 + 0.125);
    const length = size ?? needed + (chance(0.2) ? below(40) : 0);
    return Buffer.from(BigInt.asUintN(8 * length, value).toString(16).padStart(2 * length, "0"), "hex");
  }
}
