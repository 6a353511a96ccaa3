/** Random schemas and values, encoded by avsc, decoded into columns, written to Parquet and read by hyparquet. */
import assert from "node:assert/strict";
import { testRandom } from "../support/mod.ts";
import { decodeInParts } from "./support/decode.ts";
import { avscType } from "./support/encode.ts";
import { RandomSchemas } from "./support/random_schema.ts";
import { RandomValues } from "./support/random_value.ts";
import { canonical, readParquetRows, readRows, roundDecimals, toParquet } from "./support/read_rows.ts";
import { Reference } from "./support/reference.ts";

const SCHEMAS = 300;

Deno.test("random values come back from Parquet as they went in", async () => {
  const random = testRandom();
  const schemas = new RandomSchemas(random, { depth: 4 });
  for (let round = 0; round < SCHEMAS; round++) {
    const schema = schemas.next();
    const make = new RandomValues(random, schema);
    const type = avscType(schema);
    const values = Array.from(
      { length: round % 30 === 0 ? 1100 : random.below(20) },
      () => make.next(schema),
    );
    const encoded = values.map((value) => new Uint8Array(type.toBuffer(value)));
    const where = `round ${round}: ${JSON.stringify(schema)}`;
    const columns = decodeInParts(encoded, { schema, random });
    const reference = new Reference(schema);
    const expected = values.map((value) => reference.row(value));
    const rows = readRows(columns);
    for (const [index, row] of rows.entries()) {
      assert.equal(canonical(row), canonical(expected[index]), `${where}, row ${index}`);
    }
    assert.equal(rows.length, expected.length);
    const fromFile = await readParquetRows(toParquet(columns));
    const rounded = roundDecimals(expected, columns.schema);
    assert.equal(fromFile.length, rounded.length);
    for (const [index, row] of fromFile.entries()) {
      assert.equal(canonical(row), canonical(rounded[index]), `${where}, row ${index} of the file`);
    }
  }
});
