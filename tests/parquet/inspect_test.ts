/** What is read from a file: names of types, sizes, and values to their last digit. */
import assert from "node:assert/strict";
import { compile, describeColumns, fileSchemaOf, parseSchema } from "../../src/avro/mod.ts";
import { Columns, type ColumnType } from "../../src/columns/mod.ts";
import { COMPRESSIONS } from "../../src/config.ts";
import { UserError } from "../../src/errors.ts";
import { ParquetReader, typeNamesOf, type Value } from "../../src/parquet/mod.ts";
import { encode, joinValues } from "../avro/support/encode.ts";
import { CASES, type Expected } from "../avro/support/type_cases.ts";
import { duck, tempDir, testRandom } from "../support/mod.ts";
import { parquetBytes, writeParquetFile } from "../support/parquet_files.ts";

const OPTIONS = { separator: "." };

async function readAll(path: string, limit = Infinity) {
  using reader = await ParquetReader.open(path);
  return { summary: reader.summary, rows: (await Array.fromAsync(reader.rows(limit))).flat() };
}

/** What DuckDB writes for the value, in the words of `inspect`; undefined where those differ too much. */
function textOf({ type, duck: [, text] }: Expected): string | undefined {
  if (text === null) return undefined;
  switch (type.kind) {
    case "date32":
    case "time32ms":
    case "time64us":
      return text;
    case "timestamp":
      return text.replace(" ", "T").replace("+00", "Z");
    case "decimal":
      // DuckDB makes doubles of wider ones, of which these have a digit after the point too many.
      return type.precision > 38 ? text.replace(/\.0$/, "") : text;
  }
  return undefined;
}

function plain(value: unknown): Value {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value as Value;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(entries.map(([name, item]) => [name, plain(item)]));
}

for (const { what, avro, value, columns: expected } of CASES) {
  Deno.test(`${what}: the file's types are those that were announced, its values exact`, async () => {
    await using folder = await tempDir();
    const path = `${folder.path}/a.parquet`;
    const schema = { type: "record", name: "Row", fields: [{ name: "c", type: avro }] };
    const writer = parseSchema(JSON.stringify(schema));
    const file = fileSchemaOf(writer, OPTIONS);
    const columns = new Columns(file);
    compile(writer, file, OPTIONS).decode(
      columns,
      joinValues([encode(schema, { c: value })]),
      (_, reason) => {
        throw new Error(reason);
      },
    );
    await Deno.writeFile(path, await parquetBytes(columns));

    const { summary, rows } = await readAll(path);
    const announced = describeColumns(writer, OPTIONS).map(({ column }) => ({
      name: column.name,
      nullable: column.nullable,
      ...typeNamesOf(column.type),
    }));
    assert.deepEqual(
      summary.columns.map(({ name, nullable, arrow, parquet }) => ({ name, nullable, arrow, parquet })),
      // A dictionary is a way to hold values in memory; the file holds the texts.
      announced.map((one) => ({ ...one, arrow: one.arrow.replaceAll("dictionary<utf8>", "utf8") })),
    );
    assert.equal(rows.length, 1);
    for (const [index, one] of expected.entries()) {
      const read = rows[0]![index]!;
      const text = textOf(one);
      if (text === undefined) assert.deepEqual(read, plain(one.value));
      // DuckDB leaves zeros at the end out.
      else {assert.equal(
          String(read).replace(/(\.\d*?)0+(Z?)$/, one.type.kind === "decimal" ? "$&" : "$1$2"),
          text,
        );}
    }
  });
}

Deno.test("values of another program's file are exact, whatever their type", async () => {
  await using folder = await tempDir();
  const path = `${folder.path}/a.parquet`;
  await duck(`
    COPY (SELECT * FROM (VALUES (
      255::UTINYINT, 4294967295::UINTEGER, 18446744073709551615::UBIGINT, '-128'::TINYINT, 0.1::FLOAT,
      '-1234567890.0123456789'::DECIMAL(38, 10), '2262-01-01 00:00:00.123456789'::TIMESTAMP_NS,
      '0001-01-01 00:00:00.000001'::TIMESTAMP, '23:59:59.999999'::TIME, '-0044-03-15'::DATE,
      'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'::UUID, 'NaN'::DOUBLE,
      {'a': [{'b': '1.50'::DECIMAL(5, 2)}, NULL], 'c': NULL::BIGINT}, MAP {'k': DATE '2026-01-02'},
      NULL::STRUCT(x INTEGER), []::INTEGER[]
    )) t(u8, u32, u64, i8, f, dec, ns, us, t, d, u, nan, st, m, none, empty)) TO '${path}' (FORMAT parquet)`);
  const { summary, rows } = await readAll(path);
  assert.equal(summary.content, undefined);
  assert.deepEqual(Object.fromEntries(summary.columns.map(({ name }, index) => [name, rows[0]![index]])), {
    u8: 255,
    u32: 4_294_967_295,
    u64: 18_446_744_073_709_551_615n,
    i8: -128,
    f: 0.1,
    dec: "-1234567890.0123456789",
    ns: "2262-01-01T00:00:00.123456789",
    us: "0001-01-01T00:00:00.000001",
    t: "23:59:59.999999",
    d: "-000044-03-15",
    u: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    nan: NaN,
    st: { a: [{ b: "1.50" }, null], c: null },
    m: { k: "2026-01-02" },
    none: null,
    empty: [],
  });
  const names = Object.fromEntries(
    summary.columns.map(({ name, arrow, parquet }) => [name, [arrow, parquet]]),
  );
  assert.deepEqual(names["u32"], ["uint32", "INT32 UINT_32"]);
  assert.deepEqual(names["dec"], ["decimal128(38, 10)", "FIXED_LEN_BYTE_ARRAY(16) DECIMAL(38, 10)"]);
  assert.deepEqual(names["u"], ["uuid", "FIXED_LEN_BYTE_ARRAY(16) UUID"]);
  assert.deepEqual(names["st"], ["struct<a: list<struct<b: decimal128(5, 2)>>, c: int64>", "GROUP"]);
});

