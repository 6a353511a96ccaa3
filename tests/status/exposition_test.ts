import assert from "node:assert/strict";

import { DURATION_BOUNDS, NO_DURATIONS, sumOfDurations, withDuration } from "../../src/durations.ts";
import { exposition } from "../../src/status/exposition.ts";
import { METRICS } from "../../src/status/metrics.ts";
import { someFacts } from "./some_facts.ts";

const linesOf = (facts = someFacts()) => exposition(METRICS, facts).split("\n");

Deno.test("metrics have names, units and values as documented", () => {
  const lines = linesOf();
  for (
    const line of [
      'kafka2parquet_build_info{version="1.2.3"} 1',
      "kafka2parquet_archived_rows_total 2400",
      "kafka2parquet_archived_files_total 2",
      "kafka2parquet_archived_bytes_total 2048",
      'kafka2parquet_dead_letter_records_total{reason="no-header"} 2',
      'kafka2parquet_skipped_records_total{reason="tombstone"} 1',
      'kafka2parquet_errors_total{stage="registry"} 2',
      'kafka2parquet_errors_total{stage="publish"} 0',
      'kafka2parquet_lag_records{topic="orders",partition="2"} 12',
      'kafka2parquet_data_loss_seconds{topic="orders",partition="2"} 600',
      "kafka2parquet_buffered_rows 17",
      "kafka2parquet_buffered_bytes 99",
      "kafka2parquet_rebalances_total 1",
      "kafka2parquet_worker_restarts_total 0",
      "kafka2parquet_workers 1",
      "kafka2parquet_ready 1",
      "process_cpu_seconds_total 1.5",
    ]
  ) assert.ok(lines.includes(line), `${line} is missing`);
  // Of a partition whose end nobody has told there is no lag, not even none.
  assert.ok(!lines.some((line) => line.includes('partition="10"')));
});

Deno.test("every metric says what it is, once, and every counter of ours ends in _total", () => {
  for (const { name, kind } of METRICS) {
    assert.match(name, /^(kafka2parquet|process)_[a-z_]+$/);
    assert.equal(kind === "counter", name.endsWith("_total"), name);
    const lines = linesOf();
    assert.equal(lines.filter((line) => line.startsWith(`# HELP ${name} `)).length, 1);
    assert.deepEqual(lines.filter((line) => line.startsWith(`# TYPE ${name} `)), [`# TYPE ${name} ${kind}`]);
  }
});

Deno.test("durations are a histogram whose classes hold those below them", () => {
  const [first, second] = DURATION_BOUNDS;
  const some = [first, second, 1_000].reduce<typeof NO_DURATIONS>(withDuration, NO_DURATIONS);
  const commit = sumOfDurations(some, withDuration(NO_DURATIONS, 0));
  const facts = someFacts();
  const sums = { ...facts.sums, checkpoints: { ...facts.sums.checkpoints, commit } };
  const lines = linesOf({ ...facts, sums }).filter((line) => line.includes('{stage="commit"'));
  const name = "kafka2parquet_checkpoint_duration_seconds";
  assert.equal(lines[0], `${name}_bucket{stage="commit",le="${first}"} 2`);
  assert.equal(lines[1], `${name}_bucket{stage="commit",le="${second}"} 3`);
  assert.deepEqual(lines.slice(-3), [
    `${name}_bucket{stage="commit",le="+Inf"} 4`,
    `${name}_sum{stage="commit"} ${first + second + 1_000}`,
    `${name}_count{stage="commit"} 4`,
  ]);
  assert.equal(lines.length, DURATION_BOUNDS.length + 3);
});

Deno.test("whatever a label holds stays within its quotes", () => {
  const text = exposition(METRICS, someFacts({ version: 'a"b\\c\nd' }));
  assert.match(text, /^kafka2parquet_build_info\{version="a\\"b\\\\c\\nd"\} 1$/m);
});
