import assert from "node:assert/strict";
import avsc from "avsc";
import { onTheWire } from "../../dev/wire.ts";
import { integrationTest } from "../support/integration.ts";
import { duck, readArchive, runProgram, tempDir, waitFor } from "../support/mod.ts";
import { assertCovered, assertIds, event, makeJob, preparedFolders, rangesOf, SCHEMA } from "./events.ts";

/** So that a killed member's partitions are free again soon. */
const QUICK = { env: { KAFKA2PARQUET_SESSION_TIMEOUT: "3s" } };

integrationTest(
  "main job: every record in files of 1200 rows with flat typed columns, and exit 0",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder, { partitions: 4 });
    await job.produce(0, 5000);
    await using program = runProgram([...job.flags, "--until-end"]);
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    const archive = await job.archive();
    assertIds(archive, 0, 5000);
    assert.deepEqual(archive.files.map(({ rows }) => rows.length).sort((a, b) => a - b), [
      200,
      1200,
      1200,
      1200,
      1200,
    ]);
    assert(archive.files.every(({ path }) => /data\/[0-9a-f-]{36}\.parquet$/.test(path)));
    const row = archive.rows.find(({ id }) => id === 7n);
    assert.deepEqual(row, {
      id: 7n,
      kind: "CHANGED",
      note: "note 7",
      "customer.name": "Zoë 7",
      "customer.address.city": "city 7",
    });
    assert.equal(archive.rows.find(({ id }) => id === 9n)?.note, null);
    await assertCovered(job, [archive]);
    assert.deepEqual(await preparedFolders(job), []);
    assert.deepEqual(program.stdout, []);
  },
);

integrationTest("main job: a second run archives only what came since", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder, { partitions: 2 });
  for (const [from, to] of [[0, 700], [700, 700], [700, 1000]] as const) {
    await job.produce(from, to);
    await using program = runProgram([...job.flags, "--until-end"]);
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  }
  const archive = await job.archive();
  assertIds(archive, 0, 1000);
  assert.equal(archive.files.length, 2);
  await assertCovered(job);
});

integrationTest("main job: an idle topic's last rows reach disk by age", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await job.produce(0, 10);
  await using program = runProgram([...job.flags, "--age", "300ms"]);
  await waitFor(async () => (await job.archive()).rows.length === 10, {
    deadlineMs: 30_000,
    what: "10 rows",
  });
  await job.produce(10, 15);
  await waitFor(async () => (await job.archive()).rows.length === 15, {
    deadlineMs: 30_000,
    what: "15 rows",
  });
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0);
  await assertCovered(job);
});

integrationTest("main job: a file is closed by bytes", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await job.produce(0, 3000);
  await using program = runProgram([...job.flags, "--until-end", "--rows", "1000000", "--bytes", "16KiB"]);
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  const archive = await job.archive();
  assertIds(archive, 0, 3000);
  // The size is looked at every thousand rows or so, each of about 60 bytes.
  assert.equal(archive.files.length, 3);
  await assertCovered(job);
});

integrationTest("main job: an empty topic is no error", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder, { partitions: 3 });
  await using program = runProgram([...job.flags, "--until-end"]);
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  assert.deepEqual((await job.archive()).files, []);
});

integrationTest(
  "main job: a topic that does not exist is a clear error with the nearest name",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    const wrong = job.topic.replace("events", "event");
    await using program = runProgram([...job.flags, "--topic", wrong]);
    assert.equal((await program.exit).code, 78);
    const text = program.stderr.join("\n");
    assert.match(text, new RegExp(wrong));
    assert.match(text, new RegExp(job.topic), "the nearest name");
    const topics = await servers.admin((admin) => admin.listTopics());
    assert(!topics.includes(wrong), "the topic was created by looking for it");
  },
);

integrationTest("main job: several topics have a folder each", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  const other = await makeJob(servers, folder);
  await job.produce(0, 30);
  await other.produce(100, 150);
  await using program = runProgram([...job.flags, "--topic", other.topic, "--until-end"]);
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  assertIds(await readArchive(`${job.output}/${job.topic}`), 0, 30);
  assertIds(await readArchive(`${job.output}/${other.topic}`), 100, 150);
});

