/** What brokers do to the program: they die, partitions change their leaders, and logs are compacted. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { startKafka } from "../../dev/mod.ts";
import { onTheWire } from "../../dev/wire.ts";
import { assertCovered, event, makeJob, TYPE } from "../integration/events.ts";
import { integrationTest } from "../support/integration.ts";
import { tempDir, TestServers, uniqueName, waitFor } from "../support/mod.ts";
import { runToEnd, runUntilKilled } from "./scenario.ts";
import { Stage } from "./stage.ts";

const PARTITIONS = 4;
const RECORDS = 2000;
const PATIENCE_MS = 90_000;

/** So that a dead broker's partitions have other leaders soon. */
const QUICK = { "broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500" };

integrationTest(
  "three brokers: one is killed and comes back, leaders move, partitions are added",
  async (servers) => {
    await using folder = await tempDir();
    await using kafka = await startKafka({ brokers: 3, config: QUICK });
    const own = new TestServers({ brokers: kafka.bootstrap, registry: servers.registry });
    const topic = {
      partitions: PARTITIONS,
      replicationFactor: 3,
      config: { "min.insync.replicas": "2" },
    };
    const job = await makeJob(own, folder, topic);
    await using stage = new Stage(job);
    const produceToAll = async (count: number) => {
      for (let partition = 0; partition < PARTITIONS; partition++) await stage.produce(partition, count);
    };
    const untilAll = async (offset: bigint) => {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        await stage.untilCommitted(partition, offset);
      }
    };
    await produceToAll(RECORDS);
    // Small files take so long that brokers die in the middle of them.
    const members = [stage.run(), stage.run()];
    const rows = async () => (await job.archive()).rows.length;
    await waitFor(async () => await rows() > 0, { what: "the first files", deadlineMs: PATIENCE_MS });
    await kafka.nodes[1]!.kill();
    await untilAll(BigInt(RECORDS));
    await kafka.nodes[1]!.restart();
    await produceToAll(RECORDS);
    await own.admin(async (admin) => {
      const { topics: [metadata] } = await admin.fetchTopicMetadata({ topics: [job.topic] });
      const partitionAssignment = metadata!.partitions.map(({ partitionId, replicas, leader }) => ({
        partition: partitionId,
        replicas: replicas.filter((broker) => broker !== leader),
      }));
      await admin.alterPartitionReassignments({ topics: [{ topic: job.topic, partitionAssignment }] });
      await admin.createPartitions({ topicPartitions: [{ topic: job.topic, count: PARTITIONS + 1 }] });
    });
    await stage.produce(PARTITIONS, 100);
    await untilAll(BigInt(2 * RECORDS));
    await stage.untilCommitted(PARTITIONS, 100n);
    await kafka.nodes[2]!.kill();
    await kafka.nodes[2]!.restart();
    await produceToAll(100);
    await untilAll(BigInt(2 * RECORDS + 100));
    for (const member of members) {
      member.signal("SIGTERM");
      assert.equal((await member.exit).code, 0, member.stderr.join("\n"));
    }
    await stage.runToEnd();
    await stage.judge();
    assert.deepEqual(stage.wrong.slice(0, 5), []);
  },
);

integrationTest("a compacted log: offsets that are gone are covered, no record twice", async (servers) => {
  await using folder = await tempDir();
  const dataDir = `${folder.path}/kafka`;
  await using kafka = await startKafka({ dataDir, config: { "log.cleaner.backoff.ms": "200" } });
  const own = new TestServers({ brokers: kafka.bootstrap, registry: servers.registry });
  const job = await makeJob(own, folder, {
    config: {
      "cleanup.policy": "compact",
      "segment.ms": "100",
      "min.cleanable.dirty.ratio": "0.01",
      "delete.retention.ms": "0",
    },
  });
  const KEYS = 10;
  const BATCHES = 20;
  let id = 0;
  /** Of all values: the log may be compacted while it is written. */
  let bytes = 0;
  const lastOfKey = new Map<number, number>();
  const all = new Set<number>();
  const write = async (transaction?: "commit" | "abort") => {
    const messages = Array.from({ length: KEYS }, (_, key) => {
      if (transaction !== "abort") {
        lastOfKey.set(key, id);
        all.add(id);
      }
      // The key of an ordinary record may look like that of an abort marker: key 0 does.
      const value = onTheWire(job.schemaId, TYPE.toBuffer(event(id++)));
      bytes += value.length;
      return { key: Buffer.from([0, 0, 0, key]), value };
    });
    await own.produceRaw(job.topic, messages, transaction === undefined ? {} : { transaction });
  };
  for (let batch = 0; batch < BATCHES; batch++) {
    await write(batch % 5 === 3 ? "abort" : batch % 5 === 4 ? "commit" : undefined);
  }
  const size = () => logBytes(`${dataDir}/broker-1/data/${job.topic}-0`);
  await waitFor(async () => {
    // A segment is closed by what comes after it.
    await own.produceRaw(job.topic, [{ key: uniqueName("roll"), value: null }]);
    return await size() < bytes / 2;
  }, { what: "the log to be compacted", deadlineMs: PATIENCE_MS, everyMs: 500 });
  await runUntilKilled(job, "after-commit");
  await runToEnd(job);
  const ids = (await job.archive()).rows.map((row) => Number(row.id));
  assert.equal(new Set(ids).size, ids.length, "twice");
  assert.deepEqual(ids.filter((one) => !all.has(one)), [], "aborted");
  assert.deepEqual([...lastOfKey.values()].filter((one) => !ids.includes(one)), [], "lost");
  assert(ids.length < all.size, "nothing was compacted");
  await assertCovered(job);
});

/** Bytes of a partition's log, whose segments come and go meanwhile. */
async function logBytes(folder: string): Promise<number> {
  let bytes = 0;
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".log")) continue;
    try {
      bytes += (await Deno.stat(`${folder}/${name}`)).size;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return bytes;
}
