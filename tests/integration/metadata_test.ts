/** `--metadata` on a real broker and registry: keys, headers, tombstones, and bad records among them. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import avsc from "avsc";
import type { Message } from "kafkajs";
import { onTheWire } from "../../dev/wire.ts";
import { integrationTest } from "../support/integration.ts";
import { duck, readArchive, runProgram, tempDir } from "../support/mod.ts";
import { assertCovered, event, type Job, makeJob, TYPE } from "./events.ts";

const RECORDS = 900;
const PARTITIONS = 3;
const KEY_SCHEMA = {
  type: "record",
  name: "Key",
  fields: [{ name: "customer", type: "long" }, { name: "region", type: ["null", "string"] }],
};
const KEY_TYPE = avsc.Type.forSchema(KEY_SCHEMA as avsc.Schema);

type Fate = "row" | "tombstone" | "bad-value" | "bad-key";

/** What becomes of the record of an id: each partition has some of each kind between its good ones. */
function fateOf(id: number): Fate {
  const turn = Math.floor(id / PARTITIONS) % 50;
  return turn === 7 ? "tombstone" : turn === 20 ? "bad-value" : turn === 33 ? "bad-key" : "row";
}

const HAS_NO_KEY = (id: number) => id % 11 === 0;

function idsOf(...fates: readonly Fate[]): number[] {
  return Array.from({ length: RECORDS }, (_, id) => id).filter((id) => fates.includes(fateOf(id)));
}

/** Record `id` stands at offset `id / 3` of partition `id % 3`. */
async function produce(job: Job, keyOf: (id: number) => Buffer, badKey: Buffer): Promise<void> {
  const messages = Array.from({ length: RECORDS }, (_, id): Message => {
    const fate = fateOf(id);
    const value = fate === "tombstone" ? null : onTheWire(job.schemaId, TYPE.toBuffer(event(id)));
    return {
      partition: id % PARTITIONS,
      key: fate === "bad-key" ? badKey : HAS_NO_KEY(id) ? null : keyOf(id),
      value: fate === "bad-value" ? value!.subarray(0, 9) : value,
      timestamp: `${1_700_000_000_000 + id}`,
      headers: id % 2 === 0 ? {} : { trace: [`a${id}`, `b${id}`], empty: "" },
    };
  });
  await job.servers.produceRaw(job.topic, messages);
}

/** Archives the topic to its end, and has `verify` prove it. */
async function archive(job: Job, metadata: string): Promise<void> {
  await using run = runProgram([...job.flags, "--metadata", metadata, "--rows", "100", "--until-end"]);
  assert.equal((await run.exit).code, 3, run.stderr.join("\n"));
  const brokers = ["--brokers", job.servers.brokers];
  await using verify = runProgram(["verify", job.output, "--deep", ...brokers]);
  assert.equal((await verify.exit).code, 0, [...verify.stdout, ...verify.stderr].join("\n"));
}

/** Every row has the offset, time and headers of the record with its value; gives the key's columns by id. */
async function assertInLine(job: Job): Promise<Map<number, Record<string, unknown>>> {
  const { files, rows } = await readArchive(job.output);
  const keys = new Map<number, Record<string, unknown>>();
  for (const row of rows) {
    const id = Number(row["_kafka.offset"]) * PARTITIONS + Number(row["_kafka.partition"]);
    assert(!keys.has(id), `record ${id} stands in two rows`);
    assert.equal(row["_kafka.topic"], job.topic);
    assert.equal(Number(row["_kafka.timestamp"]), 1_700_000_000_000 + id);
    const { id: value, kind, "customer.name": name } = row;
    if (fateOf(id) === "tombstone") assert.deepEqual([value, kind, name], [null, null, null]);
    else assert.deepEqual([Number(value), kind, name], [id, event(id).kind, event(id).customer.name]);
    const headers = row["_kafka.headers"] as { key: string; value: Uint8Array }[];
    const texts = headers.map(({ key, value }) => [key, new TextDecoder().decode(value)]);
    assert.deepEqual(texts, id % 2 === 0 ? [] : [["trace", `a${id}`], ["trace", `b${id}`], ["empty", ""]]);
    const isOfKey = ([name]: [string, unknown]) => name.startsWith("_kafka.key");
    keys.set(id, Object.fromEntries(Object.entries(row).filter(isOfKey)));
  }
  assert.deepEqual([...keys.keys()].sort((a, b) => a - b), idsOf("row", "tombstone"));
  const [first] = files;
  for (const { metadata: { schema } } of files) {
    assert.deepEqual(schema.map(({ name }) => name), first!.metadata.schema.map(({ name }) => name));
  }
  const dead = await readArchive(job.deadLetter);
  const deadIds = dead.rows.map((row) => Number(row["offset"]) * PARTITIONS + Number(row["partition"]));
  assert.deepEqual(deadIds.sort((a, b) => a - b), idsOf("bad-value", "bad-key"));
  await assertCovered(job, [{ files, rows }, dead]);
  return keys;
}

