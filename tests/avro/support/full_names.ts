/** Schemas as registries hold them, with every name in full: what the plain reference takes. Not by src/. */
import type { Schema, SchemaObject } from "./random_schema.ts";
import { isUnion } from "./random_value.ts";

const PRIMITIVES = new Set(["null", "boolean", "int", "long", "float", "double", "bytes", "string"]);

/** Which type each logical type stands on: a fixed by its size. */
const LOGICAL: Readonly<Record<string, readonly (string | number)[]>> = {
  "date": ["int"],
  "time-millis": ["int"],
  "time-micros": ["long"],
  "uuid": ["string", 16],
  "duration": [12],
};
const DIGITS_MAX = 76;

/** `schema` with full names, without wrappers around types, and with what a value depends on only. */
export function fullNames(schema: Schema, namespace = ""): Schema {
  if (typeof schema === "string") {
    return PRIMITIVES.has(schema) || schema.includes(".") ? schema : qualified(schema, namespace);
  }
  if (isUnion(schema)) return schema.map((branch) => fullNames(branch, namespace));
  const { type, name, fields, items, values } = schema;
  if (typeof type !== "string") return fullNames(type, namespace);
  const full = name === undefined ? undefined : nameOf(schema, namespace);
  const inside = full === undefined ? namespace : full.slice(0, Math.max(full.lastIndexOf("."), 0));
  const logical = logicalParts(schema);
  if (PRIMITIVES.has(type) && logical === undefined) return type;
  return {
    type: type === "error" ? "record" : type,
    ...schema.symbols === undefined ? {} : { symbols: schema.symbols },
    ...schema.size === undefined ? {} : { size: schema.size },
    ...logical,
    ...full === undefined ? {} : { name: full },
    ...items === undefined ? {} : { items: fullNames(items, inside) },
    ...values === undefined ? {} : { values: fullNames(values, inside) },
    ...fields === undefined ? {} : {
      fields: fields.map(({ name, type }) => ({ name, type: fullNames(type, inside) })),
    },
  };
}

/** The logical type, where it is one and is valid: else the specification wants it to be ignored. */
function logicalParts({ type, size, logicalType, precision, scale = 0 }: SchemaObject): object | undefined {
  if (logicalType === undefined) return undefined;
  if (logicalType === "decimal") {
    const digits = size === undefined ? DIGITS_MAX : Math.floor((8 * size - 1) * Math.log10(2));
    const isDecimal = (type === "bytes" || type === "fixed") && precision !== undefined && precision > 0 &&
      precision <= Math.min(digits, DIGITS_MAX) && scale <= precision;
    return isDecimal ? { logicalType, precision, scale } : undefined;
  }
  const isTimestamp = /^(local-)?timestamp-(millis|micros|nanos)$/.test(logicalType) && type === "long";
  return isTimestamp || LOGICAL[logicalType]?.includes(size ?? type as string) ? { logicalType } : undefined;
}

function nameOf(schema: SchemaObject & { readonly namespace?: string }, around: string): string {
  const name = schema.name!;
  return name.includes(".") ? name : qualified(name, schema.namespace ?? around);
}

function qualified(name: string, namespace: string): string {
  return namespace === "" ? name : `${namespace}.${name}`;
}
