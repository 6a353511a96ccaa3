/** `verify` on what the program itself has archived, damaged by hand, and on holes that Kafka explains. */
import assert from "node:assert/strict";
import { writeParquetFile } from "../support/parquet_files.ts";
import { integrationTest } from "../support/integration.ts";
import {
  parquetFiles,
  runProgram,
  type TempDir,
  tempDir,
  type TestServers,
  uniqueName,
  waitFor,
} from "../support/mod.ts";
import { LocalSink } from "../../src/sink/mod.ts";
import { type Finding, type Report, verify } from "../../src/verify/mod.ts";
import { assertIds, event, type Job, makeJob, preparedFolders, TYPE } from "./events.ts";

/** The program's exit code and the lines of JSON of that kind. */
async function run(args: readonly string[]) {
  await using program = runProgram(["verify", ...args, "--json"]);
  const { code } = await program.exit;
  const lines = program.stdout.map((line) => JSON.parse(line));
  return {
    code,
    stderr: program.stderr.join("\n"),
    partitions: lines.filter(({ kind }) => kind === "partition"),
    problems: lines.filter(({ kind }) => kind === "problem"),
    notes: lines.filter(({ kind }) => kind === "note"),
  };
}

async function archiveAll(job: Job, flags: readonly string[] = [], code = 0): Promise<void> {
  await using program = runProgram([...job.flags, "--rows", "100", "--until-end", ...flags]);
  assert.equal((await program.exit).code, code, program.stderr.join("\n"));
}

function problemsOf({ findings }: Report): Finding[] {
  return findings.filter(({ isProblem }) => isProblem);
}

/** Kind and offsets, in a few words: `hole 0 [5, 9)`. */
function brief(findings: readonly Finding[]): string[] {
  return findings.map(({ kind, partition, first, next }) =>
    partition === undefined ? kind : `${kind} ${partition} [${first}, ${next})`
  );
}

/** The archive again, in a folder that may be damaged. */
async function copyOf(job: Job, folder: TempDir): Promise<string> {
  const output = `${folder.path}/${crypto.randomUUID()}/data`;
  for (const [from, to] of [[job.output, output], [job.deadLetter, `${output}/../dead_letter`]] as const) {
    await Deno.mkdir(to, { recursive: true });
    for (const path of await parquetFiles(from)) await Deno.copyFile(path, to + path.slice(from.length));
  }
  return output;
}

/** A file that holds `[first, …)` of a partition. */
async function fileWith(job: Job, output: string, first: string): Promise<string> {
  const { files } = await job.archive();
  const found = files.find(({ keyValues }) =>
    keyValues["kafka2parquet.ranges"]!.includes(`"first":"${first}"`)
  );
  assert(found, `no file starts at ${first}`);
  return output + found.path.slice(job.output.length);
}

