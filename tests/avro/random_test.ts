/** Random schemas and values, encoded by avsc, decoded into columns, written to Parquet and read by hyparquet. */
import assert from "node:assert/strict";
import type { Random } from "../../dev/random.ts";
import { compile, fileSchemaOf, merge, parseSchema } from "../../src/avro/mod.ts";
import { Columns } from "../../src/columns/mod.ts";
import { testRandom } from "../support/mod.ts";
import { avscType, joinValues } from "./support/encode.ts";
import { RandomSchemas, type Schema } from "./support/random_schema.ts";
import { RandomValues } from "./support/random_value.ts";
import { canonical, readParquetRows, readRows, roundDecimals, toParquet } from "./support/read_rows.ts";
import { Reference } from "./support/reference.ts";

const OPTIONS = { separator: "." };
const SCHEMAS = 300;

function failOnBad(index: number, reason: string): void {
  throw new Error(`Value ${index}: ${reason}`);
}

/** Decodes in a few calls of `decode`, as batches come in. */
function decodeInParts(
  values: readonly Uint8Array[],
  { schema, random }: { schema: Schema; random: Random },
): Columns {
  const writer = parseSchema(JSON.stringify(schema));
  const file = fileSchemaOf(writer, OPTIONS);
  assert.equal(merge(file, writer, OPTIONS), file);
  const decoder = compile(writer, file, OPTIONS);
  const columns = new Columns(file);
  if (values.length > 0) {
    // Another file came before, as in a long run: what it left must not show.
    decoder.decode(columns, joinValues(values.slice(-1), 5), failOnBad);
    columns.toIPC();
    columns.clear();
  }
  for (let from = 0; from < values.length;) {
    const to = Math.min(values.length, from + 1 + random.below(700));
    const input = joinValues(values.slice(from, to), 5);
    assert.equal(decoder.decode(columns, input, failOnBad), to - from);
    from = to;
  }
  return columns;
}

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
