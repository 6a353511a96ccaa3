/** Writing Avro, plainly, from the specification: in blocks as other writers make them. */
import type { Random } from "../../../dev/random.ts";
import type { Schema, SchemaObject } from "./random_schema.ts";
import { branchKey, isUnion, namedTypes, resolve } from "./random_value.ts";

/**
 * Writes values of a schema with full names. Given a random source, arrays and maps come in blocks, some of them with
 * their sizes, as Java's blocking encoder writes them; else in one block, as avsc and fastavro do.
 */
export class PlainWriter {
  readonly #schema: Schema;
  readonly #names: ReadonlyMap<string, SchemaObject>;
  readonly #random: Random | undefined;

  constructor(schema: Schema, random?: Random) {
    this.#schema = schema;
    this.#names = namedTypes(schema);
    this.#random = random;
  }

  write(value: unknown): Uint8Array {
    return Uint8Array.from(this.#write(this.#schema, value));
  }

  #write(schema: Schema, value: unknown): number[] {
    if (isUnion(schema)) return this.#writeUnion(schema, value);
    const type = resolve(schema, this.#names);
    switch (type.type) {
      case "null":
        return [];
      case "boolean":
        return [value ? 1 : 0];
      case "int":
      case "long":
        return zigzag(BigInt(value as number | bigint));
      case "float":
        return [...new Uint8Array(Float32Array.of(value as number).buffer)];
      case "double":
        return [...new Uint8Array(Float64Array.of(value as number).buffer)];
      case "string":
        return counted(new TextEncoder().encode(value as string));
      case "bytes":
        return counted(value as Uint8Array);
      case "fixed":
        return [...value as Uint8Array];
      case "enum":
        return zigzag(BigInt(type.symbols!.indexOf(value as string)));
      case "array":
        return this.#blocks((value as unknown[]).map((item) => this.#write(type.items!, item)));
      case "map":
        return this.#blocks(
          Object.entries(value as object).map(([key, item]) => [
            ...counted(new TextEncoder().encode(key)),
            ...this.#write(type.values!, item),
          ]),
        );
      default:
        return type.fields!.flatMap((field) =>
          this.#write(field.type, (value as Record<string, unknown>)[field.name])
        );
    }
  }

  #writeUnion(branches: readonly Schema[], value: unknown): number[] {
    const index = value === null
      ? branches.indexOf("null")
      : branches.findIndex((branch) =>
        branch !== "null" && Object.hasOwn(value as object, branchKey(branch, this.#names))
      );
    const branch = branches[index]!;
    const inner = value === null ? null : Object.values(value as object)[0];
    return [...zigzag(BigInt(index)), ...this.#write(branch, inner)];
  }

  #blocks(items: readonly (readonly number[])[]): number[] {
    const out: number[] = [];
    for (let from = 0; from < items.length;) {
      const count = this.#random === undefined ? items.length : 1 + this.#random.below(items.length - from);
      const block = items.slice(from, from + count).flat();
      if (this.#random?.chance(0.5)) out.push(...zigzag(-BigInt(count)), ...zigzag(BigInt(block.length)));
      else out.push(...zigzag(BigInt(count)));
      out.push(...block);
      from += count;
    }
    out.push(0);
    return out;
  }
}

function counted(bytes: Uint8Array): number[] {
  return [...zigzag(BigInt(bytes.length)), ...bytes];
}

/** A number of up to 64 bits as Avro writes it. */
export function zigzag(value: bigint): number[] {
  const out: number[] = [];
  for (let raw = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));; raw >>= 7n) {
    if (raw < 0x80n) return [...out, Number(raw)];
    out.push(Number(raw & 0x7fn) | 0x80);
  }
}