integrationTest(
  "verify: the program's output is complete, and each planted damage is found",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    await job.produce(0, 250);
    await job.produce(900, 950, { transaction: "abort" });
    await job.produce(250, 300, { transaction: "commit" });
    await servers.produceRaw(job.topic, [{ value: null }, { value: "no wire header" }]);
    await job.produce(300, 420);
    await archiveAll(job, [], 3);
    // Aborted records and markers of transactions lie within the ranges, and tombstones are counted.
    const whole = await run([job.output, "--brokers", servers.brokers, "--deep"]);
    assert.deepEqual(whole, {
      code: 0,
      stderr: "",
      problems: [],
      notes: [],
      partitions: [{
        ...{ kind: "partition", cluster: whole.partitions[0].cluster, group: job.group, topic: job.topic },
        partition: 0,
        ranges: [{ first: 0, next: 474 }],
        files: 5,
        rows: 420,
        dead_letters: { "no-header": 1 },
        skipped: { tombstone: 1 },
        redriven: 0,
        kafka: { log_start: 0, stable_end: 474, committed: 474 },
      }],
    });
    assert.deepEqual((await run([job.output])).code, 0);

    const damaged = async (damage: (output: string) => Promise<void>, deep = false) => {
      const output = await copyOf(job, folder);
      await damage(output);
      const deadLetter = { folder: `${output}/../dead_letter`, isShared: false };
      return problemsOf(await verify(output, { deep, deadLetter }));
    };
    const second = (output: string) => fileWith(job, output, "100");
    const patch = async (path: string, change: (bytes: Uint8Array) => number) => {
      const bytes = await Deno.readFile(path);
      const at = change(bytes);
      assert(at > 0 && at < bytes.length);
      bytes[at]! ^= 1;
      await Deno.writeFile(path, bytes);
    };
    const latin1 = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);

    const missing = await damaged(async (output) => await Deno.remove(await second(output)));
    assert.deepEqual(brief(missing), ["hole 0 [100, 200)"]);
    assert.equal(missing[0]!.files!.length, 2);
    const firstGone = await damaged(async (output) => await Deno.remove(await fileWith(job, output, "0")));
    assert.deepEqual(brief(firstGone), ["hole 0 [0, 100)"]);
    const copied = await damaged(async (output) =>
      await Deno.copyFile(await second(output), `${output}/copy.parquet`)
    );
    assert.deepEqual(brief(copied), ["overlap 0 [100, 200)"]);
    assert(copied[0]!.files!.some((path) => path.endsWith("/copy.parquet")));
    const cut = await damaged(async (output) => {
      const path = await second(output);
      await Deno.truncate(path, (await Deno.stat(path)).size - 1);
    });
    assert.deepEqual(brief(cut), ["damaged", "hole 0 [100, 200)"]);
    // 100 becomes 101: the counts do not fit any more, and the checksum would tell where they did.
    const edited = await damaged(async (output) =>
      await patch(await second(output), (bytes) => latin1(bytes).indexOf(`"first":"100"`) + 11)
    );
    assert.deepEqual(brief(edited), ["edited", "hole 0 [100, 101)"]);
    const gone = await damaged(async (output) =>
      await Deno.remove((await parquetFiles(`${output}/../dead_letter`))[0]!)
    );
    assert.deepEqual(brief(gone), ["dead-letters"]);
    // In a page: the statistics in the footer come after all of them.
    const flip = async (output: string) =>
      await patch(await second(output), (bytes) => latin1(bytes).indexOf("city "));
    assert.deepEqual(brief(await damaged(flip)), []);
    assert.deepEqual(brief(await damaged(flip, true)), ["damaged"]);
  },
);

integrationTest("verify --brokers: what was committed and stands in no file is lost", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await job.produce(0, 250);
  await archiveAll(job);
  const kafka = { brokers: [servers.brokers] };
  await Deno.remove(await fileWith(job, job.output, "200"));
  assert.deepEqual(problemsOf(await verify(job.output)), []);
  const lost = await run([job.output, "--brokers", servers.brokers]);
  assert.deepEqual(
    [lost.code, lost.problems.map(({ what, first, next, text }) => [what, first, next, text])],
    [3, [
      ["hole", 200, 250, "in no file; Kafka holds 50 records there"],
    ]],
  );
  const properties = `${folder.path}/client.properties`;
  await Deno.writeTextFile(properties, `bootstrap.servers=${servers.brokers}\nno.such.key=1\n`);
  const byFile = await run([job.output, "--kafka-config", properties]);
  assert.deepEqual([byFile.code, byFile.problems], [3, lost.problems]);
  assert.match(byFile.stderr, /Unknown keys in .*: no\.such\.key$/);
  // The position is set back to before what is visible: the program would archive it again.
  await servers.admin((admin) =>
    admin.setOffsets({ groupId: job.group, topic: job.topic, partitions: [{ partition: 0, offset: "120" }] })
  );
  assert.deepEqual(brief(problemsOf(await verify(job.output, { kafka }))), ["uncommitted 0 [120, 200)"]);
  // Without files of its own the group's mark in the home still says that there were some.
  for (const path of await parquetFiles(job.output)) await Deno.remove(path);
  assert.deepEqual(brief(problemsOf(await verify(job.output, { kafka }))), ["missing"]);
});

