import assert from "node:assert/strict";

import { NOTHING_REPORTED, onlyCounts, sumOfReports } from "../../src/archiver/report_sums.ts";
import { Vitals } from "../../src/archiver/vitals.ts";
import { Trouble } from "../../src/trouble.ts";

const SESSION = {
  bufferedBytes: 10,
  partitions: [{ topic: "t", partition: 0, position: 3, committed: 1, logEnd: 9 }],
};

Deno.test("before anything has answered nothing is well; then all is, once the group is joined", () => {
  const vitals = new Vitals();
  assert.deepEqual(vitals.report(undefined).checks, {
    broker: "not connected yet",
    registry: "not asked yet",
    sink: null,
    group: "not joined yet",
  });
  vitals.reached("broker");
  vitals.reached("registry");
  vitals.joined();
  assert.deepEqual(vitals.report(SESSION).checks, { broker: null, registry: null, sink: null, group: null });
  assert.equal(vitals.report(undefined).checks.group, "joining again");
  vitals.joined();
  assert.equal(vitals.report(SESSION).rebalances, 1);
});

Deno.test("trouble is told until it is over, and stays counted", () => {
  const vitals = new Vitals();
  vitals.sink.publish.failed("orders", "disk full");
  vitals.sink.publish.failed("orders", "disk still full");
  assert.equal(vitals.report(SESSION).checks.sink, "disk still full");
  vitals.sink.publish.over("orders");
  assert.equal(vitals.report(SESSION).checks.sink, null);
  assert.equal(vitals.report(SESSION).failures.publish, 2);
});

Deno.test("trouble of several: the one that lasts longest is told, and all must be over", () => {
  const trouble = new Trouble();
  trouble.failed("node 1", "refused");
  trouble.failed("node 2", "timed out");
  trouble.failed("node 1", "refused again");
  assert.equal(trouble.reason, "refused again");
  trouble.over("node 1");
  assert.equal(trouble.reason, "timed out");
  trouble.allOver();
  assert.equal(trouble.reason, undefined);
  assert.equal(trouble.count, 3);
});

Deno.test("reports add up: counts by reason, durations, partitions, the latest checkpoint", () => {
  const [one, other] = [new Vitals(), new Vitals()];
  one.skipped("tombstone");
  one.deadLetters({ "no-header": 2 });
  one.stage("commit", 20, 1_000);
  other.skipped("tombstone");
  other.skipped("bad-value");
  other.deadLetters({ "no-header": 1, "bad-value": 4 });
  other.stage("commit", 40, 3_000);
  const elsewhere = { ...SESSION, partitions: [{ ...SESSION.partitions[0]!, partition: 1 }] };
  const sum = sumOfReports([one.report(SESSION), other.report(elsewhere)]);
  assert.deepEqual(sum.skipped, { tombstone: 2, "bad-value": 1 });
  assert.deepEqual(sum.deadLetters, { "no-header": 3, "bad-value": 4 });
  assert.equal(sum.checkpointAtMs, 3_000);
  assert.equal(sum.checkpoints.commit.counts.reduce((total, count) => total + count), 2);
  assert.equal(sum.checkpoints.commit.sumSeconds.toFixed(3), "0.060");
  assert.equal(sum.bufferedBytes, 20);
  assert.equal(sum.partitions.length, 2);
  const left = onlyCounts(sum);
  assert.deepEqual([left.skipped, left.bufferedBytes, left.partitions], [sum.skipped, 0, []]);
});

Deno.test("a partition that moves from one archiver to another is told once, as it is now", () => {
  const report = new Vitals().report(SESSION);
  const later = { ...report, partitions: [{ ...SESSION.partitions[0]!, committed: 2 }] };
  for (const reports of [[report, later], [later, report]]) {
    assert.deepEqual(sumOfReports(reports).partitions, later.partitions);
  }
});

Deno.test("nothing reported is nothing in every sum", () => {
  const report = new Vitals().report(SESSION);
  const { checks: _checks, ...sums } = report;
  assert.deepEqual(sumOfReports([NOTHING_REPORTED, report]), sums);
});
