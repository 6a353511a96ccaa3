/**
 * The program dies, stands still, or meets a broken disk at every arrow of the checkpoint protocol; at the end every
 * record is in exactly one visible file.
 */
import assert from "node:assert/strict";
import { FAULT_POINTS, type FaultPoint, PREPARE_POINTS, PUBLISH_POINTS } from "../../src/fault.ts";
import { assertIds, type Job, preparedFolders } from "../integration/events.ts";
import { integrationTest } from "../support/integration.ts";
import { waitFor } from "../support/mod.ts";
import {
  assertExact,
  assertNothingEarly,
  commitInPart,
  playAll,
  run,
  runToEnd,
  runUntilKilled,
  type Scenario,
  stop,
} from "./scenario.ts";

const RECORDS = 300;
const MORE = 60;

/** All that a member gets goes into one file, and so into one checkpoint. */
const ONE_FILE = ["--rows", "1000", "--age", "1s"];

/** Points that only a judge with something to judge comes by, or a position that moves. */
const SPECIAL: readonly FaultPoint[] = [
  "before-judge-publish",
  "after-judge-publish",
  "before-judge-complete",
  "after-judge-complete",
  "before-judge-discard",
  "after-judge-discard",
  "discard-manifest-removed",
  "before-judge-quarantine",
  "after-judge-quarantine",
  "before-move-commit",
  "after-move-commit",
];
/** Points that every bounded run of a new group comes by. */
const ORDINARY = FAULT_POINTS.filter((point) => !SPECIAL.includes(point));

/** Archives the first records; as many again wait in the topic. */
async function archiveFirstHalf(job: Job): Promise<void> {
  await job.produce(0, RECORDS);
  await runToEnd(job);
  await job.produce(RECORDS, 2 * RECORDS);
}

/** What follows each death: more records, a run to the end, and all is there once. */
async function recover(job: Job): Promise<void> {
  await assertNothingEarly(job);
  await job.produce(RECORDS, RECORDS + MORE);
  await runToEnd(job);
  await assertExact(job, { to: RECORDS + MORE });
}

integrationTest("SIGKILL at every arrow of a session and its checkpoints", async (servers) => {
  await playAll(
    servers,
    ORDINARY.map((point): Scenario => ({
      name: point,
      async play(job) {
        await job.produce(0, RECORDS);
        await runUntilKilled(job, point, { flags: ["--until-end"] });
        await recover(job);
      },
    })),
  );
});

integrationTest("SIGKILL of the one who settles what another has left", async (servers) => {
  const after = (death: FaultPoint, point: FaultPoint): Scenario => ({
    name: `${death}, then ${point}`,
    async play(job) {
      await job.produce(0, RECORDS);
      await runUntilKilled(job, death);
      await runUntilKilled(job, point, { flags: ["--until-end"] });
      await recover(job);
    },
  });
  await playAll(servers, [
    after("after-commit", "before-judge-publish"),
    after("after-commit", "file-linked"),
    after("file-unlinked", "manifest-removed"),
    after("before-publish", "after-judge-publish"),
    after("file-written", "before-judge-discard"),
    after("home-synced", "discard-manifest-removed"),
    after("before-commit", "after-judge-discard"),
    ...(["before-judge-complete", "after-judge-complete"] as const).map((point): Scenario => ({
      name: point,
      async play(job) {
        await archiveFirstHalf(job);
        await runUntilKilled(job, "before-commit", { flags: ONE_FILE });
        await commitInPart(job);
        await runUntilKilled(job, point);
        await assertNothingEarly(job);
        await runToEnd(job);
        await assertExact(job, { to: 2 * RECORDS });
      },
    })),
    ...(["before-judge-quarantine", "after-judge-quarantine"] as const).map((point): Scenario => ({
      name: point,
      topic: { partitions: 1 },
      async play(job) {
        await archiveFirstHalf(job);
        await runUntilKilled(job, "before-commit", { flags: ONE_FILE });
        await untilEmpty(job);
        // Another program's commit: nothing tells any more whether the prepared checkpoint was committed.
        const partitions = [{ partition: 0, offset: String(RECORDS) }];
        await job.servers.admin((admin) =>
          admin.setOffsets({ groupId: job.group, topic: job.topic, partitions })
        );
        await runUntilKilled(job, point);
        await assertNothingEarly(job);
        await runToEnd(job);
        assertIds(await job.archive(), 0, 2 * RECORDS);
        // What is in quarantine goes when a session finds all of it in visible files.
        await using program = run(job);
        await program.waitForLine(/Dropped checkpoint .* from quarantine/);
        await stop(program);
        await assertExact(job, { to: 2 * RECORDS });
      },
    })),
    ...(["before-move-commit", "after-move-commit"] as const).map((point): Scenario => ({
      name: point,
      topic: { partitions: 1 },
      async play(job) {
        await archiveFirstHalf(job);
        await job.servers.admin(async (admin) => {
          // Its leader is only known to the client once the topic was asked for.
          await admin.fetchTopicOffsets(job.topic);
          const partitions = [{ partition: 0, offset: String(RECORDS + MORE) }];
          await admin.deleteTopicRecords({ topic: job.topic, partitions });
        });
        const flags = ["--on-out-of-range", "earliest"];
        await runUntilKilled(job, point, { flags });
        await assertNothingEarly(job);
        await runToEnd(job, { flags });
        const deleted = Array.from({ length: MORE }, (_, i) => RECORDS + i);
        const archive = await job.archive();
        assert.equal(archive.rows.length, 2 * RECORDS - deleted.length);
        assert.deepEqual(await preparedFolders(job), []);
      },
    })),
  ]);
});