integrationTest("verify: a checkpoint that a crash left prepared is told from a loss", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await job.produce(0, 150);
  await archiveAll(job, ["--rows", "1000"]);
  await job.produce(150, 300);
  const env = { KAFKA2PARQUET_SESSION_TIMEOUT: "1s" };
  for (
    const [fault, state] of [
      ["before-commit:SIGKILL", /is prepared and not committed/],
      ["after-commit:SIGKILL", /is prepared and committed, not published yet/],
    ] as const
  ) {
    await using program = runProgram([...job.flags, "--until-end"], { env: { ...env, K2P_FAULT: fault } });
    assert.notEqual((await program.exit).code, 0);
    const [prepared] = await preparedFolders(job);
    assert(prepared, "nothing is prepared");
    const alone = await run([job.output]);
    assert.deepEqual([alone.code, alone.notes.length], [0, 1]);
    assert.match(alone.notes[0].text, /is prepared, not published yet: 0 \[150, 300\)$/);
    const compared = await run([job.output, "--brokers", servers.brokers]);
    assert.deepEqual([compared.code, compared.problems], [0, []]);
    assert.equal(compared.notes.length, 1);
    assert.match(compared.notes[0].text, state);
  }
  // Committed, and its files are gone: that is a loss.
  const output = await copyOf(job, folder);
  const lost = await verify(output, { kafka: { brokers: [servers.brokers] } });
  assert.deepEqual(brief(problemsOf(lost)), ["hole 0 [150, 300)"]);
  await archiveAll(job);
  assert.deepEqual((await run([job.output, "--brokers", servers.brokers])).notes, []);
  assertIds(await job.archive(), 0, 300);
});

integrationTest(
  "verify --brokers: an archive that grows meanwhile is complete at every look",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder, { partitions: 2 });
    await job.produce(0, 20_000);
    await using program = runProgram([...job.flags, "--rows", "50"]);
    await waitFor(async () => (await parquetFiles(job.output).catch(() => [])).length > 0, { what: "files" });
    for (let look = 0; look < 5; look++) {
      const report = await verify(job.output, { kafka: { brokers: [servers.brokers] } });
      assert.deepEqual(problemsOf(report), []);
      await job.produce(20_000 + look * 1_000, 21_000 + look * 1_000);
    }
    program.signal("SIGTERM");
    assert.equal((await program.exit).code, 0);
  },
);

/** An archive with holes: files of rows alone, with these ranges. */
async function archiveOf(
  output: string,
  of: {
    cluster: string;
    topic: string;
    ranges: readonly (readonly [partition: number, first: number, next: number])[];
  },
): Promise<void> {
  await Deno.mkdir(output, { recursive: true });
  const { cluster, topic } = of;
  for (const [index, [partition, first, next]] of of.ranges.entries()) {
    const range = { topic, partition, first: BigInt(first), next: BigInt(next) };
    await writeParquetFile(`${output}/${index}.parquet`, {
      schema: { columns: [{ name: "id", type: { kind: "int64" }, nullable: false }] },
      rows: Array.from({ length: next - first }, (_, id) => [BigInt(id)]),
      content: {
        ...{ version: "1", kind: "data", cluster, group: "nobody", topic, schemas: new Map() },
        checkpoint: index.toString(16).padStart(32, "0"),
        ranges: [{ ...range, rows: next - first, deadLetters: {}, skipped: {} }],
      },
    });
  }
}

async function clusterId(servers: TestServers): Promise<string> {
  return (await servers.admin((admin) => admin.describeCluster())).clusterId;
}

