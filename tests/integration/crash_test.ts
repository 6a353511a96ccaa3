import assert from "node:assert/strict";
import { startKafka } from "../../dev/mod.ts";
import { integrationTest } from "../support/integration.ts";
import { parquetFiles, runProgram, tempDir, testRandom, TestServers, waitFor } from "../support/mod.ts";
import { assertCovered, assertIds, type Job, makeJob, preparedFolders } from "./events.ts";

/** So that a killed member's partitions are free again soon. */
const QUICK = { env: { KAFKA2PARQUET_SESSION_TIMEOUT: "3s" } };
const SHORT_START = { env: { KAFKA2PARQUET_STARTUP_TIMEOUT: "2s" } };

integrationTest(
  "SIGINT in the middle of writing: says what it does, saves, exits 0, and a restart goes on",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder, { partitions: 2 });
    await job.produce(0, 30_000);
    {
      await using program = runProgram([...job.flags, "--rows", "500"], QUICK);
      await waitFor(async () => (await parquetFiles(job.output)).length >= 3, {
        what: "the first files",
        everyMs: 5,
      });
      program.signal("SIGINT");
      assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
      assert.match(program.stderr.join("\n"), /Ctrl-C again to quit at once/);
    }
    await assertCovered(job);
    assert.deepEqual(await preparedFolders(job), []);
    await using rest = runProgram([...job.flags, "--until-end"], QUICK);
    assert.equal((await rest.exit).code, 0, rest.stderr.join("\n"));
    assertIds(await job.archive(), 0, 30_000);
    await assertCovered(job);
  },
);

integrationTest("SIGKILL at random moments, again and again: every record exactly once", async (servers) => {
  await using folder = await tempDir();
  const random = testRandom();
  const job = await makeJob(servers, folder, { partitions: 3 });
  let produced = 0;
  const producing = (async () => {
    while (produced < 20_000) await job.produce(produced, produced += 500);
  })();
  for (let kills = 0; kills < 6 && produced < 20_000; kills++) {
    await using program = runProgram([...job.flags, "--rows", "50", "--age", "200ms"], QUICK);
    await program.waitForLine(/Joined group/);
    const more = (await parquetFiles(job.output)).length + 1 + random.below(15);
    // Killed while it writes: the kill lands somewhere behind the last file that was seen.
    await waitFor(async () => (await parquetFiles(job.output)).length >= more, {
      what: `${more} files`,
      everyMs: 1 + random.below(20),
    });
    await program.kill();
  }
  await producing;
  await using rest = runProgram([...job.flags, "--until-end"], QUICK);
  assert.equal((await rest.exit).code, 0, rest.stderr.join("\n"));
  assertIds(await job.archive(), 0, 20_000);
  await assertCovered(job);
  assert.deepEqual(await preparedFolders(job), []);
});

integrationTest(
  "two members: both work, one leaves, one is killed, every record exactly once",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder, { partitions: 4 });
    const flags = [...job.flags, "--rows", "100", "--age", "500ms"];
    await using first = runProgram(flags, QUICK);
    await first.waitForLine(/Joined group .*\[0-3\]/);
    await job.produce(0, 4000);
    await using second = runProgram(flags, QUICK);
    await second.waitForLine(/Joined group .*events/);
    await job.produce(4000, 8000);
    first.signal("SIGTERM");
    assert.equal((await first.exit).code, 0, first.stderr.join("\n"));
    await job.produce(8000, 9000);
    await using third = runProgram(flags, QUICK);
    await third.waitForLine(/Joined group .*events/);
    await second.kill();
    await job.produce(9000, 12_000);
    await waitFor(async () => (await job.archive()).rows.length >= 12_000, {
      deadlineMs: 60_000,
      what: "all rows",
    });
    third.signal("SIGTERM");
    assert.equal((await third.exit).code, 0, third.stderr.join("\n"));
    assertIds(await job.archive(), 0, 12_000);
    await assertCovered(job);
    assert.deepEqual(await preparedFolders(job), []);
  },
);

