/** The checker finds each damage that is planted in a real archive: a checker that cannot fail proves nothing. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { integrationTest } from "../support/integration.ts";
import {
  parquetFiles,
  ROOT,
  runCommand,
  runProgram,
  type TempDir,
  tempDir,
  type TestServers,
} from "../support/mod.ts";
import { onTheWire } from "../../dev/wire.ts";
import { event, type Job, makeJob, TYPE } from "../integration/events.ts";
import { check, type CheckResult, COUNTERS, type LoggedRecord, report, watch } from "./checker.ts";

interface Sample extends AsyncDisposable {
  readonly job: Job;
  readonly log: readonly LoggedRecord[];
  readonly folder: TempDir;
  readonly archive: string;
  readonly deadLetter: string;
  /** Writes a log and judges this archive with it. */
  check(log?: readonly LoggedRecord[]): Promise<CheckResult>;
}

/** Two partitions with rows, an aborted transaction, a bad record and a tombstone, archived by the program. */
async function makeSample(servers: TestServers): Promise<Sample> {
  const folder = await tempDir();
  const job = await makeJob(servers, folder, { partitions: 2 });
  const log: LoggedRecord[] = [];
  let id = 0;
  const rows = (count: number) =>
    Array.from(
      { length: count },
      () => ({ id: ++id, value: onTheWire(job.schemaId, TYPE.toBuffer(event(id))) }),
    );
  const note = (
    records: readonly { readonly id: number }[],
    sent: { partition: number; baseOffset?: string },
    more: Partial<LoggedRecord> = {},
  ) =>
    log.push(...records.map((record, index): LoggedRecord => ({
      topic: job.topic,
      partition: sent.partition,
      offset: Number(sent.baseOffset) + index,
      id: record.id,
      outcome: "committed",
      ...more,
    })));
  for (const partition of [0, 1]) {
    const send = async (records: { id: number; value: Buffer | null }[], more?: Partial<LoggedRecord>) =>
      await servers.producer(async (producer) => {
        const messages = records.map(({ value }) => ({ partition, key: "k", value }));
        const [sent] = await producer.send({ topic: job.topic, messages });
        note(records, sent!, more);
      });
    await send(rows(60));
    await servers.producer(async (producer) => {
      const records = rows(10);
      const transaction = await producer.transaction();
      const messages = records.map(({ value }) => ({ partition, value }));
      const [sent] = await transaction.send({ topic: job.topic, messages });
      await transaction.abort();
      note(records, sent!, { outcome: "aborted" });
    }, { transactionalId: `checker-${crypto.randomUUID()}` });
    await send([{ id: ++id, value: Buffer.from([9, 9]) }], { kind: "dead_letter" });
    await send([{ id: ++id, value: null }], { kind: "skipped" });
    await send(rows(30));
  }
  await using program = runProgram([...job.flags, "--until-end", "--rows", "20"]);
  const { code } = await program.exit;
  // A bounded run with dead letters ends with 3.
  assert.equal(code, 3, program.stderr.join("\n"));
  return sampleAt({ job, log, folder, archive: job.output, deadLetter: job.deadLetter });
}

function sampleAt(place: Omit<Sample, "check" | typeof Symbol.asyncDispose>): Sample {
  return {
    ...place,
    async check(log = place.log) {
      const path = await Deno.makeTempFile({ dir: place.folder.path, suffix: ".ndjson" });
      await Deno.writeTextFile(path, log.map((record) => JSON.stringify(record) + "\n").join(""));
      return await check({
        log: path,
        archives: [place.archive],
        deadLetters: [place.deadLetter],
        brokers: place.job.servers.brokers,
        groups: [place.job.group],
      });
    },
    [Symbol.asyncDispose]: () => place.folder[Symbol.asyncDispose](),
  };
}

let made: Promise<Sample> | undefined;

Deno.test.afterAll(async () => await (await made?.catch(() => undefined))?.[Symbol.asyncDispose]());

