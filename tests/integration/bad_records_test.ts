import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import avsc from "avsc";
import { startRegistry } from "../../dev/mod.ts";
import { integrationTest } from "../support/integration.ts";
import { duck, readArchive, runProgram, tempDir, TestServers, waitFor } from "../support/mod.ts";
import { assertCovered, assertIds, event, type Job, makeJob, TYPE } from "./events.ts";

/** The wire header, then the body. */
function wire(schemaId: number, body: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeInt32BE(schemaId, 1);
  return Buffer.concat([header, body]);
}

const UNKNOWN_ID = 2_000_000_000;

/** Ten good records, four bad ones of four kinds among them, at the offsets 3, 5, 8 and 9. */
async function produceMixed(job: Job): Promise<void> {
  const good = (id: number) => wire(job.schemaId, TYPE.toBuffer(event(id)));
  const truncated = good(100).subarray(0, 12);
  const values = [
    good(0),
    good(1),
    good(2),
    Buffer.from('{"not":"avro"}'),
    good(3),
    wire(UNKNOWN_ID, TYPE.toBuffer(event(4))),
    good(5),
    good(6),
    truncated,
    Buffer.concat([good(101), Buffer.from([0])]),
    good(7),
  ];
  await job.servers.produceRaw(
    job.topic,
    values.map((value, i) => ({
      key: `key ${i}`,
      value,
      headers: { trace: `t${i}` },
      timestamp: `${1_700_000_000_000 + i}`,
    })),
  );
}

integrationTest("bad records: kept whole in a dead-letter file, exit 3 in a bounded run", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await produceMixed(job);
  await using program = runProgram([...job.flags, "--until-end"]);
  assert.equal((await program.exit).code, 3, program.stderr.join("\n"));
  const archive = await job.archive();
  assertIds(archive, 0, 8, [4]);
  const dead = await readArchive(job.deadLetter);
  assert.equal(dead.files.length, 1);
  const letters = dead.rows.map(({ offset, schema_id, error }) => [offset, schema_id, error]);
  assert.deepEqual(letters.map(([offset]) => offset), [3n, 5n, 8n, 9n]);
  assert.match(String(letters[0]![2]), /magic byte/);
  assert.equal(letters[0]![1], null);
  assert.match(String(letters[1]![2]), new RegExp(`${UNKNOWN_ID}`));
  assert.equal(letters[1]![1], UNKNOWN_ID);
  assert.equal(letters[3]![1], job.schemaId);
  assert.match(String(letters[3]![2]), /trailing|after the/i);
  const log = program.stderr.join("\n");
  assert.match(log, new RegExp(`${job.topic}\\[0\\] offset 3`));
  await assertCovered(job, [archive, dead]);
  const [content] = archive.files;
  assert.match(
    content!.keyValues["kafka2parquet.ranges"]!,
    /"dead_letters":\{"no-header":1,"no-schema":1,"bad-value":2\}/,
  );
});

integrationTest("bad records: all of a dead letter is kept", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await produceMixed(job);
  await using program = runProgram([...job.flags, "--until-end"]);
  await program.exit;
  const rows = await duck(
    `select topic, partition, epoch_ms(timestamp)::bigint as ms, decode(key) as key, decode(value) as value,
       headers[1].key as header, decode(headers[1].value) as header_value
     from '${job.deadLetter}/*.parquet' where "offset" = 3`,
  );
  assert.deepEqual(rows, [{
    topic: job.topic,
    partition: 0,
    ms: 1_700_000_000_003n,
    key: "key 3",
    value: '{"not":"avro"}',
    header: "trace",
    header_value: "t3",
  }]);
});

integrationTest(
  "bad records: a stretch of nothing else makes a dead-letter file that accounts for it",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    await servers.produceRaw(job.topic, [{ value: "a" }, { value: "b" }]);
    await using program = runProgram([...job.flags, "--until-end"]);
    assert.equal((await program.exit).code, 3, program.stderr.join("\n"));
    const dead = await readArchive(job.deadLetter);
    assert.equal(dead.rows.length, 2);
    assert.deepEqual((await job.archive()).files, []);
    await assertCovered(job, [dead]);
  },
);

