import { configure, type LogRecord, reset } from "@logtape/logtape";
import assert from "node:assert/strict";
import { BadRecords } from "../../src/archiver/bad_records.ts";
import { OpenFile } from "../../src/archiver/open_file.ts";
import { Totals } from "../../src/archiver/totals.ts";
import type { Config } from "../../src/config.ts";
import { fetchedRecords } from "./support/records.ts";

const { fetched, bytes } = fetchedRecords(
  Array.from({ length: 500 }, (_, i) => ({ value: new Uint8Array([0, 0, 0, 0, 8, i % 256]) })),
);

/** Takes all records as of a format that is not Avro; gives the log's lines and the file's counts. */
async function takeAll(onError: Config["onError"]) {
  const lines: string[] = [];
  const sink = (record: LogRecord) => lines.push(record.message.join(""));
  await configure({
    reset: true,
    sinks: { lines: sink },
    loggers: [
      { category: "kafka2parquet", sinks: ["lines"], lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "error" },
    ],
  });
  const file = new OpenFile();
  const bad = new BadRecords({ topic: "orders", onError, limit: undefined, file, totals: new Totals() });
  try {
    for (let index = 0; index < fetched.count; index++) {
      const reason = "schema 8 is Protobuf, not Avro";
      bad.take({ fetched, bytes, index }, { kind: "not-avro", schemaId: 8, reason });
    }
  } finally {
    await reset();
  }
  return { lines, counts: file.counts(0), kept: file.deadLetterCount };
}

Deno.test("bad records: a topic of another format is told once, with what to do, and each record is kept", async () => {
  const { lines, counts, kept } = await takeAll("dead-letter");
  assert.deepEqual(lines, [
    "orders: schema 8 is Protobuf, not Avro: each of its records becomes a dead letter. Only Avro is archived: leave " +
    "the topic out if it holds nothing else",
  ]);
  assert.deepEqual(counts, { rows: 0, deadLetters: { "not-avro": 500 }, skipped: {} });
  assert.equal(kept, 500);
});

Deno.test("bad records: the same under --on-error skip", async () => {
  const { lines, counts, kept } = await takeAll("skip");
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /each of its records is left out\./);
  assert.deepEqual(counts, { rows: 0, deadLetters: {}, skipped: { "not-avro": 500 } });
  assert.equal(kept, 0);
});

Deno.test("bad records: --on-error stop stops at the first record of another format", async () => {
  await assert.rejects(takeAll("stop"), {
    name: "UserError",
    message: "orders[0] offset 0 cannot be decoded: schema 8 is Protobuf, not Avro",
  });
});
