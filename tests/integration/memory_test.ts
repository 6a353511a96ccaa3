import assert from "node:assert/strict";
import avsc from "avsc";
import { Buffer } from "node:buffer";
import { integrationTest } from "../support/integration.ts";
import { type Program, runProgram, tempDir, type TestServers, uniqueName, waitFor } from "../support/mod.ts";
import { onTheWire } from "../../dev/wire.ts";
import { assertCovered, event, makeJob, TYPE } from "./events.ts";

const MIB = 1024 * 1024;
/** What the program takes before it holds any record, code of two threads and wasm included. */
const BASE_BYTES = 200 * MIB;

/** The most memory that a process ever had. */
async function peakBytes(program: Program): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${program.pid}/status`);
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) * 1024;
}

integrationTest("memory: records of 10 MB stay within --max-memory", async (servers) => {
  if (Deno.build.os !== "linux") return;
  await using folder = await tempDir();
  const topic = uniqueName("large");
  const group = uniqueName("group");
  await servers.createTopic(topic, { config: { "max.message.bytes": `${20 * MIB}` } });
  const schema: avsc.Schema = {
    type: "record",
    name: "Large",
    fields: [{ name: "id", type: "long" }, { name: "payload", type: "bytes" }],
  };
  const schemaId = await servers.registerSchema(`${topic}-value`, schema);
  const type = avsc.Type.forSchema(schema);
  for (let id = 0; id < 40; id++) {
    const payload = new Uint8Array(10 * MIB);
    for (let at = 0; at < payload.length; at += 65_536) {
      crypto.getRandomValues(payload.subarray(at, at + 65_536));
    }
    await servers.produceAvro(topic, [{ id, payload: Buffer.from(payload) }], { schemaId, type });
  }
  const output = `${folder.path}/data`;
  const flags = [
    ...servers.flags,
    "--topic",
    topic,
    "--group",
    group,
    "--output",
    output,
    "--max-memory",
    "256MiB",
  ];
  await using program = runProgram(flags);
  await waitFor(async () => (await servers.committed(group, topic)).get(0)!.offset >= 30n, {
    what: "most records to be committed",
    deadlineMs: 90_000,
  });
  const peak = await peakBytes(program);
  assert(peak < BASE_BYTES + 256 * MIB, `${Math.round(peak / MIB)} MiB`);
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
});

async function logEnds(servers: TestServers, topic: string): Promise<Map<number, bigint>> {
  const ends = await servers.admin((admin) => admin.fetchTopicOffsets(topic));
  return new Map(ends.map(({ partition, high }) => [partition, BigInt(high)]));
}

integrationTest("memory: 1,000 partitions with a trickle each go into shared files", async (servers) => {
  const partitions = 1000;
  const rounds = 4;
  await using folder = await tempDir();
  const job = await makeJob(servers, folder, { partitions });
  await using program = runProgram([...job.flags, "--max-memory", "64MiB", "--age", "2s"]);
  for (let round = 0; round < rounds; round++) {
    const messages = Array.from({ length: partitions }, (_, partition) => ({
      partition,
      value: onTheWire(job.schemaId, TYPE.toBuffer(event(round * partitions + partition))),
    }));
    await servers.produceRaw(job.topic, messages);
    // Of the log and not counted: a producer that is not idempotent sends a round again where one of so many new
    // partitions has no leader yet.
    const ends = await logEnds(servers, job.topic);
    await waitFor(async () => {
      const committed = await servers.committed(job.group, job.topic);
      return [...ends].every(([partition, end]) => committed.get(partition)?.offset === end);
    }, {
      what: `round ${round} to be committed`,
      deadlineMs: 60_000,
    });
  }
  if (Deno.build.os === "linux") {
    const peak = await peakBytes(program);
    assert(peak < BASE_BYTES + 64 * MIB, `${Math.round(peak / MIB)} MiB`);
  }
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  const archive = await job.archive();
  // Each offset is covered once, and has a row.
  const records = [...(await logEnds(servers, job.topic)).values()].reduce(
    (sum, end) => sum + Number(end),
    0,
  );
  assert.equal(archive.rows.length, records);
  assert.equal(new Set(archive.rows.map(({ id }) => Number(id))).size, rounds * partitions);
  // Not a file a partition, nor a file a partition and round: what arrives together goes together.
  assert(archive.files.length <= 10 * rounds, `${archive.files.length} files`);
  await assertCovered(job);
});
