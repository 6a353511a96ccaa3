import assert from "node:assert/strict";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { join } from "node:path";
import { Columns } from "../../src/columns/mod.ts";
import { COMPRESSIONS } from "../../src/config.ts";
import { UserError } from "../../src/errors.ts";
import type { SchemaId } from "../../src/model.ts";
import {
  type Batch,
  type FooterContent,
  footerEntries,
  loadParquetEncoder,
  parseEntries,
  readFooter,
} from "../../src/parquet/mod.ts";

const CONTENT: FooterContent = {
  version: "1.2.3",
  kind: "data",
  cluster: "c",
  group: "4",
  topic: "orders",
  checkpoint: "a".repeat(32),
  ranges: [
    {
      topic: "orders",
      partition: 0,
      first: 5n,
      next: 9_223_372_036_854_775_807n,
      rows: 3,
      deadLetters: { "bad-value": 1 },
      skipped: { tombstone: 2 },
    },
    { topic: "orders", partition: 11, first: 0n, next: 0n, start: 0n, rows: 0, deadLetters: {}, skipped: {} },
  ],
  schemas: new Map<SchemaId, string>([
    [7, '{"type":"string"}'],
    [1_000_000, '"long"'],
    ["0f7c4e1a-9b2d-3c5e-8f60-112233445566", '"int"'],
  ]),
};

function columns(): Columns {
  const made = new Columns({
    columns: [
      { name: "id", type: { kind: "int64" }, nullable: false },
      { name: "name", type: { kind: "utf8" }, nullable: true },
    ],
  });
  for (let i = 0n; i < 100n; i++) made.appendRow([i, i % 3n === 0n ? null : `name ${i}`]);
  return made;
}

function batch(made: Columns, rows: number): Batch {
  return { ipc: made.toIPC(), rows, schema: made.schema };
}

async function withFile(bytes: Uint8Array, body: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "k2p-parquet-" });
  try {
    const path = join(folder, "a.parquet");
    await Deno.writeFile(path, bytes);
    await body(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("footer: what a file says of itself is read back from the file", async () => {
  const encoder = await loadParquetEncoder();
  const rows = columns();
  const bytes = encoder.encode(batch(rows, 100), {
    compression: "snappy",
    createdBy: "test 1",
    metadata: footerEntries(CONTENT),
  });
  await withFile(bytes, async (path) => {
    const footer = await readFooter(path);
    assert.deepEqual(footer, { rows: 100, createdBy: "test 1", content: CONTENT, isIntact: true });
  });
});

Deno.test("footer: a file of another program has no content", () => {
  assert.equal(parseEntries(new Map([["pandas", "{}"]])), undefined);
});

Deno.test("footer: a cut file is an error that names it", async () => {
  const encoder = await loadParquetEncoder();
  const bytes = encoder.encode(batch(columns(), 100), {
    compression: "none",
    createdBy: "t",
    metadata: new Map(),
  });
  await withFile(bytes.subarray(0, bytes.length - 5), async (path) => {
    await assert.rejects(
      readFooter(path),
      (error) => error instanceof UserError && error.message.includes(path),
    );
  });
});

for (const compression of COMPRESSIONS) {
  Deno.test(`encode: ${compression} files are read back whole by another reader, one after another`, async () => {
    const encoder = await loadParquetEncoder();
    const options = { compression, createdBy: "t", metadata: new Map([["k", "v"]]) };
    encoder.encode(batch(columns(), 100), options);
    // The second file is the one that a reused WriterProperties would write with defaults.
    const bytes = encoder.encode(batch(columns(), 100), options);
    const file = bytes.slice().buffer;
    const read = await parquetReadObjects({ file, compressors });
    assert.deepEqual(read.slice(0, 2), [{ id: 0n, name: null }, { id: 1n, name: "name 1" }]);
    assert.equal(read.length, 100);
    const codec = compression === "none" ? "UNCOMPRESSED" : compression.toUpperCase();
    const metadata = parquetMetadata(file);
    assert.deepEqual(
      new Set(metadata.row_groups[0]!.columns.map(({ meta_data }) => meta_data!.codec)),
      new Set([codec]),
    );
    assert.deepEqual(metadata.key_value_metadata?.find(({ key }) => key === "k")?.value, "v");
  });
}

Deno.test("encode: a file that does not hold the rows that it should is never handed on", async () => {
  const encoder = await loadParquetEncoder();
  assert.throws(
    () => encoder.encode(batch(columns(), 99), { compression: "none", createdBy: "t", metadata: new Map() }),
    /wrote 100 rows of 99/,
  );
});

/** Names of the columns with a dictionary. */
function dictionariesOf(file: Uint8Array): (string | undefined)[] {
  return parquetMetadata(file.slice().buffer).row_groups[0]!.columns
    .map(({ meta_data }) => meta_data!)
    .filter(({ encodings }) => encodings.includes("RLE_DICTIONARY"))
    .map(({ path_in_schema }) => path_in_schema[0]);
}

Deno.test("encode: after the first file, columns that hardly repeat have no dictionary, others have", async () => {
  const made = new Columns({
    columns: [
      { name: "event.id", type: { kind: "utf8" }, nullable: false },
      { name: "event.kind", type: { kind: "utf8" }, nullable: true },
    ],
  });
  for (let i = 0; i < 1200; i++) {
    made.appendRow([crypto.randomUUID(), i % 5 === 0 ? null : `a longer text ${i % 7}`]);
  }
  const encoder = await loadParquetEncoder();
  const options = { compression: "snappy", createdBy: "t", metadata: new Map() } as const;
  const files = [0, 1, 2].map(() => encoder.encode(batch(made, 1200), options));
  assert.deepEqual(files.map(dictionariesOf), [["event.id", "event.kind"], ["event.kind"], ["event.kind"]]);
  for (const file of files) {
    assert.equal((await parquetReadObjects({ file: file.slice().buffer })).length, 1200);
  }
  assert.ok(files[1]!.length < files[0]!.length);
  assert.equal(files[1]!.length, files[2]!.length);
});

Deno.test("encode: of a large file a part tells which columns hardly repeat, but the whole which do", async () => {
  const rows = 40_000;
  const made = new Columns({
    columns: [
      { name: "id", type: { kind: "utf8" }, nullable: false },
      { name: "late", type: { kind: "utf8" }, nullable: false },
    ],
  });
  // What comes again does so after more rows than the part has.
  const late = Array.from({ length: 10_000 }, () => crypto.randomUUID());
  for (let i = 0; i < rows; i++) made.appendRow([crypto.randomUUID(), late[i % late.length]]);
  const heads: number[] = [];
  const head = (count: number) => {
    heads.push(count);
    return made.toIPC({ rows: count });
  };
  const encoder = await loadParquetEncoder();
  const options = { compression: "snappy", createdBy: "t", metadata: new Map() } as const;
  const files = [0, 1].map(() => encoder.encode({ ...batch(made, rows), head }, options));
  assert.deepEqual(files.map(dictionariesOf), [["id", "late"], ["late"]]);
  assert.equal(heads.length, 1);
  assert.ok(heads[0]! < late.length);
});
