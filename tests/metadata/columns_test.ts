/** The metadata columns by themselves: what stands in them, beside values, keys and in the file. */
import assert from "node:assert/strict";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { Columns, type FileSchema } from "../../src/columns/mod.ts";
import { type Metadata, METADATA_FIELDS } from "../../src/config.ts";
import { type FileRows, MetadataColumns, MetadataLayout } from "../../src/metadata/mod.ts";
import type { FetchedRecords } from "../../src/model.ts";
import { loadParquetEncoder } from "../../src/parquet/mod.ts";
import { testRandom } from "../support/mod.ts";
import { bytes } from "../kafka/batches.ts";
import { fetchOf, type TestRecord } from "./fetch.ts";

const ALL: Metadata = { fields: METADATA_FIELDS, keyForm: "binary" };
const VALUES: FileSchema = { columns: [{ name: "id", type: { kind: "int64" }, nullable: true }] };
const AT = { topic: "orders", partition: 7 };

function record(offset: number, other: Partial<TestRecord> = {}): TestRecord {
  return {
    offset,
    timestamp: 1_700_000_000_000 + offset,
    key: null,
    value: bytes("v"),
    headers: [],
    ...other,
  };
}

function layoutOf(metadata: Metadata): MetadataLayout {
  return new MetadataLayout({ metadata, topic: AT.topic, separator: "." });
}

/** Rows of metadata with values 0, 1, ... beside them. */
function joined(layout: MetadataLayout, metadata: MetadataColumns): FileRows {
  const values = new Columns(VALUES);
  for (let row = 0; row < metadata.columns.rows; row++) values.appendRow([BigInt(row)]);
  return layout.join({ metadata: metadata.columns, values });
}

async function readBack(rows: FileRows): Promise<Record<string, unknown>[]> {
  const encoder = await loadParquetEncoder();
  const file = encoder.encode({ ipc: rows.toIPC({}), rows: rows.rows, schema: rows.schema }, {
    compression: "snappy",
    createdBy: "test",
    metadata: new Map(),
  });
  return await parquetReadObjects({ file: file.slice().buffer, compressors, utf8: false });
}

/** The rows of all records of a fetch. */
async function rowsOf(fetched: FetchedRecords, metadata: Metadata): Promise<Record<string, unknown>[]> {
  const layout = layoutOf(metadata);
  const columns = new MetadataColumns(layout);
  for (const { bytes, from, to } of fetched.runs) columns.append({ fetched, bytes, from, to });
  return await readBack(joined(layout, columns));
}

Deno.test("every field of a record stands in its column, before the value's", async () => {
  const long = "k".repeat(1000);
  const records = [
    record(5, { key: bytes("a"), headers: [["trace", bytes("1")], ["trace", bytes("2")], ["none", null]] }),
    record(6, { key: bytes(""), timestamp: -1 }),
    record(9, { key: null, headers: [["", bytes("")]] }),
    record(4_000_000_000, { key: bytes(long), headers: [["x", bytes(long)]] }),
    record(2 ** 31 + 4_000_000_000 - 1, { key: bytes("12345678"), timestamp: 2 ** 43 }),
  ];
  const base = { "_kafka.topic": "orders", "_kafka.partition": 7 };
  // Offsets within a batch are 32 bits from its first.
  const rows = await rowsOf(fetchOf(AT, records, { batchRecords: 1 }), ALL);
  assert.deepEqual(rows, [
    {
      ...base,
      "_kafka.offset": 5n,
      "_kafka.timestamp": new Date(1_700_000_000_005),
      "_kafka.key": bytes("a"),
      "_kafka.headers": [
        { key: "trace", value: bytes("1") },
        { key: "trace", value: bytes("2") },
        { key: "none", value: null },
      ],
      id: 0n,
    },
    {
      ...base,
      "_kafka.offset": 6n,
      "_kafka.timestamp": new Date(-1),
      "_kafka.key": bytes(""),
      "_kafka.headers": [],
      id: 1n,
    },
    {
      ...base,
      "_kafka.offset": 9n,
      "_kafka.timestamp": new Date(1_700_000_000_009),
      "_kafka.key": null,
      "_kafka.headers": [{ key: "", value: bytes("") }],
      id: 2n,
    },
    {
      ...base,
      "_kafka.offset": 4_000_000_000n,
      "_kafka.timestamp": new Date(1_704_000_000_000),
      "_kafka.key": bytes(long),
      "_kafka.headers": [{ key: "x", value: bytes(long) }],
      id: 3n,
    },
    {
      ...base,
      "_kafka.offset": 6_147_483_647n,
      "_kafka.timestamp": new Date(2 ** 43),
      "_kafka.key": bytes("12345678"),
      "_kafka.headers": [],
      id: 4n,
    },
  ]);
  assert.deepEqual(Object.keys(rows[0]!), [...METADATA_FIELDS.map((field) => `_kafka.${field}`), "id"]);
});

Deno.test("columns have the documented types, and the order of the list does not matter", () => {
  const { schema } = layoutOf({ fields: METADATA_FIELDS, keyForm: "string" });
  assert.deepEqual(schema.columns.map(({ name, type, nullable }) => [name, type.kind, nullable]), [
    ["_kafka.topic", "enum", false],
    ["_kafka.partition", "int32", false],
    ["_kafka.offset", "int64", false],
    ["_kafka.timestamp", "timestamp", false],
    ["_kafka.key", "utf8", true],
    ["_kafka.headers", "list", false],
  ]);
});