integrationTest(
  "broker restart in the middle: waits, goes on, every record exactly once",
  async (servers) => {
    await using folder = await tempDir();
    await using kafka = await startKafka();
    const own = new TestServers({ brokers: kafka.bootstrap, registry: servers.registry });
    const job = await makeJob(own, folder, { partitions: 2 });
    await job.produce(0, 5000);
    await using program = runProgram([...job.flags, "--rows", "300", "--age", "500ms"], QUICK);
    await waitFor(async () => (await parquetFiles(job.output)).length >= 2, { what: "the first files" });
    await kafka.restart();
    await job.produce(5000, 8000);
    await waitFor(async () => (await job.archive()).rows.length >= 8000, {
      deadlineMs: 90_000,
      what: "all rows",
    });
    program.signal("SIGTERM");
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    assertIds(await job.archive(), 0, 8000);
    await assertCovered(job);
  },
);

integrationTest(
  "a broker that is gone at shutdown: exit 1 within the timeout, says what is not saved, loses nothing",
  async (servers) => {
    await using folder = await tempDir();
    await using kafka = await startKafka();
    const own = new TestServers({ brokers: kafka.bootstrap, registry: servers.registry });
    const job = await makeJob(own, folder);
    await using program = runProgram(job.flags, {
      env: { ...QUICK.env, KAFKA2PARQUET_SHUTDOWN_TIMEOUT: "2s" },
    });
    await program.waitForLine(/Joined group/);
    await job.produce(0, 100);
    await kafka.kill("SIGSTOP");
    program.signal("SIGTERM");
    assert.equal((await program.exit).code, 1, program.stderr.join("\n"));
    assert.match(program.stderr.join("\n"), /may not be committed: what is not comes again/);
    await kafka.kill("SIGCONT");
    await using rest = runProgram([...job.flags, "--until-end"], QUICK);
    assert.equal((await rest.exit).code, 0, rest.stderr.join("\n"));
    assertIds(await job.archive(), 0, 100);
    await assertCovered(job);
  },
);

integrationTest(
  "a restart after a crash says that it waits for the dead member, and for how long",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    // Longer than a join may take without a word.
    const options = { env: { KAFKA2PARQUET_SESSION_TIMEOUT: "8s" } };
    {
      await using crashing = runProgram(job.flags, options);
      await crashing.waitForLine(/Joined group/);
      await crashing.kill();
    }
    await using program = runProgram(job.flags, options);
    await program.waitForLine(/Waiting to join group .*: a member that died may hold it for up to 8 s/);
    await program.waitForLine(/Joined group/);
    program.signal("SIGTERM");
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  },
);

integrationTest("a second signal exits at once with 130, and what was held comes again", async (servers) => {
  await using folder = await tempDir();
  await using kafka = await startKafka();
  const own = new TestServers({ brokers: kafka.bootstrap, registry: servers.registry });
  const job = await makeJob(own, folder);
  await using program = runProgram(job.flags, QUICK);
  await program.waitForLine(/Joined group/);
  await job.produce(0, 10);
  await kafka.kill("SIGSTOP");
  program.signal("SIGINT");
  await program.waitForLine(/Ctrl-C again to quit at once/);
  // Signals in quick succession count as one, so it is said until it is heard.
  await waitFor(() => {
    if (!program.ended) program.signal("SIGTERM");
    return program.ended;
  }, { what: "the end", everyMs: 300 });
  assert.equal((await program.exit).code, 130);
  await kafka.kill("SIGCONT");
  await using rest = runProgram([...job.flags, "--until-end"], QUICK);
  assert.equal((await rest.exit).code, 0, rest.stderr.join("\n"));
  assertIds(await job.archive(), 0, 10);
});

/** The job's flags with another value for one that they have: a repeated flag adds to the list. */
function withFlag(job: Job, name: string, value: string): string[] {
  return job.flags.with(job.flags.indexOf(name) + 1, value);
}

integrationTest("no broker at start: waits, then exits 69 and says which", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await using program = runProgram(withFlag(job, "--brokers", "127.0.0.1:1"), SHORT_START);
  assert.equal((await program.exit).code, 69);
  assert.match(program.stderr.join("\n"), /127\.0\.0\.1:1/);
});

integrationTest("no registry at start: waits, then exits 69 and says which", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  const flags = withFlag(job, "--registry", "http://127.0.0.1:1");
  await using program = runProgram(flags, SHORT_START);
  assert.equal((await program.exit).code, 69);
  assert.match(program.stderr.join("\n"), /127\.0\.0\.1:1/);
});
