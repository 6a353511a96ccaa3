/** The README's evolution table as data: two schemas of one field `c` each, and the file that holds records of both. */
import { Buffer } from "node:buffer";
import { fixed } from "./type_cases.ts";
import type { Schema } from "./random_schema.ts";

/** One version: its type, and a value as avsc takes it. */
type Version = readonly [type: Schema, value: unknown];

export interface EvolutionCase {
  /** The line of the README that it belongs to, without marks of code. */
  readonly change: string;
  readonly older: Version;
  readonly newer: Version;
  /** By name: Arrow's type, `?` behind it where it is nullable, then what the two records hold. */
  readonly columns: Readonly<Record<string, readonly [type: string, older: unknown, newer: unknown]>>;
}

/** A record of `c` and others, in place of the field alone. */
export function record(name: string, fields: Readonly<Record<string, Schema | SchemaWithAlias>>): Schema {
  return {
    type: "record",
    name,
    fields: Object.entries(fields).map(([name, type]) =>
      typeof type === "object" && "alias" in type
        ? { name, type: type.type, aliases: [type.alias] }
        : { name, type }
    ),
  };
}

interface SchemaWithAlias {
  readonly alias: string;
  readonly type: Schema;
}

const array = (items: Schema): Schema => ({ type: "array", items });
const map = (values: Schema): Schema => ({ type: "map", values });
const symbols = (name: string, ...symbols: string[]): Schema => ({ type: "enum", name, symbols });
const decimal = (precision: number, scale = 2): Schema => ({
  type: "bytes",
  logicalType: "decimal",
  precision,
  scale,
});
const logical = (type: string, logicalType: string): Schema => ({ type, logicalType });
const utf8 = (text: string) => new TextEncoder().encode(text);