integrationTest(
  "SIGSTOP past the session timeout, another member takes over, then SIGCONT",
  async (servers) => {
    const points: readonly FaultPoint[] = [
      "joined",
      "offsets-read",
      "before-initial-commit",
      "file-synced",
      "home-synced",
      "before-commit",
      "after-commit",
      "file-linked",
      "final-synced",
      "manifest-removed",
      "before-revoke-flush",
      "after-revoke-flush",
    ];
    await playAll(
      servers,
      points.map((point): Scenario => ({
        name: point,
        async play(job) {
          await job.produce(0, RECORDS);
          await using frozen = run(job, { fault: `${point}:SIGSTOP` });
          // The end of a session comes when the second member joins.
          await frozen.waitForLine(point.includes("revoke") ? /Joined group .*\[0-1\]/ : /^fault: /);
          await using other = run(job);
          await frozen.waitForLine(/^fault: /);
          await other.waitForLine(/Joined group .*\[0-1\]/);
          await waitFor(async () => (await job.archive()).rows.length >= RECORDS, { what: "all rows" });
          await assertNothingEarly(job);
          frozen.signal("SIGCONT");
          await frozen.waitForLine(/Joined group .*\[\d\]$/);
          await job.produce(RECORDS, RECORDS + MORE);
          await waitFor(async () => (await job.archive()).rows.length >= RECORDS + MORE, {
            what: "the rest",
          });
          await stop(frozen);
          await stop(other);
          await assertExact(job, { to: RECORDS + MORE });
        },
      })),
    );
  },
);

integrationTest("a disk that fails at every arrow of the sink: it goes on by itself", async (servers) => {
  await playAll(
    servers,
    [...PREPARE_POINTS, ...PUBLISH_POINTS].map((point): Scenario => ({
      name: point,
      async play(job) {
        await job.produce(0, RECORDS);
        const faults = ["ENOSPC@1", "EIO@2", "EXDEV@4", "EROFS@5"].map((what) => `${point}:${what}`);
        const program = await runToEnd(job, { fault: faults.join(",") });
        assert.match(program.stderr.join("\n"), new RegExp(`^fault: ${point} EIO$`, "m"));
        assertIds(await job.archive(), 0, RECORDS);
        // A folder whose manifest is gone already looks like one that somebody begins to prepare: the next session's
        // judge takes it away.
        await runToEnd(job);
        await assertExact(job, { to: RECORDS });
      },
    })),
  );
});

/** Waits until the group has no members: until then only those may commit. */
async function untilEmpty({ servers, group }: Job): Promise<void> {
  await waitFor(
    () => servers.admin(async (admin) => (await admin.describeGroups([group])).groups[0]?.state === "Empty"),
    { what: "an empty group" },
  );
}
