/** A disk that is full, read-only, closed to the program, taken away, or failing. */
import assert from "node:assert/strict";
import { type TestDisk, testDisk, withoutDisks } from "../support/disk.ts";
import { integrationTest } from "../support/integration.ts";
import { type Program, readArchive, runProgram, tempDir, type TestServers, waitFor } from "../support/mod.ts";
import { assertCovered, assertIds, type Job, makeJob, preparedFolders } from "./events.ts";

const QUICK = { env: { KAFKA2PARQUET_SESSION_TIMEOUT: "6s" } };
const SHORT_END = { env: { ...QUICK.env, KAFKA2PARQUET_SHUTDOWN_TIMEOUT: "3s" } };
const STOPPING = { env: { ...QUICK.env, KAFKA2PARQUET_ON_SINK_ERROR: "stop" } };

const ignore = withoutDisks();

/** A job whose files are on a disk that the test has in its hands. */
interface DiskJob extends Job {
  readonly disk: TestDisk;
  /** The job as it is seen from outside of the disk's namespace. */
  readonly seen: Job;
}

function diskTest(name: string, test: (job: DiskJob) => Promise<void>): void {
  if (ignore) return;
  integrationTest(name, async (servers: TestServers) => {
    await using disk = await testDisk({ sizeMiB: 8 });
    const job = await makeJob(servers, { ...disk, path: disk.path });
    const output = disk.outside(job.output);
    await test({ ...job, disk, seen: { ...job, output, archive: () => readArchive(output) } });
  });
}

/** So many rows are visible. */
async function waitForRows(job: DiskJob, rows: number): Promise<void> {
  await waitFor(async () => (await job.seen.archive()).rows.length >= rows, {
    what: `${rows} rows`,
    deadlineMs: 60_000,
  });
}

async function assertExactlyOnce(job: DiskJob, to: number): Promise<void> {
  assertIds(await job.seen.archive(), 0, to);
  await assertCovered(job.seen);
  assert.deepEqual(await preparedFolders(job.seen), []);
}

async function assertExit(program: Program, code: number): Promise<void> {
  assert.equal((await program.exit).code, code, program.stderr.join("\n"));
}

/** What was left unsaved comes in another run. */
async function archiveTheRest(job: DiskJob, to: number): Promise<void> {
  await using rest = job.disk.runProgram([...job.flags, "--until-end"], QUICK);
  await assertExit(rest, 0);
  await assertExactlyOnce(job, to);
}

diskTest("a folder that may not be written at start: exit 78, said with what to do", async (job) => {
  const { disk } = job;
  for (
    const [script, reason] of [
      [`mkdir -p ${job.output} && chmod a-w ${job.output}`, "permission denied"],
      [`chmod a-rwx ${job.output}`, "permission denied"],
      [`chmod u+rwx ${job.output} && mount -o remount,ro ${disk.path}`, "the file system is read-only"],
    ] as const
  ) {
    await disk.sh(script);
    await using program = disk.runProgram(job.flags, QUICK);
    await assertExit(program, 78);
    const [error, hint] = program.stderr.slice(-2);
    assert.equal(error, `error: Cannot write to ${job.output}: ${reason}`);
    assert.equal(hint, "hint: Give --output a folder on a local disk that this user may write to.");
  }
});

diskTest(
  "a disk that is full, read-only, closed to the program: said with what to do, and it goes on by itself",
  async (job) => {
    const { disk } = job;
    await using program = disk.runProgram([...job.flags, "--rows", "20", "--age", "300ms"], QUICK);
    await job.produce(0, 100);
    await waitForRows(job, 100);

    await disk.fill();
    await job.produce(100, 500);
    await program.waitForLine(/Cannot write files of .*: the disk is full\. Free some space/);
    await disk.free();
    await waitForRows(job, 500);

    await disk.sh(`mount -o remount,ro ${disk.path}`);
    await job.produce(500, 700);
    await program.waitForLine(/Cannot write files of .*: the file system is read-only\. Make it writable/);
    await disk.sh(`mount -o remount,rw ${disk.path}`);
    await waitForRows(job, 700);

    const home = `$(find ${job.output}/.kafka2parquet -mindepth 2 -maxdepth 2 -type d)`;
    await disk.sh(`chmod a-w ${home}`);
    await job.produce(700, 900);
    await program.waitForLine(/Cannot write files of .*: permission denied\. Let the user/);
    await disk.sh(`chmod u+w ${home}`);
    await waitForRows(job, 900);
    await program.waitForLine(/Files of .* are written again/);

    program.signal("SIGTERM");
    await assertExit(program, 0);
    // All of it in one membership: heartbeats went on.
    assert.equal(program.stderr.filter((line) => /Joined group/.test(line)).length, 1);
    await assertExactlyOnce(job, 900);
  },
);

diskTest(
  "SIGTERM while the disk is full: exit 1 in time, says what is unsaved, and loses nothing",
  async (job) => {
    const { disk } = job;
    {
      await using program = disk.runProgram(
        [...job.flags, "--age", "300ms"],
        SHORT_END,
      );
      await job.produce(0, 10);
      await waitForRows(job, 10);
      await disk.fill();
      await job.produce(10, 300);
      await program.waitForLine(/the disk is full/);
      program.signal("SIGTERM");
      await assertExit(program, 1);
      assert.match(program.stderr.join("\n"), /Saving did not end within 3 s\. .* may not be committed/);
      assert.match(program.stderr.join("\n"), new RegExp(`Not saved: ${job.topic}\\[0\\] 10 to 299`));
    }
    await disk.free();
    await archiveTheRest(job, 300);
  },
);

