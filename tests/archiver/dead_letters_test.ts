import assert from "node:assert/strict";
import { parquetReadObjects } from "hyparquet";
import { appendDeadLetter, newDeadLetters, readHeaders } from "../../src/archiver/dead_letters.ts";
import type { FetchedRecords } from "../../src/model.ts";
import { loadParquetEncoder } from "../../src/parquet/mod.ts";
import { fetchedRecords } from "./support/records.ts";

const utf8 = new TextEncoder();

/** A varint of Kafka's: zigzag, of small numbers. */
function varint(value: number): number[] {
  const zigzag = value * 2 >= 0 ? value * 2 : -value * 2 - 1;
  return zigzag < 128 ? [zigzag] : [(zigzag & 0x7f) | 0x80, zigzag >> 7];
}

function headers(...pairs: [string, string | null][]): Uint8Array {
  const bytes = [...varint(pairs.length)];
  for (const [key, value] of pairs) {
    const name = utf8.encode(key);
    bytes.push(...varint(name.length), ...name);
    if (value === null) bytes.push(...varint(-1));
    else bytes.push(...varint(value.length), ...utf8.encode(value));
  }
  return new Uint8Array(bytes);
}

Deno.test("headers: keys may repeat, values may be null, long values keep their length", () => {
  const long = "x".repeat(100);
  const bytes = headers(["a", "1"], ["a", null], ["b", long], ["c", ""], ["\ufeffd", "2"]);
  assert.deepEqual(
    readHeaders(bytes, 0, bytes.length).map((
      { key, value },
    ) => [key, value && new TextDecoder().decode(value)]),
    [["a", "1"], ["a", null], ["b", long], ["c", ""], ["\ufeffd", "2"]],
  );
});

Deno.test("headers: cut ones give what is there and end", () => {
  const bytes = headers(["a", "1"], ["b", "2"]);
  for (let end = 0; end < bytes.length; end++) assert(readHeaders(bytes, 0, end).length <= 2);
});

Deno.test("dead letters: a record is kept whole", async () => {
  const value = new Uint8Array([0, 0, 0, 0, 9, 255]);
  const head = headers(["trace", "42"]);
  const bytes = new Uint8Array([...value, ...head, 107]);
  const fetched: FetchedRecords = {
    topic: "orders",
    partition: 2,
    fetchedOffset: 5n,
    nextOffset: 6n,
    highWatermark: 6n,
    lastStableOffset: 6n,
    logStartOffset: 0n,
    count: 1,
    offsets: new Float64Array([9_007_199_254_740_991]),
    timestamps: new Float64Array([1_700_000_000_123]),
    valueStart: new Int32Array([0]),
    valueEnd: new Int32Array([6]),
    keyStart: new Int32Array([bytes.length - 1]),
    keyEnd: new Int32Array([bytes.length]),
    headersStart: new Int32Array([6]),
    headersEnd: new Int32Array([bytes.length - 1]),
    runs: [{ bytes, from: 0, to: 1 }],
  };
  const columns = newDeadLetters();
  appendDeadLetter(columns, { fetched, bytes, index: 0 }, { schemaId: 9, reason: "truncated" });
  const encoder = await loadParquetEncoder();
  const file = encoder.encode({ ipc: columns.toIPC(), rows: 1, schema: columns.schema }, {
    compression: "none",
    createdBy: "t",
    metadata: new Map(),
  });
  const [row] = await parquetReadObjects({ file: file.slice().buffer, utf8: false });
  assert.deepEqual(row, {
    topic: "orders",
    partition: 2,
    offset: 9_007_199_254_740_991n,
    timestamp: new Date(1_700_000_000_123),
    key: new Uint8Array([107]),
    headers: [{ key: "trace", value: utf8.encode("42") }],
    value,
    schema_id: 9,
    error: "truncated",
  });
});

Deno.test("dead letters: whatever time a producer claims is no reason to fail", () => {
  const { fetched, bytes } = fetchedRecords([{ value: null }, { value: null }]);
  fetched.timestamps.set([Number(2n ** 63n - 1n), -(2 ** 63)]);
  const columns = newDeadLetters();
  for (const index of [0, 1]) {
    appendDeadLetter(columns, { fetched, bytes, index }, { schemaId: undefined, reason: "bad" });
  }
  assert.equal(columns.rows, 2);
});
