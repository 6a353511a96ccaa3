/** The type table as data: an Avro type, a value of it, and the columns that both should make. */
import { Buffer } from "node:buffer";
import type { ColumnType } from "../../../src/columns/mod.ts";
import type { Schema } from "./random_schema.ts";

export interface Case {
  readonly what: string;
  readonly avro: Schema;
  /** As avsc takes it. */
  readonly value: unknown;
  /** Columns below the field `c`, with what they hold and how DuckDB sees it: type and text. */
  readonly columns: readonly Expected[];
}

export interface Expected {
  /** Added to the field's name; "" for the field itself. */
  readonly name: string;
  readonly type: ColumnType;
  readonly value: unknown;
  readonly nullable?: boolean;
  readonly duck: readonly [type: string, text: string | null];
}

/** A case of one column. */
function one(what: string, avro: Schema, rest: Omit<Expected, "name"> & { readonly input?: unknown }): Case {
  const { input, ...column } = rest;
  return {
    what,
    avro,
    value: input === undefined ? column.value : input,
    columns: [{ name: "", ...column }],
  };
}

export function fixed(size: number, rest: object = {}): Schema {
  return { type: "fixed", name: `Fixed${names++}`, size, ...rest };
}

let names = 0;

const bytes = (...values: number[]) => Buffer.from(values);
const exact = (...values: number[]) => new Uint8Array(values);
export const utf8 = { kind: "utf8" } as const;
export const int32 = { kind: "int32" } as const;
const timestamp = (unit: "ms" | "us" | "ns", utc: boolean) => ({ kind: "timestamp", unit, utc }) as const;
const decimal = (precision: number, scale: number) =>
  ({ kind: "decimal", precision, scale, byteWidth: precision > 38 ? 32 : 16 }) as const;

const point = {
  type: "record",
  name: "Point",
  fields: [{ name: "x", type: "int" }, { name: "y", type: "string" }],
};
const pointStruct = {
  kind: "struct",
  fields: [{ name: "x", type: int32, nullable: false }, { name: "y", type: utf8, nullable: false }],
} as const;
const list = (type: ColumnType, nullable = false) =>
  ({ kind: "list", item: { name: "element", type, nullable } }) as const;
const map = (type: ColumnType, nullable = false) =>
  ({ kind: "map", value: { name: "value", type, nullable } }) as const;
const instant = 1_700_000_000_123n;

