/** Record batches as other producers compress them, through the whole program. */
import assert from "node:assert/strict";
import { startKafka } from "../../dev/mod.ts";
import { onTheWire } from "../../dev/wire.ts";
import type { FixtureBatch } from "../kafka/fixtures/records.ts";
import { cannotRun, integrationTest } from "../support/integration.ts";
import { ROOT, runProgram, type TempDir, tempDir, TestServers } from "../support/mod.ts";
import { pythonWithLibrdkafka, run } from "../support/python.ts";
import { assertCovered, assertIds, event, type Job, makeJob, TYPE } from "./events.ts";

const CODECS = ["gzip", "snappy", "lz4", "zstd"] as const;
const BATCHES = 6;
const BATCH_RECORDS = 500;
const RECORDS = BATCHES * BATCH_RECORDS;
const BATCH_HEADER_BYTES = 61;

const python = await cannotRun() ? undefined : await pythonWithLibrdkafka();

/** All rows are there, and as they were produced. */
async function assertArchived(job: Job): Promise<void> {
  await using program = runProgram([...job.flags, "--until-end"]);
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  const archive = await job.archive();
  assertIds(archive, 0, RECORDS);
  for (const row of archive.rows) {
    const { note, customer } = event(Number(row.id));
    assert.deepEqual(
      [row.note ?? null, row["customer.name"], row["customer.address.city"]],
      [note, customer.name, customer.address.city],
    );
  }
  await assertCovered(job);
}

/** Events in several record batches, each with a key and a header. */
async function produceWithLibrdkafka(
  python: string,
  job: Job,
  options: { readonly folder: TempDir; readonly codec: string },
): Promise<void> {
  const batches = Array.from({ length: BATCHES }, (_, batch): FixtureBatch => ({
    records: Array.from({ length: BATCH_RECORDS }, (_, i) => {
      const id = batch * BATCH_RECORDS + i;
      const value = onTheWire(job.schemaId, TYPE.toBuffer(event(id))).toString("base64");
      return {
        timestamp: 1_700_000_000_000 + id,
        key: `${id}`,
        value: { base64: value },
        headers: [["h", "x"]],
      };
    }),
  }));
  const path = `${options.folder.path}/records.json`;
  await Deno.writeTextFile(path, JSON.stringify({ batches }));
  const script = `${ROOT}/tests/kafka/fixtures/produce_librdkafka.py`;
  await run([python, script, job.servers.brokers, path, `${job.topic}=${options.codec}`]);
}

for (const codec of ["none", ...CODECS]) {
  const name = `librdkafka: what it compresses with ${codec} arrives whole`;
  if (python === undefined) {
    Deno.test({ name, ignore: true, fn: () => {} });
    continue;
  }
  integrationTest(name, async (servers) => {
    await using folder = await tempDir();
    // The broker keeps a batch of this codec as it is.
    const job = await makeJob(servers, folder, {
      config: { "compression.type": codec === "none" ? "uncompressed" : codec },
    });
    await produceWithLibrdkafka(python, job, { folder, codec });
    await assertArchived(job);
  });
}

for (const codec of CODECS) {
  integrationTest(`Java: what the broker itself compresses with ${codec} arrives whole`, async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder, { config: { "compression.type": codec } });
    await job.produce(0, RECORDS);
    await assertArchived(job);
  });
}

/** Changes a bit among the records of the batch that starts at this offset; the broker sends what is in the file. */
async function damage(segment: string, offset: number): Promise<void> {
  const bytes = await Deno.readFile(segment);
  const view = new DataView(bytes.buffer);
  let at = 0;
  while (Number(view.getBigInt64(at)) !== offset) at += 12 + view.getInt32(at + 8);
  const place = at + BATCH_HEADER_BYTES + 50;
  using file = await Deno.open(segment, { write: true });
  await file.seek(place, Deno.SeekMode.Start);
  await file.write(new Uint8Array([bytes[place]! ^ 1]));
}

integrationTest(
  "a damaged batch: all before it is saved, and the program ends with its name and offset",
  async (servers) => {
    await using folder = await tempDir();
    await using kafka = await startKafka({ dataDir: `${folder.path}/kafka` });
    const own = new TestServers({ brokers: kafka.bootstrap, registry: servers.registry });
    const job = await makeJob(own, folder);
    for (let id = 0; id < 300; id += 100) {
      const values = Array.from({ length: 100 }, (_, i) => event(id + i));
      await own.produceAvro(job.topic, values, { schemaId: job.schemaId, type: TYPE, compression: "zstd" });
    }
    await damage(`${folder.path}/kafka/broker-1/data/${job.topic}-0/00000000000000000000.log`, 100);

    // The second one finds that nothing is left to save.
    for (const start of ["first", "second"]) {
      await using program = runProgram([...job.flags, "--age", "1h"]);
      const { code } = await program.exit;
      const log = program.stderr.join("\n");
      assert.equal(code, 1, `${start} start: ${log}`);
      const said = program.stderr.filter((line) => line.includes("is damaged"));
      assert.equal(said.length, 1, log);
      assert.match(said[0]!, new RegExp(`^error: ${job.topic}\\[0\\] offset 100: .*checksum`));
      const archive = await job.archive();
      assertIds(archive, 0, 100);
      assert.equal(archive.files.length, 1);
      assert.equal((await own.committed(job.group, job.topic)).get(0)?.offset, 100n);
      await assertCovered(job);
    }
  },
);
