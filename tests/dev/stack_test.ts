import assert from "node:assert/strict";
import avro from "avsc";
import { startKafka, startRegistry } from "../../dev/mod.ts";
import { integrationTest } from "../support/integration.ts";
import { exists, isAlive, ROOT, runCommand, TestServers, uniqueName, waitFor } from "../support/mod.ts";

const schema = { type: "record", name: "R", fields: [{ name: "n", type: "long" }] } as const;
const type = avro.Type.forSchema(schema as unknown as avro.Schema);

integrationTest("records are produced plain, compressed and in transactions", async (servers) => {
  const topic = uniqueName("plain");
  await servers.createTopic(topic, { partitions: 2, config: { "retention.ms": "60000" } });
  const schemaId = await servers.registerSchema(`${topic}-value`, schema);
  const options = { type, schemaId, partition: 1 };
  for (const compression of ["none", "gzip", "snappy", "zstd"] as const) {
    await servers.produceAvro(topic, [{ n: 1 }, { n: 2 }], { ...options, compression });
  }
  await servers.produceAvro(topic, [{ n: 3 }], { ...options, transaction: "commit" });
  await servers.produceAvro(topic, [{ n: 4 }], { ...options, transaction: "abort" });
  const offsets = await servers.admin((admin) => admin.fetchTopicOffsets(topic));
  const end = offsets.find((entry) => entry.partition === 1)?.high;
  // Eight records and one, each transaction's marker, and the aborted record.
  assert.equal(end, "12");
});

integrationTest("a registry that was killed keeps its schemas over a restart", async () => {
  await using registry = await startRegistry();
  const servers = new TestServers({ brokers: "127.0.0.1:1", registry: registry.url });
  const id = await servers.registerSchema("s-value", schema);
  await registry.kill();
  await assert.rejects(servers.registerSchema("s-value", schema));
  await registry.restart();
  assert.equal(await servers.registerSchema("s-value", schema), id);
});

integrationTest("two brokers: one is killed and comes back with its data", async () => {
  await using kafka = await startKafka({ brokers: 2, config: { "min.insync.replicas": "1" } });
  const servers = new TestServers({ brokers: kafka.bootstrap, registry: "" });
  await servers.createTopic("t", { replicationFactor: 2 });
  await servers.produceRaw("t", [{ value: "before" }]);
  const second = kafka.nodes[1];
  assert(second);
  await second.kill();
  await servers.produceRaw("t", [{ value: "without" }]);
  await second.restart();
  await servers.produceRaw("t", [{ value: "after" }]);
  assert.equal((await servers.admin((admin) => admin.fetchTopicOffsets("t")))[0]?.high, "3");
});

integrationTest("servers and their data are gone soon after their parent was killed", async () => {
  const script = `
    import { startKafka } from "${ROOT}/dev/mod.ts";
    const kafka = await startKafka();
    console.log("pid", kafka.pid, kafka.logFile);
    await new Promise(() => setInterval(() => {}, 1000));
  `;
  await using parent = runCommand([Deno.execPath(), "eval", "--ext=ts", script], { cwd: ROOT });
  const [, pid, logFile] = await parent.waitForLine(/pid (\d+) (.*)/);
  assert(pid && logFile);
  assert(isAlive(Number(pid)));
  await parent.kill();
  await waitFor(() => !isAlive(Number(pid)), { what: "the end of the orphaned broker" });
  await waitFor(() => !exists(logFile), { what: "the removal of its data" });
});