diskTest("an error that ends the program does so in time, though the disk is full", async (job) => {
  const { disk } = job;
  {
    const flags = [...job.flags, "--on-error", "stop", "--age", "300ms"];
    await using program = disk.runProgram(flags, SHORT_END);
    await job.produce(0, 10);
    await waitForRows(job, 10);
    await disk.fill();
    await job.produce(10, 20);
    await job.servers.produceRaw(job.topic, [{ value: "garbage" }]);
    await assertExit(program, 1);
    assert.match(program.stderr.join("\n"), /offset 20 cannot be decoded/);
    assert.match(program.stderr.join("\n"), /Not saved: .*\[0\] 10 to 19/);
  }
  await disk.free();
  await using rest = disk.runProgram([...job.flags, "--until-end"], QUICK);
  await assertExit(rest, 3);
  assertIds(await job.seen.archive(), 0, 20);
});

diskTest(
  "on-sink-error stop: ends with exit 1, says why and what is unsaved, and loses nothing",
  async (job) => {
    const { disk } = job;
    {
      await using program = disk.runProgram([...job.flags, "--rows", "100"], STOPPING);
      await job.produce(0, 100);
      await waitForRows(job, 100);
      await disk.fill();
      await job.produce(100, 300);
      await assertExit(program, 1);
      assert.match(program.stderr.join("\n"), /Cannot write files of .*: the disk is full/);
      assert.match(program.stderr.join("\n"), /Free some space/);
      assert.match(program.stderr.join("\n"), /Not saved: .*\[0\] 100 to 299/);
    }
    await disk.free();
    await archiveTheRest(job, 300);
  },
);

diskTest(
  "a disk that is taken away while it runs: nothing is written in its place, and it goes on when it is back",
  async (job) => {
    const { disk } = job;
    const real = `${disk.path}/real`;
    const place = `${disk.path}/parquet_data`;
    const mount = `mount --bind ${real} ${place}`;
    await disk.sh(`mkdir -p ${real} ${place} && ${mount}`);
    // The second checkpoint is committed, and then the disk is gone before it is published.
    const env = { ...QUICK.env, K2P_FAULT: "after-commit:delay=3s@2" };
    await using program = disk.runProgram([...job.flags, "--rows", "100", "--age", "300ms"], { env });
    await job.produce(0, 100);
    await waitForRows(job, 100);
    await job.produce(100, 200);
    await program.waitForLine(/fault: after-commit/);
    await disk.sh(`umount ${place}`);
    await job.produce(200, 400);
    await program.waitForLine(/are committed but cannot be moved .* is gone, or another folder than before/);
    assert.deepEqual([...Deno.readDirSync(disk.outside(place))], []);
    const at = (await job.servers.committed(job.group, job.topic)).get(0);
    assert.equal(at?.offset, 200n, "nothing is committed over what is not published");
    await disk.sh(mount);
    await waitForRows(job, 400);
    program.signal("SIGTERM");
    await assertExit(program, 0);
    await assertExactlyOnce(job, 400);
  },
);

diskTest(
  "a program that is told to stop while its folder is away from the start ends at once, and not as if all were well",
  async (job) => {
    const { disk } = job;
    const env = { ...QUICK.env, K2P_FAULT: "joined:delay=2s" };
    await using program = disk.runProgram(job.flags, { env });
    await program.waitForLine(/fault: joined/);
    await disk.sh(`mv ${job.output} ${job.output}.away`);
    await program.waitForLine(/Cannot list what is prepared, trying again: .* is gone/);
    program.signal("SIGTERM");
    await assertExit(program, 1);
    assert.match(program.stderr.join("\n"), /error: Could not list what is prepared: .* is gone/);
    assert.throws(() => Deno.statSync(disk.outside(job.output)), Deno.errors.NotFound);
  },
);

diskTest("a member whose folder is away does not hold up the others", async (job) => {
  const { disk } = job;
  const env = { ...QUICK.env, K2P_FAULT: "joined:delay=2s" };
  await using waiting = disk.runProgram([...job.flags, "--age", "300ms"], { env });
  await waiting.waitForLine(/fault: joined/);
  await disk.sh(`mv ${job.output} ${job.output}.away`);
  await waiting.waitForLine(/Cannot list what is prepared, trying again: .* is gone/);
  await using folder = await tempDir();
  const output = `${folder.path}/data`;
  const flags = job.flags.with(job.flags.indexOf("--output") + 1, output);
  await using other = runProgram([...flags, "--age", "300ms"], QUICK);
  // Kafka would wait a minute for a member that does not come to the rebalance.
  await other.waitForLine(/Joined group .* generation 2/, { deadlineMs: 40_000 });
  await disk.sh(`mv ${job.output}.away ${job.output}`);
  await job.produce(0, 40);
  await waitFor(
    async () => (await readArchive(output)).rows.length + (await job.seen.archive()).rows.length === 40,
    { what: "all rows", deadlineMs: 60_000 },
  );
  for (const program of [waiting, other]) program.signal("SIGTERM");
  for (const program of [waiting, other]) await assertExit(program, 0);
});