/** The archive of the first call, in a folder of its own. */
async function copyOfSample(servers: TestServers): Promise<Sample> {
  made ??= makeSample(servers);
  const { folder: original, ...sample } = await made;
  const folder = await tempDir();
  await copyFolder(`${original.path}/parquet_data`, `${folder.path}/parquet_data`);
  return sampleAt({
    ...sample,
    folder,
    archive: `${folder.path}/parquet_data/data`,
    deadLetter: `${folder.path}/parquet_data/dead_letter`,
  });
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

/** Exactly these counters are above zero. */
function assertFinds(result: CheckResult, wanted: Partial<CheckResult["counts"]>): void {
  const found = Object.fromEntries(
    COUNTERS.filter((name) => result.counts[name] > 0).map((name) => [name, result.counts[name]]),
  );
  assert.deepEqual(found, wanted, report(result));
}

/** The data file that begins inside a partition, so that others stand before and behind it. */
async function fileInTheMiddle(sample: Sample): Promise<string> {
  const files = (await sample.job.archive()).files.filter(({ keyValues }) => {
    const ranges = JSON.parse(keyValues["kafka2parquet.ranges"]!) as { first: string; rows: number }[];
    return ranges.length === 1 && ranges[0]!.rows === 20 && ranges[0]!.first === "20";
  });
  return files[0]!.path.replace(sample.job.output, sample.archive);
}

integrationTest("checker: nothing is wrong with what the program has written", async (servers) => {
  await using sample = await copyOfSample(servers);
  const result = await sample.check();
  assertFinds(result, {});
  assert.equal(result.records, 204);
});

integrationTest("checker: a file that is missing is a loss and a hole", async (servers) => {
  await using sample = await copyOfSample(servers);
  await Deno.remove(await fileInTheMiddle(sample));
  assertFinds(await sample.check(), { lost: 20, hole: 1 });
});

integrationTest("checker: a dead-letter file that is missing is a loss", async (servers) => {
  await using sample = await copyOfSample(servers);
  for (const path of await parquetFiles(sample.deadLetter)) await Deno.remove(path);
  assertFinds(await sample.check(), { lost: 2 });
});

integrationTest("checker: a file that is there twice is a duplicate and an overlap", async (servers) => {
  await using sample = await copyOfSample(servers);
  await Deno.mkdir(`${sample.archive}/.hidden`);
  await Deno.copyFile(await fileInTheMiddle(sample), `${sample.archive}/.hidden/again.parquet`);
  assertFinds(await sample.check(), { duplicated: 20, overlap: 1 });
});

integrationTest("checker: records of an aborted transaction, and of nobody, are found", async (servers) => {
  await using sample = await copyOfSample(servers);
  const log = sample.log.filter(({ id }) => id !== 6).map((record): LoggedRecord =>
    record.id === 5 ? { ...record, outcome: "aborted" } : record
  );
  assertFinds(await sample.check(log), { aborted_visible: 1, invented: 1, miscounted: 1 });
});

integrationTest(
  "checker: a record of unknown outcome may be there or not, but not twice",
  async (servers) => {
    await using sample = await copyOfSample(servers);
    const unknown = sample.log.map((record): LoggedRecord =>
      record.outcome === "aborted" || record.id === 25 ? { ...record, outcome: "unknown" } : record
    );
    assertFinds(await sample.check(unknown), {});
    await Deno.copyFile(await fileInTheMiddle(sample), `${sample.archive}/again.parquet`);
    assertFinds(await sample.check(unknown), { duplicated: 20, overlap: 1 });
  },
);

integrationTest(
  "checker: what is visible above the committed offset is found, at the end and on watch",
  async (servers) => {
    await using sample = await copyOfSample(servers);
    const { job } = sample;
    const folders = () => [sample.archive, sample.deadLetter];
    const look = async (group: string) =>
      await watch({ brokers: servers.brokers, groups: [group], folders, stop: AbortSignal.timeout(1) });
    assert.deepEqual((await look(job.group)).problems, []);
    const other = `${job.group}-behind`;
    await servers.admin((admin) =>
      admin.setOffsets({
        groupId: other,
        topic: job.topic,
        partitions: [{ partition: 0, offset: "1000" }, { partition: 1, offset: "39" }],
      })
    );
    const { problems } = await look(other);
    assert.ok(problems.length > 0);
    assert.ok(problems.every(({ kind, detail }) => kind === "uncommitted_visible" && /\/1: /.test(detail)));
    const result = await check({
      log: await writeLog(sample),
      archives: [sample.archive],
      deadLetters: [sample.deadLetter],
      brokers: servers.brokers,
      groups: [other],
    });
    assertFinds(result, { uncommitted_visible: problems.length });
  },
);

integrationTest(
  "checker: what was left prepared is found, and what is in quarantine is explained",
  async (servers) => {
    await using sample = await copyOfSample(servers);
    const { archive, job } = sample;
    const cluster =
      [...Deno.readDirSync(`${archive}/.kafka2parquet`)].find((entry) => entry.isDirectory)!.name;
    const home = `${archive}/.kafka2parquet/${cluster}/${job.group}`;
    const id = "0123456789abcdef0123456789abcdef";
    await Deno.mkdir(`${home}/7-${id}`);
    assertFinds(await sample.check(), { prepared: 1 });
    const aside = `${home}/quarantine/7-${id}`;
    await Deno.mkdir(`${home}/quarantine`);
    await Deno.rename(`${home}/7-${id}`, aside);
    const ranges = [{ partition: 0, first: "30", next: "45" }];
    await Deno.writeTextFile(`${aside}/manifest.json`, JSON.stringify({ topic: job.topic, ranges }));
    const explained = await sample.check();
    assertFinds(explained, {});
    assert.match(explained.notes.join("\n"), /in quarantine.*\[0\] 30 to 45/);
    for (const path of await parquetFiles(archive)) await Deno.remove(path);
    assert.equal((await sample.check()).counts.unexplained_quarantine, 1);
  },
);

integrationTest("checker: half a file and an edited count are found", async (servers) => {
  await using sample = await copyOfSample(servers);
  const path = await fileInTheMiddle(sample);
  const bytes = await Deno.readFile(path);
  const text = new TextDecoder("latin1").decode(bytes);
  const at = text.indexOf('"rows":20');
  await Deno.writeFile(path, bytes.with(at + '"rows":2'.length, "1".charCodeAt(0)));
  assertFinds(await sample.check(), { miscounted: 2 });
  await Deno.writeFile(path, bytes.subarray(0, bytes.length - 100));
  assert.equal((await sample.check()).counts.unreadable, 1);
});

integrationTest(
  "checker: as a program it says its counts, and exits 1 where one is not zero",
  async (servers) => {
    await using sample = await copyOfSample(servers);
    const log = await writeLog(sample);
    const judge = async () => {
      await using program = runCommand([
        Deno.execPath(),
        ...[
          "run",
          "-A",
          "--quiet",
          `${ROOT}/tests/faults/checker.ts`,
          "--log",
          log,
          "--archive",
          sample.archive,
        ],
        ...["--dead-letter", sample.deadLetter, "--brokers", servers.brokers, "--group", sample.job.group],
      ]);
      const { code } = await program.exit;
      return { code, said: program.stdout.join("\n"), stderr: program.stderr };
    };
    const clean = await judge();
    assert.equal(clean.code, 0, clean.stderr.join("\n"));
    assert.match(clean.said, /^lost=0 duplicated=0 aborted_visible=0 uncommitted_visible=0 /m);
    await Deno.remove(await fileInTheMiddle(sample));
    const damaged = await judge();
    assert.equal(damaged.code, 1);
    assert.match(damaged.said, /^lost=20 duplicated=0 /m);
  },
);

async function writeLog({ folder, log }: Sample): Promise<string> {
  const path = `${folder.path}/producer.ndjson`;
  await Deno.writeTextFile(path, log.map((record) => JSON.stringify(record) + "\n").join(""));
  return path;
}
