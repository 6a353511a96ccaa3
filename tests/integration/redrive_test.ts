/** Dead letters of a real topic, whose schema was registered late: redriven they are as they would have been. */
import assert from "node:assert/strict";
import avsc from "avsc";
import { REDRIVE_POINTS } from "../../src/fault.ts";
import { testDisk, withoutDisks } from "../support/disk.ts";
import { integrationTest } from "../support/integration.ts";
import {
  parquetFiles,
  readArchive,
  type Row,
  runProgram,
  type TempDir,
  tempDir,
  type TestServers,
} from "../support/mod.ts";
import { NO_KAFKA_SECURITY } from "../../src/security.ts";
import { verify } from "../../src/verify/mod.ts";
import { assertCovered, event, type Job, makeJob, SCHEMA, TYPE } from "./events.ts";

/** The wire header, then the body. */
function wire(schemaId: number, body: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeInt32BE(schemaId, 1);
  return Buffer.concat([header, body]);
}

/** The same columns under another name, and as a schema of the topic's own: with an id that nobody has yet. */
function lateSchema(job: Job): avsc.Schema {
  return { ...SCHEMA, name: "Late", doc: job.topic } as avsc.Schema;
}

const KEY_SCHEMA = { type: "record", name: "Key", fields: [{ name: "customer", type: "int" }] };
const KEY_TYPE = avsc.Type.forSchema(KEY_SCHEMA as avsc.Schema);

/** Two partitions; events of an unknown schema among good ones, with one value that nothing mends. */
async function produce(job: Job, lateId: number, keyId: number): Promise<void> {
  const lateType = avsc.Type.forSchema(lateSchema(job));
  for (const partition of [0, 1]) {
    const ids = Array.from({ length: 20 }, (_, i) => partition * 100 + i);
    const isLate = (id: number) => id % 3 === 1;
    await job.servers.produceRaw(
      job.topic,
      ids.map((id) => ({
        value: isLate(id)
          ? wire(lateId, lateType.toBuffer(event(id)))
          : wire(job.schemaId, TYPE.toBuffer(event(id))),
        key: wire(keyId, KEY_TYPE.toBuffer({ customer: id })),
        headers: { trace: `t${id}` },
        timestamp: `${1_700_000_000_000 + id}`,
        partition,
      })),
    );
  }
  await job.servers.produceRaw(job.topic, [{ value: "nothing mends this", partition: 1 }]);
}

async function archive(job: Job, flags: readonly string[] = []): Promise<void> {
  await using program = runProgram([...job.flags, "--until-end", "--rows", "10", ...flags]);
  assert.equal((await program.exit).code, 3, program.stderr.join("\n"));
}

/** An archive with dead letters, whose schema was registered after them. */
async function makeLateJob(
  servers: TestServers,
  folder: TempDir,
  flags: readonly string[] = [],
): Promise<Job> {
  const job = await makeJob(servers, folder, { partitions: 2 });
  const keyId = await servers.registerSchema(`${job.topic}-key`, KEY_SCHEMA);
  // Ids are given one after the other, and test files run one after the other: the next one is free.
  const probe = { type: "record", name: "Probe", fields: [{ name: "at", type: "long", doc: job.topic }] };
  const lateId = 1 + await servers.registerSchema(`${job.topic}-probe`, probe);
  await produce(job, lateId, keyId);
  await archive(job, flags);
  assert.equal(await servers.registerSchema(`${job.topic}-late`, lateSchema(job)), lateId);
  return job;
}

function redrive(job: Job, env: Record<string, string> = {}, ...args: string[]) {
  const command = ["redrive", job.deadLetter, "--registry", job.servers.registry, "--rows", "5", ...args];
  return runProgram(command, { env });
}

/** What `verify --brokers` finds. */
async function problems({ output, deadLetter, servers }: Job): Promise<string[]> {
  const { findings, isCompared } = await verify(output, {
    deadLetter: { folder: deadLetter, isShared: true },
    kafka: { brokers: [servers.brokers], security: NO_KAFKA_SECURITY },
  });
  assert(isCompared);
  return findings.filter(({ isProblem }) => isProblem).map(({ kind, text }) => `${kind}: ${text}`);
}

