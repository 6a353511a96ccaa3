/** The type table: what each Avro type becomes, by value and by what DuckDB reads from the file. */
import assert from "node:assert/strict";
import { compile, fileSchemaOf, parseSchema } from "../../src/avro/mod.ts";
import { Columns, type ColumnType } from "../../src/columns/mod.ts";
import { duck, tempDir } from "../support/mod.ts";
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
