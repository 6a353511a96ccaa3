/** Several folders, groups and clusters, and offsets that others have changed. */
import assert from "node:assert/strict";
import { startKafka } from "../../dev/mod.ts";
import { integrationTest } from "../support/integration.ts";
import {
  type Archive,
  readArchive,
  runProgram,
  tempDir,
  TestServers,
  uniqueName,
  waitFor,
} from "../support/mod.ts";
import {
  assertCovered,
  assertIds,
  event,
  type Job,
  makeJob,
  preparedFolders,
  rangesOf,
  SCHEMA,
  TYPE,
} from "./events.ts";

/** So that a killed member's partitions are free again soon. */
const QUICK = { KAFKA2PARQUET_SESSION_TIMEOUT: "3s" };
const KILLED = 137;

/** Runs to the end of the topic. */
async function archive(
  job: Job,
  options: { flags?: readonly string[]; fault?: string; exitCode?: number } = {},
): Promise<string> {
  const { flags = [], fault, exitCode = fault === undefined ? 0 : KILLED } = options;
  const env = { ...QUICK, ...(fault !== undefined && { K2P_FAULT: fault }) };
  await using program = runProgram([...job.flags, "--until-end", ...flags], { env });
  const { code } = await program.exit;
  assert.equal(code, exitCode, program.stderr.join("\n"));
  return program.stderr.join("\n");
}

/** The same job with an output folder of its own, as on another host. */
function onHost(job: Job, folder: string): Job {
  const output = `${folder}/data`;
  const flags = job.flags.with(job.flags.indexOf("--output") + 1, output);
  return { ...job, output, deadLetter: `${folder}/dead_letter`, flags, archive: () => readArchive(output) };
}

/** Deletes the group, as soon as Kafka has noticed that nobody is in it. */
async function deleteGroup(job: Job): Promise<void> {
  await waitFor(
    () => job.servers.admin((admin) => admin.deleteGroups([job.group])).then(() => true, () => false),
    { what: "the group to be empty", everyMs: 200 },
  );
}

/**
 * Sets the group's offset of partition 0 as an admin's tool does, as soon as Kafka has noticed that nobody is in it.
 */
async function setOffset(job: Job, offset: number): Promise<void> {
  await waitFor(
    () =>
      job.servers.admin((admin) =>
        admin.setOffsets({
          groupId: job.group,
          topic: job.topic,
          partitions: [{ partition: 0, offset: `${offset}` }],
        })
      ).then(() => true, () => false),
    { what: "the group to be empty", everyMs: 200 },
  );
}

const idsOf = ({ rows }: Archive) => rows.map((row) => Number(row.id)).sort((a, b) => a - b);
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

integrationTest(
  "hosts with folders of their own: what one has committed and not published waits for it, whoever goes on",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder, { partitions: 2 });
    const [first, second, third] = ["a", "b", "c"].map((name) => onHost(job, `${folder.path}/${name}`));
    await job.produce(0, 100);
    await archive(first!, { fault: "after-commit:SIGKILL" });
    assert.equal((await first!.archive()).files.length, 0);
    const line = (await servers.committed(job.group, job.topic)).get(0)!.metadata;
    const [, store, checkpoint] = line.split(" ");
    // Two others go on, one after the other and each with more than one commit.
    await job.produce(100, 200);
    const newHost = await archive(second!, { flags: ["--rows", "20"] });
    assert.match(newHost, /The output folder is new, but the group has archived into another one/);
    await job.produce(200, 300);
    await archive(third!, { flags: ["--rows", "20"] });
    for (const { metadata } of (await servers.committed(job.group, job.topic)).values()) {
      assert(metadata.includes(` ${store}:${checkpoint}`), metadata);
    }
    assertIds(
      { files: [], rows: [...(await second!.archive()).rows, ...(await third!.archive()).rows] },
      100,
      300,
    );
    await job.produce(300, 320);
    const told = await archive(first!);
    assert.doesNotMatch(told, /The output folder is new/);
    assert.match(told, /Recovered checkpoint .* it was committed, and is published now/);
    const archives = await Promise.all([first!, second!, third!].map((host) => host.archive()));
    assertIds({ files: [], rows: archives.flatMap(({ rows }) => rows) }, 0, 320);
    await assertCovered(job, archives);
    for (const { metadata } of (await servers.committed(job.group, job.topic)).values()) {
      assert(!metadata.includes(`${store}:`), metadata);
    }
    for (const host of [first!, second!, third!]) assert.deepEqual(await preparedFolders(host), []);
  },
);

