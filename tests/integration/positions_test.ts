import assert from "node:assert/strict";
import { integrationTest } from "../support/integration.ts";
import { readArchive, runProgram, tempDir, uniqueName, waitFor } from "../support/mod.ts";
import { assertCovered, assertIds, event, makeJob, rangesOf, SCHEMA, TYPE } from "./events.ts";

/** So that new partitions and topics are seen soon. */
const WATCHFUL = { env: { KAFKA2PARQUET_METADATA_MAX_AGE: "1s", KAFKA2PARQUET_SESSION_TIMEOUT: "6s" } };

integrationTest(
  "positions: a group whose offsets are gone does not start over, --from files goes on",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder, { partitions: 2 });
    await job.produce(0, 3000);
    const flags = [...job.flags, "--until-end"];
    await using first = runProgram(flags);
    assert.equal((await first.exit).code, 0, first.stderr.join("\n"));
    await servers.admin((admin) => admin.deleteGroups([job.group]));
    await job.produce(3000, 3100);
    await using second = runProgram(flags);
    assert.equal((await second.exit).code, 78);
    assert.match(second.stderr.join("\n"), /--from files/);
    assertIds(await job.archive(), 0, 3000);
    await using third = runProgram([...flags, "--from", "files"]);
    assert.equal((await third.exit).code, 0, third.stderr.join("\n"));
    assertIds(await job.archive(), 0, 3100);
    await assertCovered(job);
  },
);

integrationTest("positions: --from files names a hole in the archive, and reads nothing", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await job.produce(0, 3000);
  await using first = runProgram([...job.flags, "--until-end"]);
  assert.equal((await first.exit).code, 0, first.stderr.join("\n"));
  await servers.admin((admin) => admin.deleteGroups([job.group]));
  const second = (await job.archive()).files.find(({ keyValues }) =>
    keyValues["kafka2parquet.ranges"]!.includes('"first":"1200"')
  );
  await Deno.remove(second!.path);
  await using program = runProgram([...job.flags, "--until-end", "--from", "files"]);
  assert.equal((await program.exit).code, 78, program.stderr.join("\n"));
  assert.match(program.stderr.join("\n"), /offsets 1200 to 2399 are in no file/);
});

integrationTest(
  "positions: --from TIME starts at the first record of that time or later",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder, { partitions: 2 });
    const noon = Date.UTC(2026, 0, 31, 12);
    for (let id = 0; id < 20; id++) {
      const at = { schemaId: job.schemaId, type: TYPE, partition: 0, timestamp: noon + (id - 10) * 60_000 };
      await servers.produceAvro(job.topic, [event(id)], at);
    }
    // The other partition has nothing so late.
    await servers.produceAvro(job.topic, [event(100)], {
      schemaId: job.schemaId,
      type: TYPE,
      partition: 1,
      timestamp: 1,
    });
    await using program = runProgram([...job.flags, "--until-end", "--from", "2026-01-31T12:05:00Z"]);
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    assertIds(await job.archive(), 15, 20);
  },
);

integrationTest(
  "positions: records that Kafka has deleted stop the program, which names them",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    await job.produce(0, 100);
    const flags = [...job.flags, "--until-end"];
    await using first = runProgram(flags);
    assert.equal((await first.exit).code, 0, first.stderr.join("\n"));
    await job.produce(100, 300);
    await servers.admin(async (admin) => {
      // Its leader is only known to the client once the topic was asked for.
      await admin.fetchTopicOffsets(job.topic);
      await admin.deleteTopicRecords({ topic: job.topic, partitions: [{ partition: 0, offset: "250" }] });
    });
    await using stopped = runProgram(flags);
    assert.equal((await stopped.exit).code, 78, stopped.stderr.join("\n"));
    assert.match(stopped.stderr.join("\n"), /offsets 100 to 249 are lost/);
    assert.match(stopped.stderr.join("\n"), /--on-out-of-range/);
    await using going = runProgram([...flags, "--on-out-of-range", "earliest"]);
    assert.equal((await going.exit).code, 0, going.stderr.join("\n"));
    assert.match(going.stderr.join("\n"), /offsets 100 to 249 are lost.*Going on at offset 250/);
    const archive = await job.archive();
    assertIds(archive, 0, 300, Array.from({ length: 150 }, (_, i) => 100 + i));
    assert.deepEqual(rangesOf([archive]).get(0)!.map(({ first, next }) => [first, next]), [[0n, 100n], [
      250n,
      300n,
    ]]);
  },
);