/** The rows that there would be if the schema had been known. */
async function assertWhole(job: Job): Promise<void> {
  const wanted = [0, 1].flatMap((partition) =>
    Array.from({ length: 20 }, (_, i) => {
      const { id, kind, note, customer: { name, address: { city } } } = event(partition * 100 + i);
      return { id: BigInt(id), kind, note, "customer.name": name, "customer.address.city": city };
    })
  );
  const { rows } = await job.archive();
  const byId = (a: Row, b: Row) => Number(a.id) - Number(b.id);
  assert.deepEqual([...rows].sort(byId), wanted);
  const dead = await readArchive(job.deadLetter);
  assert.deepEqual(dead.rows.map(({ value }) => new TextDecoder().decode(value as Uint8Array)), [
    "nothing mends this",
  ]);
}

integrationTest(
  "redrive: a schema that is registered late makes rows of its dead letters",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeLateJob(servers, folder);
    await using dry = redrive(job, {}, "--dry-run");
    assert.equal((await dry.exit).code, 3, dry.stderr.join("\n"));
    assert.match(dry.stdout.join("\n"), /15 dead letters: 14 would become rows .*, 1 is bad still$/m);
    assert.equal((await readArchive(job.deadLetter)).rows.length, 15);

    await using program = redrive(job);
    assert.equal((await program.exit).code, 3, program.stderr.join("\n"));
    const text = program.stdout.join("\n");
    assert.match(text, /^no-schema +14 +14 +0$/m);
    assert.match(text, /^no-header +1 +0 +1$/m);
    assert.match(text, /^still bad: 1: no wire header: /m);
    await assertWhole(job);
    await assertCovered(job, [await job.archive(), await readArchive(job.deadLetter)]);
    await using verified = runProgram(["verify", job.output, "--brokers", servers.brokers]);
    assert.equal((await verified.exit).code, 0, verified.stdout.join("\n"));
    assert.match(verified.stdout.join("\n"), /REDRIVEN[^]*: complete$/);

    // Nothing is left that could be done.
    const before = [...(await job.archive()).files, ...(await readArchive(job.deadLetter)).files];
    await using again = redrive(job, {}, "--json");
    assert.equal((await again.exit).code, 3, again.stderr.join("\n"));
    const totals = JSON.parse(again.stdout.at(-1)!);
    assert.deepEqual([totals.records, totals.redriven, totals.data_files], [1, 0, 0]);
    const after = [...(await job.archive()).files, ...(await readArchive(job.deadLetter)).files];
    assert.deepEqual(after.map(({ path }) => path), before.map(({ path }) => path));

    // Where the archive ends is still to be told from its files.
    await servers.admin((admin) => admin.deleteGroups([job.group]));
    await job.produce(200, 220);
    await using rest = runProgram([...job.flags, "--until-end", "--from", "files"]);
    assert.equal((await rest.exit).code, 0, rest.stderr.join("\n"));
    assert.equal((await job.archive()).rows.length, 60);
    assert.deepEqual(await problems(job), []);
  },
);

/** How many Parquet files below the folder hold the text. */
async function countHolding(folder: string, text: string): Promise<number> {
  const all = await Promise.all((await parquetFiles(folder)).map((path) => Deno.readFile(path)));
  return all.filter((bytes) => Buffer.from(bytes).includes(text)).length;
}

integrationTest(
  "redrive: with the flags of archiving the rows have the same columns, and nothing that is excluded",
  async (servers) => {
    await using folder = await tempDir();
    // Uncompressed, so that a value is found where there is one.
    const flags = ["--metadata", "all,key:avro", "--exclude", "customer.name", "--compression", "none"];
    const job = await makeLateJob(servers, folder, flags);
    const archived = (await job.archive()).files.map(({ path }) => path);
    // Dead letters are whole, and the search finds what is there.
    assert((await countHolding(job.deadLetter, "Zoë")) > 0);
    await using program = redrive(job, {}, ...flags);
    assert.equal((await program.exit).code, 3, program.stderr.join("\n"));
    const { files, rows } = await job.archive();
    const redriven = files.filter(({ path }) => !archived.includes(path));
    assert.equal(redriven.reduce((sum, { rows }) => sum + rows.length, 0), 14);
    const [first] = files;
    for (const { metadata: { schema } } of files) assert.deepEqual(schema, first!.metadata.schema);
    const wanted = [0, 1].flatMap((partition) =>
      Array.from({ length: 20 }, (_, offset) => {
        const customer = partition * 100 + offset;
        const { id, kind, note, customer: { address: { city } } } = event(customer);
        return {
          "_kafka.topic": job.topic,
          "_kafka.partition": partition,
          "_kafka.offset": BigInt(offset),
          "_kafka.timestamp": new Date(1_700_000_000_000 + customer),
          "_kafka.key.customer": customer,
          "_kafka.headers": [{ key: "trace", value: new TextEncoder().encode(`t${customer}`) }],
          ...{ id: BigInt(id), kind, note, "customer.address.city": city },
        };
      })
    );
    const byId = (a: Row, b: Row) => Number(a.id) - Number(b.id);
    assert.deepEqual([...rows].sort(byId), wanted);
    assert.equal(await countHolding(job.output, "Zoë"), 0);
    assert.deepEqual(await problems(job), []);
  },
);