integrationTest("metadata: text keys, headers and tombstones stay with their values", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder, { partitions: PARTITIONS });
  await produce(job, (id) => Buffer.from(`ké ${id}`), Buffer.from([0xff, 0xfe]));
  await archive(job, "all,key:string");
  for (const [id, key] of await assertInLine(job)) {
    assert.deepEqual(key, { "_kafka.key": HAS_NO_KEY(id) ? null : `ké ${id}` });
  }
  const errors = (await readArchive(job.deadLetter)).rows.map(({ error }) => String(error));
  assert.equal(errors.filter((error) => /^the key is not valid UTF-8/.test(error)).length, 18);
});

integrationTest("metadata: Avro keys become columns, through the registry", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder, { partitions: PARTITIONS });
  const keyId = await servers.registerSchema(`${job.topic}-key`, KEY_SCHEMA);
  const keyOf = (id: number) => ({ customer: id, region: id % 5 === 0 ? null : `r${id}` });
  const encoded = (id: number) => onTheWire(keyId, KEY_TYPE.toBuffer(keyOf(id)));
  await produce(job, encoded, encoded(1).subarray(0, 6));
  await archive(job, "all,key:avro");
  for (const [id, key] of await assertInLine(job)) {
    const { customer, region } = HAS_NO_KEY(id) ? { customer: null, region: null } : keyOf(id);
    assert.deepEqual(key, {
      "_kafka.key.customer": customer === null ? null : BigInt(customer),
      "_kafka.key.region": region,
    });
  }
  await using schema = runProgram(["inspect", job.output, "--json", "--rows", "0"]);
  assert.equal((await schema.exit).code, 0, schema.stderr.join("\n"));
  const { columns } = JSON.parse(schema.stdout[0]!);
  assert.deepEqual(columns.slice(0, 8).map(({ name }: { name: string }) => name), [
    "_kafka.topic",
    "_kafka.partition",
    "_kafka.offset",
    "_kafka.timestamp",
    "_kafka.key.customer",
    "_kafka.key.region",
    "_kafka.headers",
    "id",
  ]);
});

integrationTest(
  "metadata: DuckDB reads the columns; a topic of tombstones is archived before its first value",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    const run = async () => {
      await using program = runProgram([...job.flags, "--metadata", "all", "--until-end"]);
      assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    };
    const timestamp = "1700000000123";
    await servers.produceRaw(job.topic, [{ key: "gone", value: null, timestamp }, {
      value: null,
      timestamp,
    }]);
    await run();
    const value = onTheWire(job.schemaId, TYPE.toBuffer(event(1)));
    const headers = { h: Buffer.from([1, 2]) };
    await servers.produceRaw(job.topic, [
      { key: "gone", value: null, timestamp },
      { key: "", value, headers, timestamp },
    ]);
    await run();
    await assertCovered(job);
    const rows = await duck(
      `select "_kafka.topic" as topic, "_kafka.partition" as p, "_kafka.offset" as o,
         typeof("_kafka.timestamp") as type, epoch_ms("_kafka.timestamp")::bigint as ms,
         "_kafka.key"::varchar as key, "_kafka.headers"::varchar as headers, id::bigint as id
       from read_parquet('${job.output}/*.parquet', union_by_name = true) order by o`,
    );
    const base = { topic: job.topic, p: 0, type: "TIMESTAMP WITH TIME ZONE", ms: 1_700_000_000_123n };
    assert.deepEqual(rows, [
      { ...base, o: 0n, key: "gone", headers: "[]", id: null },
      { ...base, o: 1n, key: null, headers: "[]", id: null },
      { ...base, o: 2n, key: "gone", headers: "[]", id: null },
      { ...base, o: 3n, key: "", headers: "[{'key': h, 'value': \\x01\\x02}]", id: 1n },
    ]);
  },
);
