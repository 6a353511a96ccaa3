/**
 * Random schemas and values through everything: encoded by avsc, by fastavro and in blocks, decoded by us, written by
 * our encoder, read by hyparquet and pyarrow, and compared cell by cell with the plain reference.
 */
import assert from "node:assert/strict";
import { type Random, seededRandom } from "../../../dev/random.ts";
import type { Columns } from "../../../src/columns/mod.ts";
import { decodeInParts } from "../../avro/support/decode.ts";
import { avscType } from "../../avro/support/encode.ts";
import { PlainReader } from "../../avro/support/plain_reader.ts";
import { PlainWriter } from "../../avro/support/plain_writer.ts";
import { dress, type Dressed } from "../../avro/support/dress.ts";
import { RandomSchemas } from "../../avro/support/random_schema.ts";
import { RandomValues } from "../../avro/support/random_value.ts";
import { canonical, readParquetRows, readRows, roundDecimals } from "../../avro/support/read_rows.ts";
import { Reference, type Row } from "../../avro/support/reference.ts";
import { parquetBytes } from "../../support/parquet_files.ts";
import { columnTypeText } from "../../avro/support/column_text.ts";
import { cellText, Portable } from "./cell_text.ts";
import type { Peer } from "./peer.ts";

export interface RandomSchemasOptions {
  readonly schemas: number;
  readonly seed: number;
  /** Without it, fastavro and pyarrow are left out. */
  readonly peer: Peer | undefined;
}

export interface Counts {
  schemas: number;
  values: number;
  cells: number;
}

/** One schema in so many has several blocks of rows, and one in so many is as wide as several passes. */
const LONG_EVERY = 60;
const WIDE_EVERY = 15;
const LONG_ROWS = 1_100;
const SHORT_ROWS_MAX = 12;
/** Schemas on their way at a time: what Python does for one, it does while we are at the next. */
const CONCURRENCY = 4;

/** @throws {AssertionError} that names the seed of the schema. */
export async function checkRandomSchemas({ schemas, seed, peer }: RandomSchemasOptions): Promise<Counts> {
  const counts: Counts = { schemas: 0, values: 0, cells: 0 };
  let next = 0;
  const work = async () => {
    while (next < schemas) {
      await checkOne({ seed: seed + next++, peer, counts });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return counts;
}

interface Round {
  /** Of this schema alone: `deno task fuzz --schemas 1 --seed S` repeats it. */
  readonly seed: number;
  readonly peer: Peer | undefined;
  readonly counts: Counts;
}

async function checkOne({ seed, peer, counts }: Round): Promise<void> {
  const random = seededRandom(seed);
  const shape = random.chance(1 / WIDE_EVERY) ? { depth: 2, fieldsMax: 50 } : { depth: 4 };
  const schema = dress(new RandomSchemas(random, shape).next(), random);
  const make = new RandomValues(random, schema.plain);
  const length = random.chance(1 / LONG_EVERY) ? LONG_ROWS : random.below(SHORT_ROWS_MAX);
  const values = Array.from({ length }, () => make.next(schema.plain));
  try {
    const columns = await checkSchema(schema, { values, random, peer });
    counts.schemas++;
    counts.values += length;
    counts.cells += length * columns;
  } catch (cause) {
    throw new Error(`seed ${seed}: ${JSON.stringify(schema.written)}: ${cause}`, { cause });
  }
}

/** Values of one schema through everything; returns how many columns they have. */
export async function checkSchema(
  schema: Dressed,
  { values, ...context }: Omit<EncodeContext, "schema"> & { readonly values: readonly unknown[] },
): Promise<number> {
  const messages = await encodeAll(values, { ...context, schema });
  const columns = decodeInParts(messages, { schema: schema.written, random: context.random });
  const reference = new Reference(schema.plain);
  await checkColumns(columns, { rows: values.map((value) => reference.row(value)), peer: context.peer });
  return columns.buffers.length;
}

interface EncodeContext {
  readonly schema: Dressed;
  readonly random: Random;
  readonly peer: Peer | undefined;
  /** Where avsc does not take the schema as it is written; then fastavro gets it with full names. */
  readonly isNotForAvsc?: boolean;
}

/** Messages as other programs write them, any two of which must have the same bytes or be read as the same value. */
async function encodeAll(
  values: readonly unknown[],
  { schema, random, peer, isNotForAvsc = false }: EncodeContext,
): Promise<Uint8Array[]> {
  const plainWriter = new PlainWriter(schema.plain);
  const type = isNotForAvsc ? undefined : avscType(schema.written);
  const byAvsc = values.map((value) =>
    type === undefined ? plainWriter.write(value) : new Uint8Array(type.toBuffer(value))
  );
  const writer = new PlainWriter(schema.plain, random);
  const inBlocks = values.map((value) => writer.write(value));
  const reader = new PlainReader(schema.plain);
  const portable = new Portable(schema.plain);
  for (const [index, message] of inBlocks.entries()) {
    assert.equal(portable.text(reader.read(message).value), portable.text(values[index]), "in blocks");
  }
  if (peer !== undefined) {
    const written = isNotForAvsc ? schema.plain : schema.written;
    const byFastavro = await peer.encode(
      { written, plain: schema.plain },
      values.map((value) => portable.json(value)),
    );
    assert.deepEqual(byFastavro, byAvsc, "fastavro and avsc disagree");
    const read = await peer.decode(written, inBlocks);
    for (const [index, result] of read.entries()) {
      assert.deepEqual(result, { text: portable.text(values[index]), left: 0 }, "fastavro, in blocks");
    }
  }
  return values.map((_, index) => (random.chance(0.5) ? byAvsc : inBlocks)[index]!);
}

/** The columns hold these rows, and so does the file that they make. */
export async function checkColumns(
  columns: Columns,
  { rows, peer }: { readonly rows: readonly Row[]; readonly peer: Peer | undefined },
): Promise<void> {
  assertRows(readRows(columns), rows, "the columns");
  const parquet = await parquetBytes(columns);
  assertRows(await readParquetRows(parquet), roundDecimals(rows, columns.schema), "hyparquet");
  if (peer === undefined) return;
  const file = await peer.read(parquet);
  const { columns: specs } = columns.schema;
  assert.equal(file.rows, rows.length);
  assert.deepEqual(file.names, specs.map(({ name }) => name), "names in the file");
  assert.deepEqual(file.types, specs.map(columnTypeText), "types in the file");
  for (const [index, { name }] of specs.entries()) {
    assert.deepEqual(file.columns[index], rows.map((row) => cellText(row[name])), `pyarrow, column ${name}`);
  }
}

function assertRows(got: readonly Row[], expected: readonly Row[], where: string): void {
  assert.equal(got.length, expected.length, where);
  for (const [index, row] of got.entries()) {
    assert.equal(canonical(row), canonical(expected[index]), `row ${index} of ${where}`);
  }
}