integrationTest(
  "verify --brokers: holes are explained by transactions and tombstones, or cannot be",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder, { partitions: 3 });
    const produce = async (
      partition: number,
      count: number,
      options: { transaction?: "commit" | "abort" } = {},
    ) => {
      const values = Array.from({ length: count }, (_, id) => event(id));
      await servers.produceAvro(job.topic, values, {
        schemaId: job.schemaId,
        type: TYPE,
        partition,
        ...options,
      });
    };
    // 0 to 9, then five aborted and their marker, then five committed and their marker.
    await produce(0, 10);
    await produce(0, 5, { transaction: "abort" });
    await produce(0, 5, { transaction: "commit" });
    await produce(0, 2);
    await produce(1, 10);
    await servers.admin(async (admin) => {
      // kafkajs deletes records only of a topic whose offsets it has asked for.
      await admin.fetchTopicOffsets(job.topic);
      await admin.deleteTopicRecords({ topic: job.topic, partitions: [{ partition: 1, offset: "6" }] });
    });
    await produce(2, 3);
    await servers.produceRaw(job.topic, [{ value: null, partition: 2 }, { value: null, partition: 2 }]);
    await produce(2, 1);
    const cluster = await clusterId(servers);
    await archiveOf(job.output, {
      cluster,
      topic: job.topic,
      ranges: [[0, 0, 4], [0, 6, 10], [0, 16, 21], [0, 22, 24], [1, 0, 3], [1, 8, 10], [2, 0, 3], [2, 5, 6]],
    });
    // Prepared for a hole, and never committed: it will not fill it.
    const sink = await LocalSink.open({ output: job.output, cluster, group: "nobody" });
    const preparation = await sink.begin({ generation: 1, id: "d".repeat(32) });
    await preparation.seal(job.topic, [{ topic: job.topic, partition: 0, first: 4n, next: 6n }]);
    assert.deepEqual(brief(problemsOf(await verify(job.output)).slice(0, 1)), ["hole 0 [10, 16)"]);
    const { findings } = await verify(job.output, { kafka: { brokers: [servers.brokers] } });
    assert.match(findings.find(({ kind }) => kind === "prepared")!.text, /is prepared and not committed/);
    const texts = findings.filter(({ kind }) => !["not-compared", "prepared"].includes(kind))
      .map(({ kind, partition, first, next, text }) => `${kind} ${partition} [${first}, ${next}): ${text}`);
    const nothing = "no record is there: transaction markers, aborted transactions, or compaction";
    assert.deepEqual(texts, [
      "hole 0 [4, 6): in no file; Kafka holds 2 records there",
      "hole 1 [3, 6): in no file; deleted by retention, so that it cannot be checked whether there were records",
      "hole 1 [6, 8): in no file; Kafka holds 2 records there",
      `explained 0 [10, 16): ${nothing}`,
      `explained 0 [21, 22): ${nothing}`,
      "explained 2 [3, 5): only 2 tombstones, which make no row",
    ]);
  },
);

integrationTest("verify --brokers: a hole that compaction has made is explained", async (servers) => {
  await using folder = await tempDir();
  const topic = uniqueName("compacted");
  const config = { "cleanup.policy": "compact", "segment.ms": "50", "min.cleanable.dirty.ratio": "0.001" };
  await servers.createTopic(topic, { config });
  const produce = (key: string, count: number) =>
    servers.produceRaw(topic, Array.from({ length: count }, () => ({ key, value: "x" })));
  await produce("first", 1);
  await produce("same", 9);
  const output = `${folder.path}/data`;
  await archiveOf(output, { cluster: await clusterId(servers), topic, ranges: [[0, 0, 1], [0, 9, 10]] });
  const before = await verify(output, { kafka: { brokers: [servers.brokers] } });
  assert.deepEqual(brief(problemsOf(before)), ["hole 0 [1, 9)"]);
  // The newest segment is not compacted: more records make it an older one.
  await waitFor(async () => {
    await produce("later", 1);
    return problemsOf(await verify(output, { kafka: { brokers: [servers.brokers] } })).length === 0;
  }, { what: "the log to be compacted", deadlineMs: 90_000, everyMs: 500 });
  const { findings } = await verify(output, { kafka: { brokers: [servers.brokers] } });
  assert.deepEqual(brief(findings.filter(({ kind }) => kind === "explained")), ["explained 0 [1, 9)"]);
});

integrationTest("verify --brokers: those of another cluster are refused", async (servers) => {
  await using folder = await tempDir();
  await archiveOf(folder.path, { cluster: "elsewhere", topic: "orders", ranges: [[0, 0, 3]] });
  const { code, stderr } = await run([folder.path, "--brokers", servers.brokers]);
  assert.equal(code, 78);
  assert.match(stderr, /^error: The brokers belong to cluster \S+, and the archive to cluster elsewhere$/m);
});
