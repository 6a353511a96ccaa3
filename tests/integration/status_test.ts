/** Health, metrics and `kafka2parquet status` of a real run. */
import assert from "node:assert/strict";

import { startRegistry } from "../../dev/mod.ts";
import { integrationTest } from "../support/integration.ts";
import { runProgram, tempDir, TestServers, waitFor } from "../support/mod.ts";
import { startCollector } from "../support/otlp.ts";
import { startProxy } from "../support/proxy.ts";
import { ANY_PORT, type StatusClient, statusOf } from "../support/status.ts";
import { assertIds, event, makeJob, SCHEMA, TYPE } from "./events.ts";

const QUICK = ["--rows", "100", "--age", "300ms"];

/** Waits until /metrics says all of these lines at once. */
function untilMetrics(client: StatusClient, lines: readonly string[]): Promise<string> {
  let missing: readonly string[] = lines;
  return waitFor(async () => {
    const text = (await client.ask("metrics")).text;
    missing = lines.filter((line) => !text.includes(`\n${line}\n`));
    return missing.length === 0 && text;
  }, { what: "the metrics", deadlineMs: 60_000 }).catch((error) => {
    throw new Error(`${missing.join("\n")}\nis missing in /metrics`, { cause: error });
  });
}

integrationTest("metrics move with the records, and are the sums of all workers", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder, { partitions: 4 });
  await using program = runProgram([...job.flags, ...QUICK, ...ANY_PORT, "--workers", "2"]);
  const client = await statusOf(program);
  await client.until(
    "readyz",
    200,
    /^\[\+\]broker ok\n\[\+\]registry ok\n\[\+\]sink ok\n\[\+\]group joined\n$/,
  );
  for (const worker of [1, 2]) {
    await program.waitForLine(new RegExp(`worker ${worker}: Joined group .*\\[(\\d-\\d|\\d,\\d)\\]$`));
  }
  await job.produce(0, 1_000);
  await servers.produceRaw(job.topic, [
    { value: "no Avro", partition: 0 },
    { value: null, partition: 1 },
    { value: null, partition: 2 },
  ]);
  const lags = [0, 1, 2, 3].map((partition) =>
    `kafka2parquet_lag_records{topic="${job.topic}",partition="${partition}"} 0`
  );
  const text = await untilMetrics(client, [
    "kafka2parquet_archived_rows_total 1000",
    'kafka2parquet_dead_letter_records_total{reason="no-header"} 1',
    'kafka2parquet_skipped_records_total{reason="tombstone"} 2',
    "kafka2parquet_buffered_rows 0",
    "kafka2parquet_workers 2",
    ...lags,
  ]);
  assert.match(text, /^kafka2parquet_archived_files_total [1-9]/m);
  assert.match(text, /^kafka2parquet_checkpoint_duration_seconds_count\{stage="publish"\} [1-9]/m);
  assert.match(text, /^process_cpu_seconds_total [\d.]+$/m);
  const status = await client.status();
  assert.equal(status.totals.rows, 1_000);
  assert.deepEqual(status.deadLettersByReason, { "no-header": 1 });
  assert.deepEqual(
    status.partitions.map(({ partition, committed, logEnd }) => [partition, committed, logEnd]),
    [[0, 251, 251], [1, 251, 251], [2, 251, 251], [3, 250, 250]],
  );

  await using asked = runProgram(["status", client.url, "--ready"]);
  assert.equal((await asked.exit).code, 0, asked.stderr.join("\n"));
  assert.match(asked.stdout[0]!, /^kafka2parquet \S+, running for .*: live, ready; group .*, 2 workers$/);
  assert.match(asked.stdout.join("\n"), new RegExp(`^${job.topic} +0 +251 +251 +0$`, "m"));
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
});

