/** Values as texts that are the same in every language: `peer.py` has the other half. */
import type { Schema, SchemaObject } from "../../avro/support/random_schema.ts";
import { branchKey, isUnion, namedTypes, resolve } from "../../avro/support/random_value.ts";

/** The text of a cell: of `Reference.row` and `readRows`, or of a value without the wrappers of unions. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return "null";
  switch (typeof value) {
    case "boolean":
    case "bigint":
      return String(value);
    case "number":
      return numberText(value);
    case "string":
      return JSON.stringify(value);
  }
  if (value instanceof Uint8Array) return `x${new Uint8Array(value).toHex()}`;
  if (Array.isArray(value)) return `[${value.map(cellText).join(",")}]`;
  const entries = value instanceof Map ? [...value] : Object.entries(value as object);
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${cellText(item)}`).sort().join(",")}}`;
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "fNaN";
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return String(value);
  return `f${hexOf(value)}`;
}

/** The bits of a double, first byte first. */
function hexOf(value: number): string {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes.toHex();
}

/** The two ways in which a value of Avro leaves this process. */
export class Portable {
  readonly #schema: Schema;
  readonly #names: ReadonlyMap<string, SchemaObject>;

  /** `schema` has full names. */
  constructor(schema: Schema) {
    this.#schema = schema;
    this.#names = namedTypes(schema);
  }

  /** JSON from which `peer.py` makes the same value: nothing in it depends on how a language writes numbers. */
  json(value: unknown): unknown {
    return this.#json(this.#schema, value);
  }

  /** The text of the value as a reader has it that does not tell branches of unions. */
  text(value: unknown): string {
    return cellText(this.#bare(this.#schema, value));
  }

  #json(schema: Schema, value: unknown): unknown {
    if (isUnion(schema)) {
      const { index, inner } = this.#branch(schema, value);
      return [index, this.#json(schema[index]!, inner)];
    }
    const type = resolve(schema, this.#names);
    switch (type.type) {
      case "int":
      case "long":
        return String(value);
      case "float":
      case "double":
        return hexOf(value as number);
      case "bytes":
      case "fixed":
        return new Uint8Array(value as Uint8Array).toHex();
      case "array":
        return (value as unknown[]).map((item) => this.#json(type.items!, item));
      case "map":
        return entriesOf(value).map(([key, item]) => [key, this.#json(type.values!, item)]);
      case "record":
        return type.fields!.map((field) =>
          this.#json(field.type, (value as Record<string, unknown>)[field.name])
        );
      default:
        return value;
    }
  }

  #bare(schema: Schema, value: unknown): unknown {
    if (isUnion(schema)) {
      const { index, inner } = this.#branch(schema, value);
      return this.#bare(schema[index]!, inner);
    }
    const type = resolve(schema, this.#names);
    switch (type.type) {
      case "array":
        return (value as unknown[]).map((item) => this.#bare(type.items!, item));
      case "map":
        return new Map(entriesOf(value).map(([key, item]) => [key, this.#bare(type.values!, item)]));
      case "record":
        return new Map(type.fields!.map((field) => [
          field.name,
          this.#bare(field.type, (value as Record<string, unknown>)[field.name]),
        ]));
      default:
        return value;
    }
  }

  #branch(branches: readonly Schema[], value: unknown): { index: number; inner: unknown } {
    if (value === null) return { index: branches.indexOf("null"), inner: null };
    const [key, inner] = Object.entries(value as object)[0]!;
    return {
      index: branches.findIndex((branch) => branch !== "null" && branchKey(branch, this.#names) === key),
      inner,
    };
  }
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return value instanceof Map ? [...value] : Object.entries(value as object);
}
