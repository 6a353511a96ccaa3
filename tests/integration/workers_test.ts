import assert from "node:assert/strict";
import { integrationTest } from "../support/integration.ts";
import { exists, ROOT, runCommand, runProgram, tempDir, waitFor } from "../support/mod.ts";
import type { SupervisedOptions } from "../archiver/workers/supervise.ts";
import { assertCovered, assertIds, makeJob, preparedFolders } from "./events.ts";
import { deathMark, DEATHS } from "./faulty_worker.ts";

integrationTest(
  "two workers share four partitions: both work, every record exactly once",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder, { partitions: 4 });
    await using program = runProgram([...job.flags, "--workers", "2", "--rows", "100", "--age", "500ms"]);
    for (const worker of [1, 2]) {
      await program.waitForLine(new RegExp(`worker ${worker}: Joined group .*\\[(\\d-\\d|\\d,\\d)\\]$`));
    }
    for (let id = 0; id < 6_000; id += 500) await job.produce(id, id + 500);
    await waitFor(async () => (await job.archive()).rows.length === 6_000, { what: "all rows" });
    program.signal("SIGTERM");
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    const log = program.stderr.join("\n");
    for (const worker of [1, 2]) assert.match(log, new RegExp(`worker ${worker}: Wrote .*\\.parquet`));
    assert.equal(log.match(/Archiving /g)?.length, 1, log);
    assert.match(log, /Done: 6000 rows in /);
    assertIds(await job.archive(), 0, 6_000);
    await assertCovered(job);
    assert.deepEqual(await preparedFolders(job), []);
  },
);

integrationTest("a bounded run with more workers than partitions comes to its end", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder, { partitions: 2 });
  await job.produce(0, 5_000);
  await using program = runProgram([...job.flags, "--workers", "3", "--until-end"]);
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  assertIds(await job.archive(), 0, 5_000);
  await assertCovered(job);
});

integrationTest(
  "a worker that has no partition is told of, and does not disturb the others",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    await using program = runProgram([...job.flags, "--workers", "2", "--age", "300ms"], {
      env: { KAFKA2PARQUET_SESSION_TIMEOUT: "3s" },
    });
    await program.waitForLine(/1 of 2 workers has no partition/);
    await job.produce(0, 100);
    await waitFor(async () => (await job.archive()).rows.length === 100, { what: "all rows" });
    program.signal("SIGTERM");
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    assertIds(await job.archive(), 0, 100);
    await assertCovered(job);
  },
);

integrationTest(
  "workers that throw, exit and hang are replaced, every record exactly once",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder, { partitions: 4 });
    const options: SupervisedOptions = {
      // The stand-in's scenario is the name of its group; here the archiver is the real one.
      scenario: job.group,
      worker: "../../integration/faulty_worker.ts",
      flags: {
        brokers: servers.brokers,
        registry: servers.registry,
        topic: job.topic,
        output: job.output,
        workers: "2",
        rows: "100",
        age: "500ms",
        "session-timeout": "3s",
      },
      // A thread that only loads its modules on a busy machine must not be taken for one that hangs.
      pingEveryMs: 400,
      rebuildPauseMs: 100,
    };
    const supervise = `${ROOT}/tests/archiver/workers/supervise.ts`;
    await using program = runCommand([Deno.execPath(), "run", "-A", supervise, JSON.stringify(options)]);
    await program.waitForLine(/worker 2: Joined group/);
    let produced = 0;
    await waitFor(async () => {
      await job.produce(produced, produced += 200);
      return DEATHS.every((death) => exists(deathMark(job.output, death)));
    }, { what: "all deaths", deadlineMs: 90_000, everyMs: 200 });
    // A thread that hangs is noticed only after all its pings; told to stop before that, it would be one that failed.
    await program.waitForLine(/number 3 of at most 3/);
    await job.produce(produced, produced += 1_000);
    await waitFor(async () => (await job.archive()).rows.length >= produced, {
      what: "all rows",
      deadlineMs: 60_000,
    });
    program.signal("SIGTERM");
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    const log = program.stderr.join("\n");
    assert.match(log, /a fault of the test/);
    assert.match(log, /it ended without saying why/);
    assert.match(log, /it has not answered 12 pings in a row/);
    assert.match(log, /3 workers died and were replaced/);
    assertIds(await job.archive(), 0, produced);
    await assertCovered(job);
    assert.deepEqual(await preparedFolders(job), []);
  },
);
