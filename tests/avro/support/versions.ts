/** Records of schema versions, and what they are in a file of all of them. */
import assert from "node:assert/strict";
import type { ColumnType, FileSchema } from "../../../src/columns/mod.ts";
import { avscType } from "./encode.ts";
import { parse } from "./evolving_file.ts";
import type { Schema } from "./random_schema.ts";
import type { RandomValues } from "./random_value.ts";
import { Reference, type Row } from "./reference.ts";

/** One version, and what makes records of it. */
export class Version {
  readonly writer;
  readonly #schema: Schema;
  readonly #type;
  readonly #values: RandomValues;
  readonly #reference: Reference;

  constructor(schema: Schema, values: RandomValues) {
    this.writer = parse(schema);
    this.#schema = schema;
    this.#type = avscType(schema);
    this.#values = values;
    this.#reference = new Reference(schema);
  }

  next(): { bytes: Uint8Array; row: Row } {
    const value = this.#values.next(this.#schema);
    return { bytes: new Uint8Array(this.#type.toBuffer(value)), row: this.row(value) };
  }

  row(value: unknown): Row {
    return this.#reference.row(value);
  }
}

/** A row of one version as it should stand in a file of all of them. */
export function asHeld(row: Row, { columns }: FileSchema, newestName: (name: string) => string): Row {
  const newest = (name: string) => name.split(".").map(newestName).join(".");
  const own = new Map(Object.entries(row).map(([name, value]) => [newest(name), value]));
  const held = Object.fromEntries(columns.map(({ name, type }) => {
    const value = convert(own.get(newest(name)), type, newestName);
    own.delete(newest(name));
    return [name, value];
  }));
  assert.deepEqual([...own.keys()], [], "values without a column");
  return held;
}

function convert(value: unknown, type: ColumnType, newestName: (name: string) => string): unknown {
  if (value === null || value === undefined) return null;
  switch (type.kind) {
    case "int64":
      return BigInt(value as number);
    case "float64":
      return Number(value);
    case "binary":
      return typeof value === "string" ? new TextEncoder().encode(value) : value;
    case "list":
      return (value as unknown[]).map((item) => convert(item, type.item.type, newestName));
    case "map":
      return new Map(
        [...value as Map<string, unknown>].map((
          [key, item],
        ) => [key, convert(item, type.value.type, newestName)]),
      );
    case "struct": {
      const own = new Map(Object.entries(value as Row).map(([name, item]) => [newestName(name), item]));
      return Object.fromEntries(
        type.fields.map(({ name, type }) => [name, convert(own.get(newestName(name)), type, newestName)]),
      );
    }
    default:
      return value;
  }
}