Deno.test("an Avro key stands where a key stands, whatever columns it has", () => {
  const layout = layoutOf({ fields: METADATA_FIELDS, keyForm: "avro" });
  const columns = new MetadataColumns(layout);
  const keys = new Columns({
    columns: ["_kafka.key.a", "_kafka.key.b"].map((name) => ({
      name,
      type: { kind: "utf8" },
      nullable: true,
    })),
  });
  const { schema } = layout.join({ metadata: columns.columns, keys, values: new Columns(VALUES) });
  assert.deepEqual(schema.columns.map(({ name }) => name), [
    "_kafka.topic",
    "_kafka.partition",
    "_kafka.offset",
    "_kafka.timestamp",
    "_kafka.key.a",
    "_kafka.key.b",
    "_kafka.headers",
    "id",
  ]);
});

Deno.test("the same schemas make the same file schema, so that the encoder knows it again", () => {
  const layout = layoutOf(ALL);
  const columns = new MetadataColumns(layout);
  assert.equal(joined(layout, columns).schema, joined(layout, columns).schema);
});

Deno.test("metadata that is not in line with the values is no file", () => {
  const layout = layoutOf(ALL);
  const metadata = new MetadataColumns(layout).columns;
  const values = new Columns(VALUES);
  values.appendRow([1n]);
  assert.throws(() => layout.join({ metadata, values }), RangeError);
});

Deno.test("text keys: those that are no UTF-8 are named, null and empty ones are none of them", async () => {
  const keys = [bytes("ž"), null, bytes(""), Uint8Array.of(0xc3), bytes("ok"), Uint8Array.of(0x61, 0xff)];
  const fetched = fetchOf(AT, keys.map((key, offset) => record(offset, { key })));
  const buffer = fetched.runs[0]!.bytes;
  const metadata: Metadata = { fields: ["key"], keyForm: "string" };
  const bad = new MetadataColumns(layoutOf(metadata)).badKeys({ fetched, bytes: buffer, from: 0, to: 6 });
  assert.deepEqual(bad.map(({ index }) => index), [3, 5]);
  assert.match(bad[0]!.reason, /key is not valid UTF-8/);
  const binary = new MetadataColumns(layoutOf(ALL)).badKeys({ fetched, bytes: buffer, from: 0, to: 6 });
  assert.deepEqual(binary, []);
  const good = [0, 1, 2, 4].map((index) => record(index, { key: keys[index]! }));
  const rows = await rowsOf(fetchOf(AT, good), metadata);
  assert.deepEqual(rows.map((row) => row["_kafka.key"]), ["ž", null, "", "ok"]);
});

Deno.test("headers whose keys are no UTF-8, or that lead out of their record, keep what can be read", async () => {
  const fetched = fetchOf(AT, [
    record(0, { headers: [["abc", bytes("1")], ["d", bytes("2")]] }),
    record(1, { headers: [["e", bytes("3")]] }),
  ]);
  const [run] = fetched.runs;
  // "abc" is a broken sequence now, and the second header says that it is longer than its record.
  run!.bytes[fetched.headersStart[0]! + 2] = 0xff;
  run!.bytes[fetched.headersEnd[0]! - 2] = 40;
  const rows = await rowsOf(fetched, { fields: ["headers"], keyForm: "binary" });
  assert.deepEqual(rows.map((row) => row["_kafka.headers"]), [
    [{ key: "\ufffdbc", value: bytes("1") }, { key: "d", value: bytes("2") }],
    [{ key: "e", value: bytes("3") }],
  ]);
});

Deno.test("parts of a fetch, appended and taken back at random, leave the rows that were kept", async () => {
  const random = testRandom();
  const text = () => bytes("x".repeat(random.below(30)));
  const records = Array.from({ length: 3000 }, (_, offset) =>
    record(3 * offset, {
      key: random.chance(0.3) ? null : text(),
      headers: Array.from({ length: random.below(4) }, () => ["h", random.chance(0.3) ? null : text()]),
    }));
  const fetched = fetchOf(AT, records, { batchRecords: 500, codecs: ["none", "gzip"] });
  const layout = layoutOf(ALL);
  const columns = new MetadataColumns(layout);
  const kept: TestRecord[] = [];
  for (const { bytes, from, to } of fetched.runs) {
    for (let at = from; at < to;) {
      const next = Math.min(to, at + 1 + random.below(200));
      columns.append({ fetched, bytes, from: at, to: next });
      kept.push(...records.slice(at, next));
      if (random.chance(0.2)) {
        kept.length = random.below(kept.length + 1);
        columns.columns.truncate(kept.length);
      }
      at = next;
    }
  }
  const rows = await readBack(joined(layout, columns));
  assert.deepEqual(
    rows.map((row) => [row["_kafka.offset"], row["_kafka.key"], row["_kafka.headers"]]),
    kept.map(({ offset, key, headers }) => [
      BigInt(offset),
      key,
      headers.map(([key, value]) => ({ key, value })),
    ]),
  );
});