integrationTest("bad records: --on-error skip leaves them out and counts them", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await produceMixed(job);
  await using program = runProgram([...job.flags, "--until-end", "--on-error", "skip"]);
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  const archive = await job.archive();
  assertIds(archive, 0, 8, [4]);
  assert.deepEqual((await readArchive(job.deadLetter)).files, []);
  assert.match(
    archive.files[0]!.keyValues["kafka2parquet.ranges"]!,
    /"skipped":\{"no-header":1,"no-schema":1,"bad-value":2\}/,
  );
  await assertCovered(job);
});

integrationTest(
  "bad records: --on-error stop saves what is before the first one and names it",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    await produceMixed(job);
    await using program = runProgram([...job.flags, "--until-end", "--on-error", "stop"]);
    assert.equal((await program.exit).code, 1, program.stderr.join("\n"));
    assert.match(program.stderr.join("\n"), new RegExp(`${job.topic}\\[0\\] offset 3`));
    assertIds(await job.archive(), 0, 3);
    assert.equal((await servers.committed(job.group, job.topic)).get(0)?.offset, 3n);
    await assertCovered(job);
  },
);

integrationTest("bad records: --on-error stop in the middle of a stretch of one schema", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  const good = (id: number) => wire(job.schemaId, TYPE.toBuffer(event(id)));
  const values = Array.from({ length: 700 }, (_, id) => id === 600 ? good(id).subarray(0, 9) : good(id));
  await servers.produceRaw(job.topic, values.map((value) => ({ value })));
  await using program = runProgram([...job.flags, "--until-end", "--on-error", "stop"]);
  assert.equal((await program.exit).code, 1, program.stderr.join("\n"));
  assertIds(await job.archive(), 0, 600);
  assert.equal((await servers.committed(job.group, job.topic)).get(0)?.offset, 600n);
});

integrationTest(
  "bad records: --max-errors lets so many pass, then saves what is before the next and names it",
  async (servers) => {
    for (const action of ["dead-letter", "skip"]) {
      await using folder = await tempDir();
      const job = await makeJob(servers, folder);
      await produceMixed(job);
      const flags = [...job.flags, "--until-end", "--on-error", action];
      await using program = runProgram([...flags, "--max-errors", "2"]);
      assert.equal((await program.exit).code, 3, program.stderr.join("\n"));
      const log = program.stderr.join("\n");
      assert.match(
        log,
        /\[0\] offset 8 cannot be decoded, and is one too many of .* \(3 since the start\): /,
      );
      assert.match(log, /higher --max-errors/);
      assertIds(await job.archive(), 0, 7, [4]);
      const dead = await readArchive(job.deadLetter);
      assert.deepEqual(dead.rows.map(({ offset }) => offset), action === "skip" ? [] : [3n, 5n]);
      assert.equal((await servers.committed(job.group, job.topic)).get(0)?.offset, 8n);
      // Counted from the start: what is left are two.
      await using rest = runProgram([...flags, "--max-errors", "2"]);
      assert.equal((await rest.exit).code, action === "skip" ? 0 : 3, rest.stderr.join("\n"));
      assertIds(await job.archive(), 0, 8, [4]);
      await assertCovered(job, [await job.archive(), await readArchive(job.deadLetter)]);
      assert.match(
        rest.stderr.join("\n"),
        new RegExp(`Done: .*${action === "skip" ? "skipped" : "dead letters"}: 2 bad-value`),
      );
    }
  },
);