integrationTest(
  "one folder for two groups and two clusters: each finds its own checkpoints, and nobody touches another's",
  async (servers) => {
    await using folder = await tempDir();
    await using kafka = await startKafka();
    const job = await makeJob(servers, folder);
    const elsewhere = new TestServers({ brokers: kafka.bootstrap, registry: servers.registry });
    await elsewhere.createTopic(job.topic);
    const otherGroup = uniqueName("group");
    const jobs: Job[] = [
      job,
      { ...job, group: otherGroup, flags: job.flags.with(job.flags.indexOf("--group") + 1, otherGroup) },
      {
        ...job,
        servers: elsewhere,
        flags: job.flags.with(job.flags.indexOf("--brokers") + 1, elsewhere.brokers),
      },
    ];
    await job.produce(0, 50);
    await elsewhere.produceAvro(job.topic, numbers(0, 50).map(event), { schemaId: job.schemaId, type: TYPE });
    // Killed at once, each with a checkpoint prepared; the first and the last with a committed one.
    for (const [i, one] of jobs.entries()) {
      await archive(one, { fault: `${i === 1 ? "before" : "after"}-commit:SIGKILL` });
    }
    assert.equal((await preparedFolders(job)).length, 3);
    for (const [i, one] of jobs.entries()) {
      const told = await archive(one);
      assert.match(told, i === 1 ? /Discarding checkpoint/ : /Recovered checkpoint/);
      assert.equal((await preparedFolders(job)).length, 2 - i);
      assert.equal((await job.archive()).rows.length, 50 * (i + 1));
    }
    const { files } = await job.archive();
    for (const one of jobs) {
      const cluster = await one.servers.admin((admin) => admin.describeCluster());
      const own = files.filter(({ keyValues }) =>
        keyValues["kafka2parquet.group"] === one.group &&
        keyValues["kafka2parquet.cluster"] === cluster.clusterId
      );
      const archived = { files: own, rows: own.flatMap(({ rows }) => rows) };
      assertIds(archived, 0, 50);
      await assertCovered(one, [archived]);
    }
  },
);

integrationTest(
  "offsets that an admin has set are followed, and what comes again or is left out is told",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    await job.produce(0, 100);
    assert.doesNotMatch(await archive(job), /another program/);
    await setOffset(job, 100);
    await job.produce(100, 150);
    const same = await archive(job);
    assert.match(same, /Going on at the offsets that another program has committed .*\[0\] at 100/);
    assert.doesNotMatch(same, /warning/);
    assertIds(await job.archive(), 0, 150);
    await assertCovered(job);
    await setOffset(job, 120);
    assert.match(await archive(job), /were set back: .*\[0\] 120 to 149 are in the archive already/);
    assert.deepEqual(
      idsOf(await job.archive()),
      [...numbers(0, 150), ...numbers(120, 150)].sort((a, b) => a - b),
    );
    await job.produce(150, 200);
    await setOffset(job, 180);
    assert.match(await archive(job), /were set forward: .*\[0\] 150 to 179 are in no file, and are left out/);
    assert.deepEqual(idsOf(await job.archive()).slice(-21), [149, ...numbers(180, 200)]);
    // From then on they are ours again.
    assert.doesNotMatch(await archive(job), /another program/);
  },
);

integrationTest(
  "a checkpoint of unknown fate is kept in quarantine until its offsets have come again",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    await job.produce(0, 100);
    await archive(job, { fault: "after-commit:SIGKILL" });
    // Now nothing tells that it was committed.
    await setOffset(job, 0);
    await using program = runProgram([...job.flags, "--age", "200ms"], { env: QUICK });
    await program.waitForLine(
      /Putting checkpoint .*\[0\] 0 to 99\) into quarantine: the offset of .*\[0\] was deleted or set/,
    );
    await program.waitForLine(/1 checkpoint in quarantine, .*\[0\] 0 to 99\. It is dropped once/);
    await waitFor(async () => (await job.archive()).rows.length === 100, { what: "the rows again" });
    program.signal("SIGTERM");
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    assert.equal((await preparedFolders(job)).length, 1);
    await using next = runProgram(job.flags, { env: QUICK });
    await next.waitForLine(/Dropped checkpoint .* from quarantine: visible files hold .*\[0\] 0 to 99/);
    next.signal("SIGTERM");
    assert.equal((await next.exit).code, 0, next.stderr.join("\n"));
    assert.deepEqual(await preparedFolders(job), []);
    assertIds(await job.archive(), 0, 100);
    await assertCovered(job);
  },
);

