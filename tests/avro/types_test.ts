/** The type table: what each Avro type becomes, by value and by what DuckDB reads from the file. */
import assert from "node:assert/strict";
import { compile, fileSchemaOf, parseSchema } from "../../src/avro/mod.ts";
import { Columns, type ColumnType } from "../../src/columns/mod.ts";
import { typeNamesOf } from "../../src/parquet/mod.ts";
import { anySize, codesIn, duck, readmeTable, tempDir } from "../support/mod.ts";
import { encode, joinValues } from "./support/encode.ts";
import type { Schema } from "./support/random_schema.ts";
import { readRows, toParquet } from "./support/read_rows.ts";
import { CASES, fixed, int32, utf8 } from "./support/type_cases.ts";

const OPTIONS = { separator: "." };

const INVALID_LOGICAL: readonly (readonly [Schema, ColumnType])[] = [
  [{ type: "string", logicalType: "date" }, utf8],
  [{ type: "int", logicalType: "timestamp-millis" }, int32],
  [{ type: "long", logicalType: "of-our-own" }, { kind: "int64" }],
  [{ type: "bytes", logicalType: "decimal" }, { kind: "binary" }],
  [{ type: "bytes", logicalType: "decimal", precision: 0 }, { kind: "binary" }],
  [{ type: "bytes", logicalType: "decimal", precision: 4, scale: 5 }, { kind: "binary" }],
  [{ type: "bytes", logicalType: "decimal", precision: 77 }, { kind: "binary" }],
  [fixed(2, { logicalType: "decimal", precision: 5 }), { kind: "fixed", byteWidth: 2 }],
  [fixed(15, { logicalType: "uuid" }), { kind: "fixed", byteWidth: 15 }],
  [fixed(11, { logicalType: "duration" }), { kind: "fixed", byteWidth: 11 }],
  [fixed(0), { kind: "binary" }],
];

/** The lines of the README's table, without marks of code, and the cases of each by what they are called. */
const TABLE: Readonly<Record<string, readonly string[]>> = {
  boolean: ["boolean"],
  int: ["int"],
  long: ["the largest long", "the smallest long"],
  float: ["float"],
  double: ["double"],
  string: ["string"],
  enum: ["enum"],
  bytes: ["bytes"],
  fixed: ["fixed"],
  date: ["date"],
  ...same("time-millis", "time-micros"),
  ...same("timestamp-millis", "timestamp-micros", "timestamp-nanos"),
  ...same("local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos"),
  "decimal of up to 38 digits, on bytes or fixed": [
    "a decimal of few bytes",
    "a decimal of no bytes",
    "a decimal with sign bytes to spare",
    "the largest decimal of 38 digits",
    "decimal on fixed",
  ],
  "decimal of more digits": ["a decimal of 39 digits, widened", "a decimal of 58 digits, widened"],
  ...same("uuid on string", "uuid on fixed", "duration"),
  "array of T": ["array", "array of records", "array of durations", "array of wide unions"],
  "map of T": ["map", "map of enums"],
  "null on its own": ["null alone"],
  "record without fields": ["a record without fields"],
  record: ["record", "a nullable record, missing"],
  "union of T alone": ["a union of one branch"],
  "union of null and T": ["null beside one type", "null, taken"],
  "wider union": ["a wide union with null and a record"],
  "recursive type": ["a linked list", "a tree"],
  "a schema that is no record": [],
};

function same(...whats: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(whats.map((what) => [what, [what]]));
}

function decodeOne(avro: Schema, value: unknown): Columns {
  const schema = { type: "record", name: "Row", fields: [{ name: "c", type: avro }] };
  const writer = parseSchema(JSON.stringify(schema));
  const file = fileSchemaOf(writer, OPTIONS);
  const columns = new Columns(file);
  compile(writer, file, OPTIONS).decode(columns, joinValues([encode(schema, { c: value })]), (_, reason) => {
    throw new Error(reason);
  });
  return columns;
}

for (const { what, avro, value, columns: expected } of CASES) {
  Deno.test(`${what}: columns and value`, () => {
    const columns = decodeOne(avro, value);
    assert.deepEqual(
      columns.schema.columns,
      expected.map(({ name, type, nullable = false }) => ({ name: `c${name}`, type, nullable })),
    );
    assert.deepEqual(readRows(columns), [
      Object.fromEntries(expected.map(({ name, value }) => [`c${name}`, value])),
    ]);
  });
}

Deno.test("the README's table of types has the cases of these tests, and their types", async () => {
  const lines = await readmeTable("Avro");
  assert.deepEqual(lines.map(([avro]) => avro!.replaceAll("`", "")), Object.keys(TABLE));
  assert.deepEqual(Object.values(TABLE).flat().sort(), CASES.map(({ what }) => what).sort());
  let compared = 0;
  for (const [avro = "", arrow = "", parquet = "", notes = ""] of lines) {
    const whats = TABLE[avro.replaceAll("`", "")]!;
    const columns = CASES.filter(({ what }) => whats.includes(what)).flatMap(({ columns }) => columns);
    if (/nullable|always null/.test(notes)) assert(columns.every(({ nullable }) => nullable), avro);
    // What a field or branch of any type becomes is told by the other lines.
    if (/^T\b/.test(arrow)) continue;
    // Of a recursive record, fields before it recurs are as ever.
    const own = avro === "recursive type" ? columns.filter(({ name }) => /next|twigs/.test(name)) : columns;
    const types = own.map(({ type }) =>
      typeNamesOf(type.kind === "list" && own !== columns ? type.item.type : type)
    );
    const ofAll = (names: readonly string[]) => [...new Set(names.map(anySize))].sort();
    assert.deepEqual(ofAll(codesIn(arrow)), ofAll(types.map((names) => names.arrow)), avro);
    assert.deepEqual(
      ofAll(codesIn(parquet)),
      ofAll(types.map((names) => names.parquet.replace(/\(\d+\)/, "(n)"))),
      avro,
    );
    compared++;
  }
  assert.equal(compared, lines.length - 5);
});

Deno.test("a schema that is no record is one column", () => {
  const file = fileSchemaOf(parseSchema(`"string"`), OPTIONS);
  assert.deepEqual(file.columns, [{ name: "value", type: utf8, nullable: false }]);
});

Deno.test("an invalid or unknown logical type leaves the type below it", () => {
  for (const [avro, type] of INVALID_LOGICAL) {
    const schema = { type: "record", name: "Row", fields: [{ name: "c", type: avro }] };
    const file = fileSchemaOf(parseSchema(JSON.stringify(schema)), OPTIONS);
    assert.deepEqual(file.columns, [{ name: "c", type, nullable: false }], JSON.stringify(avro));
  }
});

Deno.test("DuckDB reads every type of the table from a Parquet file", async () => {
  await using folder = await tempDir();
  const queries: string[] = [];
  const wanted: Record<string, unknown>[] = [];
  for (const [index, { what, avro, value, columns: expected }] of CASES.entries()) {
    const path = `${folder.path}/${index}.parquet`;
    await Deno.writeFile(path, toParquet(decodeOne(avro, value)));
    for (const { name, duck: [type, text] } of expected) {
      const column = `"c${name}"`;
      queries.push(
        `select ${wanted.length} as n, typeof(${column}) as type, ${column}::varchar as text from '${path}'`,
      );
      wanted.push({ n: wanted.length, what, type, text });
    }
  }
  const rows = await duck(`set timezone = 'UTC'; ${queries.join(" union all ")} order by n`);
  assert.deepEqual(rows.map((row, index) => ({ ...row, what: wanted[index]?.["what"] })), wanted);
});
