import assert from "node:assert/strict";
import avsc from "avsc";
import { Buffer } from "node:buffer";
import { integrationTest } from "../support/integration.ts";
import { type Program, runProgram, tempDir, uniqueName, waitFor } from "../support/mod.ts";
import { assertCovered, assertIds, makeJob } from "./events.ts";

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

integrationTest("memory: 300 partitions with a trickle each go into shared files", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder, { partitions: 300 });
  await job.produce(0, 3000);
  await using program = runProgram([...job.flags, "--until-end", "--max-memory", "64MiB"]);
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  const archive = await job.archive();
  assertIds(archive, 0, 3000);
  assert(archive.files.length <= 4, `${archive.files.length} files`);
  await assertCovered(job);
});
