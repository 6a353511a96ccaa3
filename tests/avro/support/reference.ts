/**
 * What the columns of a value should be: a plain reference, written against the README's table and not against src/.
 */
import type { Schema, SchemaObject } from "./random_schema.ts";
import { branchKey, isUnion, namedTypes, resolve } from "./random_value.ts";

/** Column values of one row, by name, in the shapes of `readRows`. */
export type Row = Record<string, unknown>;

const ABSENT = Symbol("absent");

export class Reference {
  readonly #names: ReadonlyMap<string, SchemaObject>;
  readonly #schema: Schema;

  constructor(schema: Schema) {
    this.#schema = schema;
    this.#names = namedTypes(schema);
  }

  row(value: unknown): Row {
    const row: Row = {};
    const top = isUnion(this.#schema) ? undefined : resolve(this.#schema, this.#names);
    if (top?.type === "record" && top.fields!.length > 0) {
      for (const { name, type } of top.fields!) {
        this.#flatten(row, { name, schema: type, value: (value as Row)[name], open: [top.name!] });
      }
    } else {
      this.#flatten(row, { name: "value", schema: this.#schema, value, open: [] });
    }
    return row;
  }

  #flatten(row: Row, { name, schema, value, open }: Cell): void {
    const isAbsent = value === ABSENT;
    if (isUnion(schema)) {
      const branches = schema.filter((branch) => branch !== "null");
      if (branches.length === 0) row[name] = null;
      for (const branch of branches) {
        const inner = this.#branchValue(branch, value);
        const column = branches.length === 1 ? name : `${name}.${branchKey(branch, this.#names)}`;
        this.#flatten(row, { name: column, schema: branch, value: inner, open });
      }
      return;
    }
    const type = resolve(schema, this.#names);
    if (type.type === "record" && type.fields!.length > 0 && !open.includes(type.name!)) {
      for (const field of type.fields!) {
        const inner = isAbsent ? ABSENT : (value as Row)[field.name];
        this.#flatten(row, {
          name: `${name}.${field.name}`,
          schema: field.type,
          value: inner,
          open: [...open, type.name!],
        });
      }
    } else if (type.logicalType === "duration") {
      const parts = isAbsent ? { months: null, days: null, millis: null } : durationOf(value as Uint8Array);
      for (const [part, number] of Object.entries(parts)) row[`${name}.${part}`] = number;
    } else {
      row[name] = isAbsent ? null : this.#nested(schema, value, open);
    }
  }

  #branchValue(branch: Schema, value: unknown): unknown {
    if (value === null || value === ABSENT) return ABSENT;
    const key = branchKey(branch, this.#names);
    return Object.hasOwn(value as Row, key) ? (value as Row)[key] : ABSENT;
  }

  #nested(schema: Schema, value: unknown, open: readonly string[]): unknown {
    if (isUnion(schema)) return this.#nestedUnion(schema, value, open);
    const type = resolve(schema, this.#names);
    switch (type.type) {
      case "record":
        return this.#nestedRecord(type, value as Row, open);
      case "array":
        return (value as unknown[]).map((item) => this.#nested(type.items!, item, open));
      case "map":
        return new Map(
          entriesOf(value).map(([key, item]) => [key, this.#nested(type.values!, item, open)]),
        );
      case "bytes":
      case "fixed":
        if (type.logicalType === "duration") return durationOf(value as Uint8Array);
        if (type.logicalType === "decimal") return unscaledOf(value as Uint8Array);
        return new Uint8Array(value as Uint8Array);
      default:
        return value;
    }
  }

  #nestedUnion(schema: readonly Schema[], value: unknown, open: readonly string[]): unknown {
    if (value === null) return null;
    const branches = schema.filter((branch) => branch !== "null");
    const inner = (branch: Schema) => {
      const found = this.#branchValue(branch, value);
      return found === ABSENT ? null : this.#nested(branch, found, open);
    };
    if (branches.length === 1) return inner(branches[0]!);
    return Object.fromEntries(branches.map((branch) => [branchKey(branch, this.#names), inner(branch)]));
  }

  #nestedRecord(type: SchemaObject, value: Row, open: readonly string[]): unknown {
    if (open.includes(type.name!)) return this.#json(type, value);
    if (type.fields!.length === 0) return true;
    const below = [...open, type.name!];
    return Object.fromEntries(
      type.fields!.map((field) => [field.name, this.#nested(field.type, value[field.name], below)]),
    );
  }

  #json(schema: Schema, value: unknown): string {
    if (isUnion(schema)) {
      if (value === null) return "null";
      const branch = schema.find((branch) =>
        branch !== "null" && this.#branchValue(branch, value) !== ABSENT
      )!;
      return this.#json(branch, this.#branchValue(branch, value));
    }
    const type = resolve(schema, this.#names);
    switch (type.type) {
      case "record":
        return `{${
          type.fields!.map(({ name, type }) =>
            `${JSON.stringify(name)}:${this.#json(type, (value as Row)[name])}`
          ).join(",")
        }}`;
      case "array":
        return `[${(value as unknown[]).map((item) => this.#json(type.items!, item)).join(",")}]`;
      case "map":
        return `{${
          entriesOf(value).map(([key, item]) => `${JSON.stringify(key)}:${this.#json(type.values!, item)}`)
            .join(",")
        }}`;
      case "bytes":
      case "fixed":
        return this.#jsonBytes(type, value as Uint8Array);
      default:
        return jsonScalar(value);
    }
  }

  #jsonBytes({ logicalType, scale = 0, type }: SchemaObject, bytes: Uint8Array): string {
    if (logicalType === "decimal") {
      const unscaled = unscaledOf(bytes);
      const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
      const split = digits.length - scale;
      return `${unscaled < 0n ? "-" : ""}${digits.slice(0, split)}${
        scale > 0 ? `.${digits.slice(split)}` : ""
      }`;
    }
    if (logicalType === "duration") {
      return JSON.stringify(durationOf(bytes), (_, part) => typeof part === "bigint" ? Number(part) : part);
    }
    if (logicalType === "uuid" && type === "fixed") {
      const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      return JSON.stringify(
        [[0, 8], [8, 12], [12, 16], [16, 20], [20, 32]].map(([a, b]) => hex.slice(a, b)).join("-"),
      );
    }
    return JSON.stringify(String.fromCharCode(...bytes));
  }
}

interface Cell {
  readonly name: string;
  readonly schema: Schema;
  readonly value: unknown;
  /** Names of the records around it. */
  readonly open: readonly string[];
}

/** Of an object as avsc has it, or of a Map, which keeps keys such as "30" where they came. */
function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return value instanceof Map ? [...value] : Object.entries(value as Row);
}

function durationOf(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const part = (at: number) => BigInt(view.getUint32(at, true));
  return { months: part(0), days: part(4), millis: part(8) };
}

function unscaledOf(bytes: Uint8Array): bigint {
  return bytes.reduce(
    (value, byte) => value << 8n | BigInt(byte),
    bytes.length > 0 && bytes[0]! > 127 ? -1n : 0n,
  );
}

function jsonScalar(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number" && !Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? "-0" : JSON.stringify(value);
}