integrationTest(
  "a group that was deleted and begins again behind a committed checkpoint never deletes it",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    await job.produce(0, 100);
    await archive(job, { fault: "after-commit:SIGKILL" });
    await deleteGroup(job);
    // Its generations are counted anew, up to the checkpoint's and beyond.
    for (let run = 0; run < 3; run++) await archive(job, { flags: ["--from", "latest"] });
    await job.produce(100, 110);
    await archive(job);
    assertIds(await job.archive(), 100, 110);
    assert.equal((await preparedFolders(job)).length, 1);
  },
);

integrationTest("what is committed and cannot be published is no clean end", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await job.produce(0, 20);
  await archive(job, { fault: "after-commit:SIGKILL" });
  const env = { ...QUICK, K2P_FAULT: "before-publish:ENOSPC@1+" };
  await using program = runProgram(job.flags, { env });
  await program.waitForLine(/Cannot publish what was committed, trying again/);
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 1, program.stderr.join("\n"));
  assert.match(program.stderr.join("\n"), /error: Could not publish what was committed: .* the disk is full/);
  await archive(job);
  assertIds(await job.archive(), 0, 20);
});

integrationTest("a topic that was deleted and made again is not taken for the old one", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await job.produce(0, 100);
  await archive(job);
  await servers.admin((admin) => admin.deleteTopics({ topics: [job.topic] }));
  await waitFor(
    () => servers.createTopic(job.topic, { config: { "retention.ms": "-1" } }).then(() => true, () => false),
    { what: "the topic to be made again", everyMs: 200 },
  );
  await job.produce(1000, 1200);
  const told = await archive(job, { exitCode: 78 });
  assert.match(told, /Kafka holds no offsets of group .* but .* holds files that the group has archived/);
  assertIds(await job.archive(), 0, 100);
});

integrationTest(
  "one topic of two is deleted while it runs: the program ends and names it, the other topic is saved",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    const other = uniqueName("other");
    await servers.createTopic(other, { config: { "retention.ms": "-1" } });
    const schemaId = await servers.registerSchema(`${other}-value`, SCHEMA);
    const both = [...job.flags, "--topic", other];
    await job.produce(0, 100);
    await servers.produceAvro(other, numbers(0, 100).map(event), { schemaId, type: TYPE });
    {
      // Both are held, neither is committed, when one of them goes.
      await using program = runProgram(both, {
        env: { ...QUICK, KAFKA2PARQUET_SHUTDOWN_TIMEOUT: "5s" },
      });
      await program.waitForLine(/Joined group/);
      await program.waitForLine(/200 held/);
      await servers.admin((admin) => admin.deleteTopics({ topics: [other] }));
      await program.waitForLine(/Saving what is held, then stopping/);
      assert.equal((await program.exit).code, 1, program.stderr.join("\n"));
      assert.match(program.stderr.join("\n"), new RegExp(`error: ${other}\\[0\\] does not exist any more`));
      assert.match(program.stderr.join("\n"), new RegExp(`Not saved: ${other}\\[0\\] 0 to 99`));
    }
    const data = `${job.output}/${job.topic}`;
    assertIds(await readArchive(data), 0, 100);
    assert.equal((await readArchive(job.output)).rows.length, 100, "nothing of the other topic is visible");
    await job.produce(100, 150);
    await archive(job, { flags: [] });
    assertIds(await readArchive(job.output), 0, 150);
  },
);

integrationTest(
  "records without rows are accounted for, though what follows them is lost",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    await job.produce(0, 50);
    await servers.produceRaw(job.topic, numbers(0, 20).map((i) => ({ key: `${i}`, value: null })));
    await archive(job, { flags: ["--rows", "50"] });
    assert.match((await servers.committed(job.group, job.topic)).get(0)!.metadata, / - 50( @0)?$/);
    await job.produce(70, 100);
    await servers.admin(async (admin) => {
      // Its leader is only known to the client once the topic was asked for.
      await admin.fetchTopicOffsets(job.topic);
      await admin.deleteTopicRecords({ topic: job.topic, partitions: [{ partition: 0, offset: "90" }] });
    });
    await archive(job, { flags: ["--on-out-of-range", "earliest"] });
    const ranges = rangesOf([await job.archive(), await readArchive(job.deadLetter)]).get(0)!;
    assert.deepEqual(
      ranges.map(({ first, next, rows }) => [first, next, rows]),
      [[0n, 50n, 50], [50n, 70n, 0], [90n, 100n, 10]],
    );
  },
);