integrationTest("bad records: --max-errors as a share ends a stream that turns bad", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  const good = (id: number) => wire(job.schemaId, TYPE.toBuffer(event(id)));
  // Every 20th is bad up to 2000, and from there on all are.
  const isBad = (id: number) => id % 20 === 19 || id >= 2000;
  const values = Array.from({ length: 3000 }, (_, id) => isBad(id) ? good(id).subarray(0, 9) : good(id));
  await servers.produceRaw(job.topic, values.map((value) => ({ value })));
  await using program = runProgram([...job.flags, "--until-end", "--max-errors", "10%"]);
  assert.equal((await program.exit).code, 3, program.stderr.join("\n"));
  // At offset 2052 the last 1000 hold 53 new bad ones and 48 old ones, at 2051 one less: no more than 10 %.
  assert.match(program.stderr.join("\n"), /\[0\] offset 2052 .* \(101 of the last 1000 records\)/);
  assert.equal((await job.archive()).rows.length, 1900);
  assert.equal((await readArchive(job.deadLetter)).rows.length, 152);
  assert.equal((await servers.committed(job.group, job.topic)).get(0)?.offset, 2052n);
  await assertCovered(job, [await job.archive(), await readArchive(job.deadLetter)]);
});

integrationTest("tombstones: skipped, counted, and committed where nothing else comes", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await servers.produceRaw(job.topic, [{ key: "a", value: null }, { key: "b", value: null }]);
  await using program = runProgram(job.flags);
  await waitFor(async () => (await servers.committed(job.group, job.topic)).get(0)?.offset === 2n, {
    deadlineMs: 30_000,
    what: "the offsets of records without rows to be committed",
  });
  assert.deepEqual((await job.archive()).files, []);
  await job.produce(0, 5);
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0);
  await using rest = runProgram([...job.flags, "--until-end"]);
  assert.equal((await rest.exit).code, 0);
  const archive = await job.archive();
  assertIds(archive, 0, 5);
  // The first file's range begins where no file had accounted for anything yet: at the tombstones.
  await assertCovered(job);
});

integrationTest("registry: records wait while it is down, and nothing is skipped", async (servers) => {
  await using folder = await tempDir();
  await using registry = await startRegistry();
  const own = new TestServers({ brokers: servers.brokers, registry: registry.url });
  const job = await makeJob(own, folder);
  await using program = runProgram([...job.flags, "--age", "300ms"]);
  await program.waitForLine(/Joined group/);
  await registry.kill("SIGSTOP");
  await job.produce(0, 20);
  await program.waitForLine(/registry/i, { deadlineMs: 60_000 });
  assert.deepEqual((await job.archive()).files, []);
  await registry.kill("SIGCONT");
  await waitFor(async () => (await job.archive()).rows.length === 20, {
    deadlineMs: 60_000,
    what: "20 rows",
  });
  assert.deepEqual((await readArchive(job.deadLetter)).files, []);
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0);
});

integrationTest(
  "registry: SIGTERM while records wait for it saves what is before them, exit 0",
  async (servers) => {
    await using folder = await tempDir();
    await using registry = await startRegistry();
    const own = new TestServers({ brokers: servers.brokers, registry: registry.url });
    const job = await makeJob(own, folder);
    const schema: avsc.Schema = { type: "record", name: "Other", fields: [{ name: "id", type: "long" }] };
    const schemaId = await own.registerSchema(`${job.topic}-other`, schema);
    await job.produce(0, 20);
    await using program = runProgram([...job.flags, "--rows", "20"]);
    await waitFor(async () => (await job.archive()).rows.length === 20, { what: "20 rows" });
    await job.produce(20, 30);
    await registry.kill("SIGSTOP");
    await own.produceAvro(job.topic, [{ id: 30 }], { schemaId, type: avsc.Type.forSchema(schema) });
    await program.waitForLine(/Waiting for the schema registry/, { deadlineMs: 60_000 });
    program.signal("SIGTERM");
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    assertIds(await job.archive(), 0, 30);
    await assertCovered(job);
    await registry.kill("SIGCONT");
    await using rest = runProgram([...job.flags, "--until-end"]);
    assert.equal((await rest.exit).code, 0, rest.stderr.join("\n"));
    assertIds(await job.archive(), 0, 31);
  },
);
