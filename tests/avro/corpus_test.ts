/** Schemas written for this: every type in every position. Their columns as they stand beside them, and their values. */
import assert from "node:assert/strict";
import { fileSchemaOf, parseSchema } from "../../src/avro/mod.ts";
import { messageOf } from "../../src/errors.ts";
import { testRandom } from "../support/mod.ts";
import { columnTypeText } from "./support/column_text.ts";
import { corpus, type Fixture } from "./support/corpus.ts";
import { decodeInParts } from "./support/decode.ts";
import { avscType } from "./support/encode.ts";
import { PlainWriter } from "./support/plain_writer.ts";
import { RandomValues } from "./support/random_value.ts";
import { canonical, readParquetRows, readRows, roundDecimals, toParquet } from "./support/read_rows.ts";
import { Reference } from "./support/reference.ts";

const VALUES = 25;

/** What stands in the `.columns` file of a fixture. */
function columnsText({ written }: Fixture): string {
  try {
    const { columns } = fileSchemaOf(parseSchema(JSON.stringify(written)), { separator: "." });
    return columns.map((column) => `${column.name} ${columnTypeText(column)}`).join("\n");
  } catch (error) {
    return `error: ${messageOf(error)}`;
  }
}

for (const fixture of corpus()) {
  Deno.test(`corpus: ${fixture.name} has the columns that are written beside it`, () => {
    assert.equal(columnsText(fixture), fixture.columns);
  });

  if (fixture.columns.startsWith("error: ")) continue;

  Deno.test(`corpus: ${fixture.name} comes back from Parquet as it went in, in blocks or not`, async () => {
    const { written, plain, notForAvsc } = fixture;
    const random = testRandom();
    const make = new RandomValues(random, plain);
    const values = Array.from({ length: VALUES }, () => make.next(plain));
    const inBlocks = new PlainWriter(plain, random);
    const messages = values.map((value) => inBlocks.write(value));
    if (notForAvsc === undefined) {
      const type = avscType(written);
      messages.push(...values.map((value) => new Uint8Array(type.toBuffer(value))));
    } else {
      assert.throws(
        () => avscType(written).toBuffer(values[0]),
        `avsc takes it: is it true that ${notForAvsc}?`,
      );
      const writer = new PlainWriter(plain);
      messages.push(...values.map((value) => writer.write(value)));
    }
    const columns = decodeInParts(messages, { schema: written, random });
    const reference = new Reference(plain);
    const expected = [...values, ...values].map((value) => reference.row(value));
    assert.deepEqual(readRows(columns).map(canonical), expected.map(canonical));
    const rounded = roundDecimals(expected, columns.schema);
    assert.deepEqual((await readParquetRows(toParquet(columns))).map(canonical), rounded.map(canonical));
  });
}