/** The archive again, in folders of its own. */
async function copyOf(job: Job, folder: string): Promise<Job> {
  const copy = { ...job, output: `${folder}/data`, deadLetter: `${folder}/dead_letter` };
  for (const [from, to] of [[job.output, copy.output], [job.deadLetter, copy.deadLetter]] as const) {
    await Deno.mkdir(to, { recursive: true });
    for (const path of await parquetFiles(from)) await Deno.copyFile(path, to + path.slice(from.length));
  }
  return { ...copy, archive: () => readArchive(copy.output) };
}

integrationTest("redrive: SIGKILL at each of its steps, then another redrive", async (servers) => {
  await using folder = await tempDir();
  const job = await makeLateJob(servers, folder);
  const points = [...REDRIVE_POINTS, "file-linked"].values();
  const player = async () => {
    for (const point of points) {
      const copy = await copyOf(job, `${folder.path}/${point}`);
      await using killed = redrive(copy, { K2P_FAULT: `${point}:SIGKILL` });
      await killed.exit;
      assert(killed.stderr.includes(`fault: ${point} SIGKILL`), `${point}: ${killed.stderr.join("\n")}`);
      // Nothing is in two files, and what is in none waits for the next redrive: it is all accounted for even now.
      assert.deepEqual(await problems(copy), [], point);
      await using program = redrive(copy);
      assert.equal((await program.exit).code, 3, `${point}: ${program.stderr.join("\n")}`);
      await assertWhole(copy);
      assert.deepEqual(await problems(copy), [], point);
    }
  };
  await Promise.all([player(), player()]);
});

integrationTest("redrive: two at once make each row once", async (servers) => {
  await using folder = await tempDir();
  const job = await makeLateJob(servers, folder);
  const programs = [
    redrive(job, { K2P_FAULT: "redrive-prepared:delay=2s" }),
    redrive(job, { K2P_FAULT: "redrive-prepared:delay=2s" }),
  ];
  const codes = await Promise.all(programs.map(async ({ exit }) => (await exit).code));
  // Who comes second is refused while the first is at work, or finds what it has left.
  assert(codes.includes(3) && codes.every((code) => code === 1 || code === 3), codes.join(", "));
  await assertWhole(job);
  assert.deepEqual(await problems(job), []);
});

integrationTest("redrive: without a registry nothing is changed, exit 69", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await servers.produceRaw(job.topic, [{ value: "x" }]);
  await archive(job);
  await using program = runProgram(["redrive", job.deadLetter, "--registry", "http://127.0.0.1:1"]);
  assert.equal((await program.exit).code, 69, program.stderr.join("\n"));
  assert.equal((await readArchive(job.deadLetter)).rows.length, 1);
});

if (!withoutDisks()) {
  integrationTest("redrive: a full disk, or dead letters on another one, change nothing", async (servers) => {
    await using folder = await tempDir();
    await using disk = await testDisk({ sizeMiB: 8 });
    const made = await makeLateJob(servers, folder);
    await copyOf(made, disk.outside(`${disk.path}/parquet_data`));
    const run = async (output: string, deadLetter: string) => {
      const command = ["redrive", deadLetter, "--output", output, "--registry", servers.registry];
      await using program = disk.runProgram(command);
      return { code: (await program.exit).code, stderr: program.stderr.join("\n") };
    };
    const [data, deadLetter] = ["data", "dead_letter"].map((name) => `${disk.path}/parquet_data/${name}`);
    const dead = async () => (await readArchive(disk.outside(deadLetter!))).rows.length;
    await disk.fill();
    const full = await run(data!, deadLetter!);
    assert.equal(full.code, 1, full.stderr);
    assert.match(full.stderr, /^error: .*: the disk is full$/m);
    assert.equal(await dead(), 15);
    await disk.free();
    // The archive that it was copied from is on another disk.
    const apart = await run(made.output, deadLetter!);
    assert.equal(apart.code, 1, apart.stderr);
    assert.match(apart.stderr, /^hint: Both must be on the same file system/m);
    assert.equal(await dead(), 15);
    const done = await run(data!, deadLetter!);
    assert.equal(done.code, 3, done.stderr);
    assert.equal(await dead(), 1);
  });
}