integrationTest(
  "main job: --from latest starts at the end, and the start survives a kill",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    await job.produce(0, 50);
    {
      await using program = runProgram([...job.flags, "--from", "latest"], QUICK);
      await waitFor(async () => (await servers.committed(job.group, job.topic)).get(0)?.offset === 50n, {
        deadlineMs: 30_000,
        what: "the start to be committed",
      });
      await program.kill();
    }
    // Nobody is a member now: without the committed start these would be lost.
    await job.produce(50, 80);
    await using program = runProgram([...job.flags, "--from", "latest", "--until-end"], QUICK);
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    assertIds(await job.archive(), 50, 80);
  },
);

integrationTest("main job: aborted transactions are not archived, committed ones are", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder, { partitions: 2 });
  await job.produce(0, 100, { transaction: "commit" });
  await job.produce(1000, 1100, { transaction: "abort" });
  await job.produce(100, 150);
  await job.produce(150, 200, { transaction: "commit" });
  await job.produce(2000, 2010, { transaction: "abort" });
  await using program = runProgram([...job.flags, "--until-end"]);
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  assertIds(await job.archive(), 0, 200);
  await assertCovered(job);
});

integrationTest("main job: while it runs, what a reader sees is committed", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder, { partitions: 2 });
  await using program = runProgram([...job.flags, "--rows", "100"]);
  await program.waitForLine(/Joined group/);
  let looks = 0;
  let produced = 0;
  await waitFor(async () => {
    if (produced < 6000) await job.produce(produced, produced += 1000);
    // Files first, offsets after: what is visible now must be committed by then.
    const archive = await job.archive();
    const committed = await servers.committed(job.group, job.topic);
    for (const [partition, ranges] of rangesOf([archive])) {
      looks++;
      const { next } = ranges.at(-1)!;
      const offset = committed.get(partition)!.offset;
      assert(next <= offset, `partition ${partition}: visible up to ${next}, committed up to ${offset}`);
    }
    return archive.rows.length === 6000;
  }, { deadlineMs: 60_000, what: "all rows", everyMs: 1 });
  assert(looks > 0, "nothing was seen while it ran");
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0);
  assertIds(await job.archive(), 0, 6000);
  await assertCovered(job);
});

integrationTest("main job: DuckDB reads an archive with a plain glob", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder, { partitions: 2 });
  await job.produce(0, 2500);
  await using program = runProgram([...job.flags, "--until-end", "--compression", "zstd"]);
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  const rows = await duck(
    `select count(*)::int as n, count(distinct id)::int as ids, max("customer.address.city") as city from '${job.output}/**/*.parquet'`,
  );
  assert.deepEqual(rows, [{ n: 2500, ids: 2500, city: "city 9" }]);
});

integrationTest(
  "main job: two schemas that go together in no file, record by record, a file each, and the rest of the program goes on",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    const fields = SCHEMA.fields.map((field) =>
      field.name === "note" ? { name: "note", type: "int" } : field
    );
    const changed = { ...SCHEMA, fields };
    const types = [avsc.Type.forSchema(SCHEMA as avsc.Schema), avsc.Type.forSchema(changed as avsc.Schema)];
    const ids = [job.schemaId, await servers.registerSchema(`${job.topic}-value`, changed)];
    const values = Array.from({ length: 1500 }, (_, id) => {
      const value = id % 2 === 0 ? event(id) : { ...event(id), note: id };
      return { value: onTheWire(ids[id % 2]!, types[id % 2]!.toBuffer(value)) };
    });
    await servers.produceRaw(job.topic, values);
    // The session timeout is short: whoever blocks the thread for long loses the session, and all that is held.
    await using program = runProgram([...job.flags, "--until-end"], QUICK);
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    assertIds(await job.archive(), 0, 1500);
    await assertCovered(job);
    assert(!program.stderr.some((line) => /Lost/.test(line)), program.stderr.join("\n"));
  },
);

integrationTest(
  "main job: a bounded run with more members than partitions waits for those who have some",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    await using busy = runProgram([...job.flags, "--rows", "100000", "--age", "3s"], QUICK);
    await busy.waitForLine(/Joined group .*\[0\]/);
    await job.produce(0, 100);
    await using idle = runProgram([...job.flags, "--until-end"], QUICK);
    assert.equal((await idle.exit).code, 0, idle.stderr.join("\n"));
    // Whoever of the two had the partition: when the bounded run ends, all is committed.
    assertIds(await job.archive(), 0, 100);
    busy.signal("SIGTERM");
    assert.equal((await busy.exit).code, 0, busy.stderr.join("\n"));
    await assertCovered(job);
  },
);