integrationTest("not ready while it drains, and it goes on to answer", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await job.produce(0, 10);
  // Longer than the test: the end is the test's.
  const env = { K2P_FAULT: "before-revoke-flush:delay=60s" };
  await using program = runProgram([...job.flags, ...ANY_PORT, "--age", "1h"], { env });
  const client = await statusOf(program);
  await client.until("readyz", 200, /group joined/);
  await untilMetrics(client, ["kafka2parquet_buffered_rows 10"]);
  program.signal("SIGTERM");
  await client.until("readyz", 503, /^\[\+\]group joined\n\[-\]shutdown draining$/m);
  assert.equal((await client.ask("livez")).status, 200);
  const { state, live, ready, buffered } = await client.status();
  assert.deepEqual([state, live, ready, buffered.rows], ["draining", true, false, 10]);
});

integrationTest("a registry that is away is named, until it is back", async (shared) => {
  await using folder = await tempDir();
  await using registry = await startRegistry();
  const servers = new TestServers({ brokers: shared.brokers, registry: registry.url });
  const job = await makeJob(servers, folder);
  const wider = { ...SCHEMA, fields: [...SCHEMA.fields, { name: "more", type: "int", default: 0 }] };
  const schemaId = await servers.registerSchema(`${job.topic}-value`, wider);
  await using program = runProgram([...job.flags, ...QUICK, ...ANY_PORT]);
  const client = await statusOf(program);
  await job.produce(0, 10);
  await untilMetrics(client, ["kafka2parquet_archived_rows_total 10"]);
  await registry.shutdown();
  // Nobody asks the registry for what is known, so nobody misses it yet.
  await client.until("readyz", 200, /registry ok/);
  const value = { schemaId, type: TYPE };
  await servers.produceAvro(job.topic, [event(10)], value);
  await client.until("readyz", 503, /^\[\+\]broker ok\n\[-\]registry failed: .*refused.*\n\[\+\]sink ok$/im);
  await using asked = runProgram(["status", client.url, "--ready"]);
  assert.equal((await asked.exit).code, 1);
  assert.match(asked.stdout.join("\n"), /live, not ready[^]*^\[-\]registry failed: .*refused/im);
  await registry.restart();
  await client.until("readyz", 200, /registry ok/);
  assert.ok((await client.status()).errorsByStage["registry"]! > 0);
});

integrationTest("brokers that are away are named, until they are back", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  let isAway = false;
  await using proxy = startProxy(servers.brokers, () => isAway ? "break" : "pass");
  const flags = job.flags.map((flag) => flag === servers.brokers ? proxy.bootstrap : flag);
  await using program = runProgram([...flags, ...QUICK, ...ANY_PORT]);
  const client = await statusOf(program);
  await client.until("readyz", 200, /group joined/);
  isAway = true;
  proxy.disconnect();
  await client.until("readyz", 503, /^\[-\]broker failed: ./m);
  isAway = false;
  await client.until("readyz", 200, /broker ok/);
  await job.produce(0, 100);
  await untilMetrics(client, ["kafka2parquet_archived_rows_total 100"]);
  assert.ok((await client.status()).errorsByStage["kafka"]! > 0);
});

integrationTest("a disk that is full is named, and each attempt is counted", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await job.produce(0, 100);
  await using program = runProgram([...job.flags, ...QUICK, ...ANY_PORT], {
    env: { K2P_FAULT: "before-write:ENOSPC@1+" },
  });
  const client = await statusOf(program);
  await client.until("readyz", 503, /^\[-\]sink failed: .*: the disk is full\./m);
  assert.ok((await client.status()).errorsByStage["write"]! > 0);
  assert.equal((await client.ask("livez")).status, 200);
});

integrationTest("OpenTelemetry: the same metrics go to a collector", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await job.produce(0, 100);
  await servers.produceRaw(job.topic, [{ value: "no Avro" }]);
  await using collector = startCollector();
  await using program = runProgram([...job.flags, ...QUICK], { env: collector.env });
  await waitFor(
    () =>
      collector.values("kafka2parquet_archived_rows").get("") === 100 &&
      collector.values("kafka2parquet_dead_letter_records").get("reason=no-header") === 1 &&
      collector.values("kafka2parquet_lag_records").get(`partition=0,topic=${job.topic}`) === 0 &&
      collector.values("kafka2parquet_checkpoint_duration_seconds_count").get("stage=commit")! > 0,
    { what: "metrics at the collector", deadlineMs: 60_000 },
  );
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  assertIds(await job.archive(), 0, 100);
});
