/** Columns that all take null: the same values as without, and rows of nulls between them. */
import assert from "node:assert/strict";
import { compile, fileSchemaOf, merge, parseSchema } from "../../src/avro/mod.ts";
import { Columns } from "../../src/columns/mod.ts";
import { encode, joinValues } from "./support/encode.ts";
import { canonical, readParquetRows, readRows, toParquet } from "./support/read_rows.ts";
import { CASES } from "./support/type_cases.ts";

const OPTIONS = { separator: ".", nullable: true };

for (const { what, avro, value, columns: expected } of CASES) {
  Deno.test(`${what}: every column is nullable, and its value is the same`, async () => {
    const schema = { type: "record", name: "Row", fields: [{ name: "c", type: avro }] };
    const writer = parseSchema(JSON.stringify(schema));
    const file = fileSchemaOf(writer, OPTIONS);
    assert.deepEqual(
      file.columns,
      expected.map(({ name, type }) => ({ name: `c${name}`, type, nullable: true })),
    );
    assert.equal(merge(file, writer, OPTIONS), file);
    const columns = new Columns(file);
    const decoder = compile(writer, file, OPTIONS);
    const decode = () =>
      decoder.decode(columns, joinValues([encode(schema, { c: value })]), (_, reason) => {
        throw new Error(reason);
      });
    decode();
    columns.appendNulls(2);
    decode();
    const row = Object.fromEntries(expected.map(({ name, value }) => [`c${name}`, value]));
    const nulls = Object.fromEntries(expected.map(({ name }) => [`c${name}`, null]));
    assert.deepEqual(readRows(columns), [row, nulls, nulls, row]);
    const read = await readParquetRows(toParquet(columns));
    assert.deepEqual([1, 2].map((index) => canonical(read[index])), [nulls, nulls].map(canonical));
  });
}
