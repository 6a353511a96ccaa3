/** Random schemas, changed at random: records of all versions in one file, and each comes back as it was. */
import assert from "node:assert/strict";
import { Clash } from "../../src/avro/mod.ts";
import type { ColumnSpec, ColumnType } from "../../src/columns/mod.ts";
import { testRandom } from "../support/mod.ts";
import { SchemaEvolution } from "./support/evolve_schema.ts";
import { EvolvingFile, fileOf } from "./support/evolving_file.ts";
import { RandomSchemas, type Schema } from "./support/random_schema.ts";
import { RandomValues } from "./support/random_value.ts";
import { canonical, readParquetRows, readRows, roundDecimals, toParquet } from "./support/read_rows.ts";
import type { Row } from "./support/reference.ts";
import { asHeld, Version } from "./support/versions.ts";

const SCHEMAS = 200;
const VERSIONS = 3;

/** Columns without their order and the order of what is in them. */
function unordered(columns: readonly ColumnSpec[]): string {
  const sorted = columns.map(({ name, type, nullable }) => [name, unorderedType(type), nullable]);
  return JSON.stringify(sorted.sort(([one], [other]) => String(one) < String(other) ? -1 : 1));
}

function unorderedType(type: ColumnType): unknown {
  switch (type.kind) {
    case "enum":
      return { kind: type.kind, symbols: type.symbols.toSorted() };
    case "list":
      return { kind: type.kind, item: unordered([type.item]) };
    case "map":
      return { kind: type.kind, value: unordered([type.value]) };
    case "struct":
      return { kind: type.kind, fields: unordered(type.fields) };
    default:
      return Object.entries(type).sort();
  }
}

Deno.test("records of random schema versions share one file and come back from it", async () => {
  const random = testRandom();
  const schemas = new RandomSchemas(random, { depth: 4, reuse: false });
  for (let round = 0; round < SCHEMAS; round++) {
    const evolution = new SchemaEvolution(random);
    const texts: Schema[] = [schemas.next()];
    while (texts.length < VERSIONS) texts.push(evolution.next(texts.at(-1)!));
    const where = `round ${round}: ${texts.map((text) => JSON.stringify(text)).join("\n  then ")}`;
    const versions = texts.map((text) => new Version(text, new RandomValues(random, text)));
    const file = new EvolvingFile();
    const rows: Row[] = [];
    const runs = round % 30 === 0 ? 100 : random.below(12);
    for (let run = 0; run < runs; run++) {
      const version = random.pick(versions);
      const records = Array.from(
        { length: random.chance(0.7) ? 1 : 1 + random.below(40) },
        () => version.next(),
      );
      try {
        file.take(version.writer, records.map(({ bytes }) => bytes));
      } catch (cause) {
        throw new Error(where, { cause });
      }
      rows.push(...records.map(({ row }) => row));
    }
    if (rows.length === 0) continue;
    const { schema } = file.columns;
    const expected = rows.map((row) => asHeld(row, schema, (name) => evolution.newestName(name)));
    const held = readRows(file.columns);
    assert.equal(held.length, expected.length, where);
    for (const [index, row] of held.entries()) {
      assert.equal(canonical(row), canonical(expected[index]), `${where}, row ${index}`);
    }
    const fromFile = await readParquetRows(toParquet(file.columns));
    const rounded = roundDecimals(expected, schema);
    for (const [index, row] of fromFile.entries()) {
      assert.equal(canonical(row), canonical(rounded[index]), `${where}, row ${index} of the file`);
    }
    assert.equal(fromFile.length, rounded.length, where);
  }
});

Deno.test("which version came first decides about the order of the columns, and nothing else", () => {
  const random = testRandom();
  const schemas = new RandomSchemas(random, { depth: 4, reuse: false });
  for (let round = 0; round < SCHEMAS; round++) {
    const evolution = new SchemaEvolution(random);
    const one = schemas.next();
    const other = evolution.next(one);
    const third = evolution.next(other);
    const where = [one, other, third].map((text) => JSON.stringify(text)).join("\n  then ");
    const [first, ...rest] = [[one, other, third], [third, one, other], [other, third, one], [
      one,
      third,
      other,
    ]].map((order) => {
      const file = fileOf(...order);
      assert(!(file instanceof Clash), `${where}: ${JSON.stringify(file)}`);
      return unordered(file.columns);
    });
    for (const file of rest) assert.equal(file, first, where);
  }
});