export const COMPATIBLE: readonly EvolutionCase[] = [
  {
    change: "a field is added",
    older: [record("R", { a: "int" }), { a: 1 }],
    newer: [record("R", { b: "string", a: "int" }), { a: 2, b: "x" }],
    columns: { "c.a": ["int32", 1, 2], "c.b": ["utf8?", null, "x"] },
  },
  {
    change: "a field is removed",
    older: [record("R", { a: "int", b: "string" }), { a: 1, b: "x" }],
    newer: [record("R", { b: "string" }), { b: "y" }],
    columns: { "c.a": ["int32?", 1, null], "c.b": ["utf8", "x", "y"] },
  },
  {
    change: "fields change places",
    older: [record("R", { a: "int", b: "string" }), { a: 1, b: "x" }],
    newer: [record("R", { b: "string", a: "int" }), { a: 2, b: "y" }],
    columns: { "c.a": ["int32", 1, 2], "c.b": ["utf8", "x", "y"] },
  },
  {
    change: "a field is renamed, the old name is an alias",
    older: [record("R", { a: "int" }), { a: 1 }],
    newer: [record("R", { b: { alias: "a", type: "int" } }), { b: 2 }],
    columns: { "c.b": ["int32", 1, 2] },
  },
  {
    change: "a field is renamed, the old name is an alias",
    older: [record("R", { a: record("S", { x: "int" }) }), { a: { x: 1 } }],
    newer: [
      record("R", { b: { alias: "a", type: record("S", { y: { alias: "x", type: "long" } }) } }),
      { b: { y: 2n } },
    ],
    columns: { "c.b.y": ["int64", 1n, 2n] },
  },
  {
    change: "a field is renamed without an alias",
    older: [record("R", { a: "int" }), { a: 1 }],
    newer: [record("R", { b: "int" }), { b: 2 }],
    columns: { "c.a": ["int32?", 1, null], "c.b": ["int32?", null, 2] },
  },
  {
    change: "T and nullable T",
    older: ["string", "x"],
    newer: [["null", "string"], null],
    columns: { c: ["utf8?", "x", null] },
  },
  {
    change: "T and nullable T",
    older: [record("R", { a: "int" }), { a: 1 }],
    newer: [["null", record("R", { a: "int" })], null],
    columns: { "c.a": ["int32?", 1, null] },
  },
  { change: "null and T", older: ["null", null], newer: ["int", 5], columns: { c: ["int32?", null, 5] } },
  {
    change: "null and T",
    older: [array("null"), [null]],
    newer: [array(record("R", { a: "string" })), [{ a: "x" }]],
    columns: { c: ["list<struct<a: utf8>>", [null], [{ a: "x" }]] },
  },
  {
    change: "int and long",
    older: ["int", -7],
    newer: ["long", 2n ** 60n],
    columns: { c: ["int64", -7n, 2n ** 60n] },
  },
  {
    change: "int or long, and float or double",
    older: ["int", 2 ** 31 - 1],
    newer: ["float", 0.5],
    columns: { c: ["float64", 2 ** 31 - 1, 0.5] },
  },
  {
    change: "int or long, and float or double",
    older: ["long", -(2n ** 53n) - 1n],
    newer: ["double", 0.1],
    columns: { c: ["float64", -(2 ** 53), 0.1] },
  },
  {
    change: "float and double",
    older: ["float", 0.5],
    newer: ["double", 0.1],
    columns: { c: ["float64", 0.5, 0.1] },
  },
  {
    change: "string and bytes",
    older: ["string", "ž"],
    newer: ["bytes", Buffer.from([255])],
    columns: { c: ["binary", utf8("ž"), Uint8Array.of(255)] },
  },
  {
    change: "enums of other symbols",
    older: [symbols("E", "A", "B"), "B"],
    newer: [symbols("E", "C", "B"), "C"],
    columns: { c: ["dictionary<utf8>", "B", "C"] },
  },
  {
    change: "enum and string",
    older: [symbols("E", "A", "B"), "B"],
    newer: ["string", "x"],
    columns: { c: ["utf8", "B", "x"] },
  },
  {
    change: "bytes or fixed, and fixed of another size or enum",
    older: [fixed(2), Buffer.from([1, 2])],
    newer: [fixed(3), Buffer.from([3, 4, 5])],
    columns: { c: ["binary", Uint8Array.of(1, 2), Uint8Array.of(3, 4, 5)] },
  },
  {
    change: "bytes or fixed, and fixed of another size or enum",
    older: [symbols("E", "A", "B"), "B"],
    newer: ["bytes", Buffer.from([9])],
    columns: { c: ["binary", utf8("B"), Uint8Array.of(9)] },
  },
  {
    change: "decimals of one scale",
    older: [decimal(4), Buffer.from([0xff])],
    newer: [decimal(39), Buffer.from([5])],
    columns: { c: ["decimal256(57, 2)", -1n, 5n] },
  },
  {
    change: "decimals of one scale",
    older: [decimal(4), Buffer.from([5])],
    newer: [fixed(8, { logicalType: "decimal", precision: 12, scale: 2 }), Buffer.alloc(8, 0xff)],
    columns: { c: ["decimal128(12, 2)", 5n, -1n] },
  },
  {
    change: "uuid is written on a string or fixed, or is not any more",
    older: ["string", "x"],
    newer: [logical("string", "uuid"), "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
    columns: { c: ["utf8", "x", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"] },
  },
  {
    change: "uuid is written on a string or fixed, or is not any more",
    older: [fixed(16), Buffer.alloc(16, 1)],
    newer: [fixed(16, { logicalType: "uuid" }), Buffer.alloc(16, 2)],
    columns: { c: ["fixed_size_binary[16]", new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)] },
  },
  {
    change: "any of these inside an array or map",
    older: [array(record("R", { a: "int", b: "string" })), [{ a: 1, b: "x" }, { a: 2, b: "y" }]],
    newer: [array(record("R", { a: "double", d: "boolean" })), [{ a: 0.5, d: true }]],
    columns: {
      c: ["list<struct<a: float64, b: utf8, d: bool>>", [{ a: 1, b: "x", d: null }, {
        a: 2,
        b: "y",
        d: null,
      }], [
        { a: 0.5, b: null, d: true },
      ]],
    },
  },
  {
    change: "any of these inside an array or map",
    older: [
      array(record("R", { a: record("S", { t: "string", u: array("string") }), b: "int" })),
      [{ a: { t: "x", u: ["y"] }, b: 1 }],
    ],
    newer: [array(record("R", { b: "int" })), [{ b: 2 }]],
    columns: {
      c: [
        "list<struct<a: struct<t: utf8, u: list<utf8>>, b: int32>>",
        [{ a: { t: "x", u: ["y"] }, b: 1 }],
        [{ a: null, b: 2 }],
      ],
    },
  },
  {
    change: "any of these inside an array or map",
    older: [map(["null", "int"]), { k: { int: 1 }, l: null }],
    newer: [map("long"), { m: 2n }],
    columns: { c: ["map<utf8, int64>", new Map([["k", 1n], ["l", null]]), new Map([["m", 2n]])] },
  },
  {
    change: "a wider union gets or loses branches",
    older: [["int", "string"], { int: 1 }],
    newer: [["null", "string", "boolean"], { boolean: true }],
    columns: {
      "c.int": ["int32?", 1, null],
      "c.string": ["utf8?", null, null],
      "c.boolean": ["bool?", null, true],
    },
  },
  {
    change: "a wider union gets or loses branches",
    older: [array(["int", "string"]), [{ int: 1 }]],
    newer: [array(["string", "boolean", "null"]), [{ boolean: true }, null]],
    columns: {
      c: [
        "list<struct<int: int32, string: utf8, boolean: bool>>",
        [{ int: 1, string: null, boolean: null }],
        [
          { int: null, string: null, boolean: true },
          null,
        ],
      ],
    },
  },
  {
    change: "T and a wider union",
    older: ["int", 1],
    newer: [["null", "int", "string"], { int: 2 }],
    columns: { c: ["int32?", 1, null], "c.int": ["int32?", null, 2], "c.string": ["utf8?", null, null] },
  },
  {
    change: "a record and anything else",
    older: ["int", 1],
    newer: [record("R", { a: "int" }), { a: 2 }],
    columns: { c: ["int32?", 1, null], "c.a": ["int32?", null, 2] },
  },
];

export interface ImpossibleCase {
  readonly change: string;
  readonly older: Schema;
  readonly newer: Schema;
  /** The column that the warning names, and the two types. */
  readonly clash: readonly [column: string, older: string, newer: string];
}

export const IMPOSSIBLE: readonly ImpossibleCase[] = [
  {
    change: "a number and text, bytes or a boolean",
    older: "string",
    newer: "int",
    clash: ["c", "utf8", "int32"],
  },
  {
    change: "a number and text, bytes or a boolean",
    older: "boolean",
    newer: "long",
    clash: ["c", "bool", "int64"],
  },
  {
    change: "a date, time or timestamp and a number, or one of another kind, unit or zone",
    older: logical("long", "timestamp-millis"),
    newer: "long",
    clash: ["c", "timestamp[ms, UTC]", "int64"],
  },
  {
    change: "a date, time or timestamp and a number, or one of another kind, unit or zone",
    older: logical("long", "timestamp-millis"),
    newer: logical("long", "timestamp-micros"),
    clash: ["c", "timestamp[ms, UTC]", "timestamp[us, UTC]"],
  },
  {
    change: "a date, time or timestamp and a number, or one of another kind, unit or zone",
    older: logical("int", "date"),
    newer: logical("int", "time-millis"),
    clash: ["c", "date32", "time32[ms]"],
  },
  {
    change: "decimals of other scales, or a decimal and any other type",
    older: decimal(9, 2),
    newer: decimal(9, 3),
    clash: ["c", "decimal128(9, 2)", "decimal128(9, 3)"],
  },
  {
    change: "decimals of other scales, or a decimal and any other type",
    older: decimal(9, 2),
    newer: "bytes",
    clash: ["c", "decimal128(9, 2)", "binary"],
  },
  {
    change: "an array or map and anything else but null",
    older: array("int"),
    newer: map("int"),
    clash: ["c", "list<int32>", "map<utf8, int32>"],
  },
  {
    change: "T and a wider union, or a record and anything else, inside an array or map",
    older: array("int"),
    newer: array(["int", "string"]),
    clash: ["c[]", "int32", "struct<int: int32, string: utf8>"],
  },
  {
    change: "T and a wider union, or a record and anything else, inside an array or map",
    older: map(record("R", { x: record("S", { y: "int" }) })),
    newer: map(record("R", { x: "int" })),
    clash: ["c{}.x", "struct<y: int32>", "int32"],
  },
];