export const CASES: readonly Case[] = [
  one("boolean", "boolean", { type: { kind: "bool" }, value: true, duck: ["BOOLEAN", "true"] }),
  one("int", "int", { type: int32, value: -(2 ** 31), duck: ["INTEGER", "-2147483648"] }),
  one("the largest long", "long", {
    type: { kind: "int64" },
    value: 2n ** 63n - 1n,
    duck: ["BIGINT", "9223372036854775807"],
  }),
  one("the smallest long", "long", {
    type: { kind: "int64" },
    value: -(2n ** 63n),
    duck: ["BIGINT", "-9223372036854775808"],
  }),
  one("float", "float", { type: { kind: "float32" }, value: 1.5, duck: ["FLOAT", "1.5"] }),
  one("double", "double", { type: { kind: "float64" }, value: -0.1, duck: ["DOUBLE", "-0.1"] }),
  one("string", "string", { type: utf8, value: "žluťoučký 🦆", duck: ["VARCHAR", "žluťoučký 🦆"] }),
  one("enum", { type: "enum", name: "Color", symbols: ["RED", "GREEN"] }, {
    type: { kind: "enum", symbols: ["RED", "GREEN"] },
    value: "GREEN",
    duck: ["VARCHAR", "GREEN"],
  }),
  one("bytes", "bytes", {
    type: { kind: "binary" },
    input: bytes(1, 255),
    value: exact(1, 255),
    duck: ["BLOB", "\\x01\\xFF"],
  }),
  one("fixed", fixed(3), {
    type: { kind: "fixed", byteWidth: 3 },
    input: bytes(1, 2, 3),
    value: exact(1, 2, 3),
    duck: ["BLOB", "\\x01\\x02\\x03"],
  }),
  one("date", { type: "int", logicalType: "date" }, {
    type: { kind: "date32" },
    value: 19_000,
    duck: ["DATE", "2022-01-08"],
  }),
  one("time-millis", { type: "int", logicalType: "time-millis" }, {
    type: { kind: "time32ms" },
    value: 3_661_001,
    duck: ["TIME", "01:01:01.001"],
  }),
  one("time-micros", { type: "long", logicalType: "time-micros" }, {
    type: { kind: "time64us" },
    value: 3_661_000_001n,
    duck: ["TIME", "01:01:01.000001"],
  }),
  ...([["millis", "ms", 1n, "123"], ["micros", "us", 1000n, "123"]] as const).flatMap((
    [name, unit, factor, text],
  ) => [
    one(`timestamp-${name}`, { type: "long", logicalType: `timestamp-${name}` }, {
      type: timestamp(unit, true),
      value: instant * factor,
      duck: ["TIMESTAMP WITH TIME ZONE", `2023-11-14 22:13:20.${text}+00`],
    }),
    one(`local-timestamp-${name}`, { type: "long", logicalType: `local-timestamp-${name}` }, {
      type: timestamp(unit, false),
      value: instant * factor,
      duck: ["TIMESTAMP", `2023-11-14 22:13:20.${text}`],
    }),
  ]),
  one("timestamp-nanos", { type: "long", logicalType: "timestamp-nanos" }, {
    type: timestamp("ns", true),
    value: instant * 1_000_000n,
    duck: ["TIMESTAMP WITH TIME ZONE", "2023-11-14 22:13:20.123+00"],
  }),
  one("local-timestamp-nanos", { type: "long", logicalType: "local-timestamp-nanos" }, {
    type: timestamp("ns", false),
    value: instant * 1_000_000n + 1n,
    duck: ["TIMESTAMP_NS", "2023-11-14 22:13:20.123000001"],
  }),
  one("a decimal of few bytes", { type: "bytes", logicalType: "decimal", precision: 9, scale: 2 }, {
    type: decimal(9, 2),
    input: bytes(0xff),
    value: -1n,
    duck: ["DECIMAL(9,2)", "-0.01"],
  }),
  one("a decimal of no bytes", { type: "bytes", logicalType: "decimal", precision: 9, scale: 2 }, {
    type: decimal(9, 2),
    input: bytes(),
    value: 0n,
    duck: ["DECIMAL(9,2)", "0.00"],
  }),
  one("a decimal with sign bytes to spare", {
    type: "bytes",
    logicalType: "decimal",
    precision: 20,
    scale: 0,
  }, {
    type: decimal(20, 0),
    input: bytes(...Array(30).fill(0xff), 0x80),
    value: -128n,
    duck: ["DECIMAL(20,0)", "-128"],
  }),
  one(
    "the largest decimal of 38 digits",
    { type: "bytes", logicalType: "decimal", precision: 38, scale: 1 },
    {
      type: decimal(38, 1),
      input: Buffer.from((10n ** 38n - 1n).toString(16), "hex"),
      value: 10n ** 38n - 1n,
      duck: ["DECIMAL(38,1)", `${"9".repeat(37)}.9`],
    },
  ),
  one("decimal on fixed", fixed(5, { logicalType: "decimal", precision: 10, scale: 3 }), {
    type: decimal(10, 3),
    input: bytes(0xff, 0xff, 0xff, 0xfe, 0x0c),
    value: -500n,
    duck: ["DECIMAL(10,3)", "-0.500"],
  }),
  one("a decimal of 39 digits, widened", { type: "bytes", logicalType: "decimal", precision: 39, scale: 1 }, {
    type: decimal(57, 1),
    input: bytes(0x05),
    value: 5n,
    duck: ["DOUBLE", "0.5"],
  }),
  one("a decimal of 58 digits, widened", fixed(32, { logicalType: "decimal", precision: 58, scale: 0 }), {
    type: decimal(76, 0),
    input: bytes(...Array(31).fill(0xff), 0xf9),
    value: -7n,
    duck: ["DOUBLE", "-7.0"],
  }),
  one("uuid on string", { type: "string", logicalType: "uuid" }, {
    type: utf8,
    value: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    duck: ["VARCHAR", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
  }),
  one("uuid on fixed", fixed(16, { logicalType: "uuid" }), {
    type: { kind: "fixed", byteWidth: 16, uuid: true },
    input: Buffer.alloc(16, 7),
    value: new Uint8Array(16).fill(7),
    duck: ["BLOB", "\\x07".repeat(16)],
  }),
  {
    what: "duration",
    avro: fixed(12, { logicalType: "duration" }),
    value: bytes(1, 0, 0, 0, 2, 0, 0, 0, 255, 255, 255, 255),
    columns: [
      { name: ".months", type: { kind: "int64" }, value: 1n, duck: ["BIGINT", "1"] },
      { name: ".days", type: { kind: "int64" }, value: 2n, duck: ["BIGINT", "2"] },
      { name: ".millis", type: { kind: "int64" }, value: 4_294_967_295n, duck: ["BIGINT", "4294967295"] },
    ],
  },
  one("array", { type: "array", items: ["null", "int"] }, {
    type: list(int32, true),
    input: [{ int: 1 }, null],
    value: [1, null],
    duck: ["INTEGER[]", "[1, NULL]"],
  }),
  one("array of records", { type: "array", items: point }, {
    type: list(pointStruct),
    value: [{ x: 1, y: "a" }, { x: 2, y: "b" }],
    duck: ["STRUCT(x INTEGER, y VARCHAR)[]", "[{'x': 1, 'y': a}, {'x': 2, 'y': b}]"],
  }),
  one("array of durations", { type: "array", items: fixed(12, { logicalType: "duration" }) }, {
    type: list({
      kind: "struct",
      fields: ["months", "days", "millis"].map((name) => ({
        name,
        type: { kind: "int64" },
        nullable: false,
      })),
    }),
    input: [Buffer.alloc(12, 0)],
    value: [{ months: 0n, days: 0n, millis: 0n }],
    duck: [
      'STRUCT("months" BIGINT, "days" BIGINT, millis BIGINT)[]',
      "[{'months': 0, 'days': 0, 'millis': 0}]",
    ],
  }),
  one("array of wide unions", { type: "array", items: ["null", "int", "string"] }, {
    type: list({
      kind: "struct",
      fields: [{ name: "int", type: int32, nullable: true }, { name: "string", type: utf8, nullable: true }],
    }, true),
    input: [{ string: "a" }, null, { int: 5 }],
    value: [{ int: null, string: "a" }, null, { int: 5, string: null }],
    duck: [
      `STRUCT("int" INTEGER, string VARCHAR)[]`,
      "[{'int': NULL, 'string': a}, NULL, {'int': 5, 'string': NULL}]",
    ],
  }),
  one("map", { type: "map", values: "long" }, {
    type: map({ kind: "int64" }),
    input: { a: 1n, b: 2n },
    value: new Map([["a", 1n], ["b", 2n]]),
    duck: ["MAP(VARCHAR, BIGINT)", "{a=1, b=2}"],
  }),
  one(
    "map of enums",
    { type: "map", values: ["null", { type: "enum", name: "Size", symbols: ["S", "L"] }] },
    {
      type: map({ kind: "enum", symbols: ["S", "L"] }, true),
      input: { a: { Size: "L" }, b: null },
      value: new Map([["a", "L"], ["b", null]]),
      duck: ["MAP(VARCHAR, VARCHAR)", "{a=L, b=NULL}"],
    },
  ),
  one("null beside one type", ["null", "string"], {
    type: utf8,
    nullable: true,
    input: { string: "s" },
    value: "s",
    duck: ["VARCHAR", "s"],
  }),
  one("null, taken", ["int", "null"], { type: int32, nullable: true, value: null, duck: ["INTEGER", null] }),
  one("a union of one branch", ["string"], {
    type: utf8,
    input: { string: "s" },
    value: "s",
    duck: ["VARCHAR", "s"],
  }),
  one("null alone", "null", {
    type: { kind: "bool", absent: true },
    nullable: true,
    value: null,
    duck: ["BOOLEAN", null],
  }),
  one("a record without fields", { type: "record", name: "Empty", fields: [] }, {
    type: { kind: "bool" },
    input: {},
    value: true,
    duck: ["BOOLEAN", "true"],
  }),
  {
    what: "record",
    avro: point,
    value: { x: 1, y: "a" },
    columns: [
      { name: ".x", type: int32, value: 1, duck: ["INTEGER", "1"] },
      { name: ".y", type: utf8, value: "a", duck: ["VARCHAR", "a"] },
    ],
  },
  {
    what: "a nullable record, missing",
    avro: ["null", point],
    value: null,
    columns: [
      { name: ".x", type: int32, nullable: true, value: null, duck: ["INTEGER", null] },
      { name: ".y", type: utf8, nullable: true, value: null, duck: ["VARCHAR", null] },
    ],
  },
  {
    what: "a wide union with null and a record",
    avro: ["null", "long", point],
    value: { Point: { x: 3, y: "c" } },
    columns: [
      { name: ".long", type: { kind: "int64" }, nullable: true, value: null, duck: ["BIGINT", null] },
      { name: ".Point.x", type: int32, nullable: true, value: 3, duck: ["INTEGER", "3"] },
      { name: ".Point.y", type: utf8, nullable: true, value: "c", duck: ["VARCHAR", "c"] },
    ],
  },
  {
    what: "a linked list",
    avro: {
      type: "record",
      name: "Node",
      fields: [{ name: "v", type: "long" }, { name: "next", type: ["null", "Node"] }],
    },
    value: { v: 1n, next: { Node: { v: 2n ** 60n, next: { Node: { v: 3n, next: null } } } } },
    columns: [
      { name: ".v", type: { kind: "int64" }, value: 1n, duck: ["BIGINT", "1"] },
      {
        name: ".next",
        type: utf8,
        nullable: true,
        value: `{"v":1152921504606846976,"next":{"v":3,"next":null}}`,
        duck: ["VARCHAR", `{"v":1152921504606846976,"next":{"v":3,"next":null}}`],
      },
    ],
  },
  {
    what: "a tree",
    avro: {
      type: "record",
      name: "Tree",
      fields: [{ name: "name", type: "string" }, { name: "twigs", type: { type: "array", items: "Tree" } }],
    },
    value: { name: "a", twigs: [{ name: "b", twigs: [] }] },
    columns: [
      { name: ".name", type: utf8, value: "a", duck: ["VARCHAR", "a"] },
      {
        name: ".twigs",
        type: list(utf8),
        value: [`{"name":"b","twigs":[]}`],
        duck: ["VARCHAR[]", `['{"name":"b","twigs":[]}']`],
      },
    ],
  },
];