for (const codec of [...COMPRESSIONS.filter((one) => one !== "none"), "uncompressed"]) {
  Deno.test(`rows of several row groups and pages are read in order, ${codec}`, async () => {
    await using folder = await tempDir();
    const path = `${folder.path}/a.parquet`;
    await duck(`
      COPY (SELECT i AS id, CASE WHEN i % 3 > 0 THEN [i, i + 1] END AS l, repeat('x', (i % 100)::INTEGER) AS s
        FROM range(13000) t(i)) TO '${path}' (FORMAT parquet, COMPRESSION ${codec}, ROW_GROUP_SIZE 6000)`);
    const { summary, rows } = await readAll(path);
    assert(summary.rowGroups.length > 1, "the file has one row group");
    assert.equal(summary.rowGroups.reduce((sum, group) => sum + group.rows, 0), 13_000);
    assert.equal(rows.length, 13_000);
    for (let i = 0n; i < 13_000n; i++) {
      const list = i % 3n > 0n ? [i, i + 1n] : null;
      assert.deepEqual(rows[Number(i)], [i, list, "x".repeat(Number(i % 100n))]);
    }
    const sizes = summary.columns.map((column) => column.compressedBytes);
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      summary.rowGroups.reduce((sum, group) => sum + group.compressedBytes, 0),
    );
    assert((await readAll(path, 6_001)).rows.length === 6_001);
  });
}

Deno.test("our own files, with an index of pages, are read in batches whose borders nobody sees", async () => {
  await using folder = await tempDir();
  const path = `${folder.path}/a.parquet`;
  const count = 45_000;
  const type: ColumnType = {
    kind: "list",
    item: { name: "element", type: { kind: "int32" }, nullable: false },
  };
  await writeParquetFile(path, {
    schema: {
      columns: [
        { name: "id", type: { kind: "int64" }, nullable: false },
        { name: "few", type: { kind: "utf8" }, nullable: true },
        { name: "list", type, nullable: true },
      ],
    },
    rows: Array.from({ length: count }, (_, i) => rowOf(i)),
  });
  using reader = await ParquetReader.open(path);
  let next = 0;
  for await (const batch of reader.rows(Infinity)) {
    assert(batch.length <= 5_000, `${batch.length} rows at once`);
    for (const row of batch) assert.deepEqual(row, rowOf(next++));
  }
  assert.equal(next, count);

  function rowOf(i: number): Value[] {
    return [BigInt(i), i % 7 === 0 ? null : `value ${i % 50}`, i % 5 === 0 ? null : Array(i % 4).fill(i)];
  }
});

Deno.test("a damaged file is an error that names it, and never anything else", async () => {
  const random = testRandom();
  await using folder = await tempDir();
  const path = `${folder.path}/a.parquet`;
  const columns = new Columns({
    columns: [
      { name: "id", type: { kind: "int64" }, nullable: false },
      { name: "name", type: { kind: "utf8" }, nullable: true },
    ],
  });
  for (let i = 0n; i < 200n; i++) columns.appendRow([i, `name ${i}`]);
  const whole = await parquetBytes(columns);
  let refused = 0;
  for (let round = 0; round < 300; round++) {
    const bytes = whole.slice();
    for (let flips = 1 + random.below(3); flips > 0; flips--) {
      bytes[random.below(bytes.length)] = random.below(256);
    }
    const length = random.below(4) === 0 ? random.below(bytes.length) : bytes.length;
    await Deno.writeFile(path, bytes.subarray(0, length));
    try {
      await readAll(path, 500);
    } catch (error) {
      assert(error instanceof UserError, `round ${round}: ${error instanceof Error ? error.stack : error}`);
      assert(error.message.includes(path), error.message);
      refused++;
    }
  }
  assert(refused > 100, `only ${refused} of 300 damaged files were refused`);
});

for (
  const [what, bytes, reason] of [
    ["an empty file", "", /has 0 bytes, fewer/],
    ["a byte", "P", /has 1 byte, fewer/],
    ["a text", "no Parquet at all, but long enough", /does not end in PAR1/],
    ["a footer longer than the file", "PAR1xxxx\xff\xff\xff\x7fPAR1", /its footer would have 2147483647/],
  ] as const
) {
  Deno.test(`${what} is no Parquet file`, async () => {
    await using folder = await tempDir();
    const path = `${folder.path}/a.parquet`;
    await Deno.writeFile(path, Uint8Array.from(bytes, (letter) => letter.charCodeAt(0)));
    await assert.rejects(ParquetReader.open(path), (error: Error) => {
      assert(error instanceof UserError && error.message.startsWith(`${path}: not a whole Parquet file`));
      assert.match(error.message, reason);
      return true;
    });
  });
}