integrationTest("positions: a bounded run ends before a transaction that is still open", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await job.produce(0, 40);
  const { onTheWire } = await import("../../dev/wire.ts");
  await servers.producer(async (producer) => {
    const transaction = await producer.transaction();
    const value = onTheWire(job.schemaId, TYPE.toBuffer(event(40)));
    await transaction.send({ topic: job.topic, messages: [{ value }] });
    await job.produce(1000, 1010);
    await using program = runProgram([...job.flags, "--until-end"]);
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    assertIds(await job.archive(), 0, 40);
    await transaction.commit();
  }, { transactionalId: uniqueName("tx") });
  await using rest = runProgram([...job.flags, "--until-end"]);
  assert.equal((await rest.exit).code, 0, rest.stderr.join("\n"));
  assertIds(await job.archive(), 0, 1010, Array.from({ length: 959 }, (_, i) => 41 + i));
  await assertCovered(job);
});

integrationTest("topics: a /regex/ takes all that match, and new ones while it runs", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  const prefix = uniqueName("shop");
  const schemaId = await servers.registerSchema(`${prefix}-value`, SCHEMA);
  const produce = (topic: string, id: number) =>
    servers.produceAvro(topic, [event(id)], { schemaId, type: TYPE });
  for (const name of ["orders", "payments"]) {
    await servers.createTopic(`${prefix}.${name}`);
    await produce(`${prefix}.${name}`, 1);
  }
  await servers.createTopic(`other.${prefix}.orders`);
  await produce(`other.${prefix}.orders`, 1);
  const flags = [...job.flags.filter((flag) => flag !== "--topic" && flag !== job.topic), "--age", "200ms"];
  await using program = runProgram([...flags, "--topic", `/${prefix}\\..*/`], WATCHFUL);
  const rows = async (topic: string) => (await readArchive(`${job.output}/${topic}`)).rows.length;
  await waitFor(async () => await rows(`${prefix}.orders`) === 1 && await rows(`${prefix}.payments`) === 1, {
    what: "the topics of the start",
  });
  await servers.createTopic(`${prefix}.refunds`);
  await produce(`${prefix}.refunds`, 2);
  await waitFor(async () => await rows(`${prefix}.refunds`) === 1, { what: "the new topic" });
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  assert.equal(
    (await readArchive(job.output)).rows.length,
    3,
    "nothing of a topic that only contains the pattern",
  );
});

integrationTest(
  "topics: partitions that are added while it runs are archived from their start",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    await using program = runProgram([...job.flags, "--age", "200ms", "--from", "latest"], WATCHFUL);
    await program.waitForLine(/Joined group/);
    await servers.admin((admin) =>
      admin.createPartitions({ topicPartitions: [{ topic: job.topic, count: 3 }] })
    );
    for (const partition of [0, 1, 2]) {
      await servers.produceAvro(job.topic, [event(partition)], {
        schemaId: job.schemaId,
        type: TYPE,
        partition,
      });
    }
    await waitFor(async () => (await job.archive()).rows.length === 3, { what: "a row of each partition" });
    program.signal("SIGTERM");
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  },
);

integrationTest("positions: an offset beyond the end is no success of a bounded run", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await job.produce(0, 16);
  const flags = [...job.flags, "--until-end"];
  await using first = runProgram(flags);
  assert.equal((await first.exit).code, 0, first.stderr.join("\n"));
  // As after a topic was deleted and made again, or an offset was set by hand.
  await servers.admin((admin) =>
    admin.setOffsets({ groupId: job.group, topic: job.topic, partitions: [{ partition: 0, offset: "999" }] })
  );
  await using program = runProgram(flags);
  assert.equal((await program.exit).code, 78, program.stderr.join("\n"));
  assert.match(program.stderr.join("\n"), /offset 999 is beyond the end, Kafka's next one is 16/);
});

integrationTest(
  "positions: partitions that are added while nobody runs are read from their start",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    const flags = [...job.flags, "--from", "latest", "--until-end"];
    await job.produce(0, 10);
    await using first = runProgram(flags);
    assert.equal((await first.exit).code, 0, first.stderr.join("\n"));
    await servers.admin((admin) =>
      admin.createPartitions({ topicPartitions: [{ topic: job.topic, count: 2 }] })
    );
    const at = { schemaId: job.schemaId, type: TYPE, partition: 1 };
    await servers.produceAvro(job.topic, [event(100), event(101)], at);
    await using second = runProgram(flags);
    assert.equal((await second.exit).code, 0, second.stderr.join("\n"));
    assertIds(await job.archive(), 100, 102);
  },
);
