/**
 * The compiled binary on real servers, alone: in an empty folder, without Deno on its PATH or a cache to fall back to.
 *
 * `K2P_BINARY` names it (`deno task compile` makes it); without one there is nothing to test here.
 */
import assert from "node:assert/strict";

import { VERSION } from "../../src/version.ts";
import { assertCovered, assertIds, type Job, makeJob, preparedFolders } from "../integration/events.ts";
import { freePorts } from "../../dev/ports.ts";
import { integrationTest } from "../support/integration.ts";
import { ANY_PORT, statusOf } from "../support/status.ts";
import {
  parquetFiles,
  type Program,
  readArchive,
  runProgram,
  type TempDir,
  tempDir,
  waitFor,
} from "../support/mod.ts";
import { BINARY } from "./binary.ts";

if (BINARY === undefined) {
  console.error("The binary is not tested: run deno task compile, and name it in K2P_BINARY.");
}

const binaryTest: typeof integrationTest = BINARY === undefined
  ? (name) => Deno.test({ name, ignore: true, fn: () => {} })
  : integrationTest;

/** Where the binary works and what it must leave alone. */
interface Place {
  readonly work: TempDir;
  /** Home and temporary folder at once. */
  readonly home: TempDir;
}

function startAlone(
  { work, home }: Place,
  args: readonly string[],
  env: Record<string, string> = {},
): Program {
  return runProgram(args, {
    cwd: work.path,
    env: {
      // What the test's own watcher of processes needs, and no Deno.
      PATH: "/usr/bin:/bin",
      HOME: home.path,
      TMPDIR: home.path,
      DENO_DIR: `${home.path}/no-cache`,
      ...env,
    },
  });
}

/** The job's flags without its output folder: the binary's own default is under test. */
function flagsOf(job: Job): string[] {
  return [...job.servers.flags, "--topic", job.topic, "--group", job.group];
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

binaryTest(
  "the binary archives a topic into an empty folder and leaves nothing else behind",
  async (servers) => {
    await using work = await tempDir();
    await using home = await tempDir();
    const job = await makeJob(servers, work, { partitions: 2 });
    await job.produce(0, 3_000);
    await using program = startAlone({ work, home }, [...flagsOf(job), "--rows", "1000", "--until-end"]);
    const { code } = await program.exit;
    assert.equal(code, 0, program.stderr.join("\n"));
    assert.deepEqual(program.stdout, []);
    // The log is JSON where no terminal is.
    const last = JSON.parse(program.stderr.at(-1)!);
    assert.equal(last.properties.rows, 3_000);
    const archive = await job.archive();
    assertIds(archive, 0, 3_000);
    for (const file of archive.files) {
      assert.ok(
        file.rows.length <= 1_000,
        `${file.path} has ${file.rows.length} rows`,
      );
    }
    await assertCovered(job);
    assert.deepEqual(await names(work.path), ["parquet_data"]);
    assert.deepEqual(await names(home.path), [], "the binary wrote into home or temporary folder");
  },
);

binaryTest("the binary goes on until a signal, saves what it holds and exits 0", async (servers) => {
  await using work = await tempDir();
  await using home = await tempDir();
  const job = await makeJob(servers, work);
  const env = { KAFKA2PARQUET_ROWS: "100", KAFKA2PARQUET_AGE: "1h", KAFKA2PARQUET_LOG_FORMAT: "text" };
  await using program = startAlone({ work, home }, flagsOf(job), env);
  await job.produce(0, 150);
  await waitFor(async () => (await parquetFiles(job.output)).length > 0, { what: "the first file" });
  program.signal("SIGTERM");
  const { code } = await program.exit;
  assert.equal(code, 0, program.stderr.join("\n"));
  assert.match(program.stderr.join("\n"), /a second signal quits at once/);
  // What had not been fetched when the signal came is the next run's.
  const { rows } = await job.archive();
  assert.ok(rows.length >= 100, `${rows.length} rows`);
  await assertCovered(job);
  await using rest = startAlone({ work, home }, [...flagsOf(job), "--until-end"]);
  assert.equal((await rest.exit).code, 0, rest.stderr.join("\n"));
  assertIds(await job.archive(), 0, 150);
});

binaryTest("the binary's two workers share the partitions, and a signal makes both save", async (servers) => {
  await using work = await tempDir();
  await using home = await tempDir();
  const job = await makeJob(servers, work, { partitions: 4 });
  const flags = [
    ...flagsOf(job),
    "--workers",
    "2",
    "--rows",
    "100",
    "--age",
    "500ms",
    "--log-format",
    "text",
  ];
  await using program = startAlone({ work, home }, flags);
  for (const worker of [1, 2]) {
    await program.waitForLine(new RegExp(`worker ${worker}: Joined group .*\\[(\\d-\\d|\\d,\\d)\\]$`));
  }
  for (let id = 0; id < 4_000; id += 500) await job.produce(id, id + 500);
  await waitFor(async () => (await job.archive()).rows.length === 4_000, { what: "all rows" });
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  for (const worker of [1, 2]) {
    assert.match(program.stderr.join("\n"), new RegExp(`worker ${worker}: Wrote `));
  }
  assertIds(await job.archive(), 0, 4_000);
  await assertCovered(job);
  assert.deepEqual(await preparedFolders(job), []);
});

// The binary may not signal itself: it stands still at a point, and is killed there.
for (const point of ["before-commit", "after-commit", "file-linked"]) {
  binaryTest(
    `the binary that is killed at ${point} leaves nothing lost and nothing twice`,
    async (servers) => {
      await using work = await tempDir();
      await using home = await tempDir();
      const job = await makeJob(servers, work, { partitions: 2 });
      await job.produce(0, 2_000);
      const env = { KAFKA2PARQUET_SESSION_TIMEOUT: "3s" };
      const flags = [...flagsOf(job), "--rows", "200"];
      {
        await using killed = startAlone({ work, home }, flags, { ...env, K2P_FAULT: `${point}:delay=180s` });
        await killed.waitForLine(new RegExp(`^fault: ${point} `));
        await killed.kill();
      }
      assert.notEqual((await preparedFolders(job)).length, 0);
      await using rest = startAlone({ work, home }, [...flags, "--until-end"], env);
      assert.equal((await rest.exit).code, 0, rest.stderr.join("\n"));
      assertIds(await job.archive(), 0, 2_000);
      await assertCovered(job);
      assert.deepEqual(await preparedFolders(job), []);
    },
  );
}

binaryTest("the binary keeps a bad record as a dead letter and says so by exit code 3", async (servers) => {
  await using work = await tempDir();
  await using home = await tempDir();
  const job = await makeJob(servers, work);
  await job.produce(0, 10);
  await servers.produceRaw(job.topic, [{ value: "not Avro" }]);
  await using program = startAlone({ work, home }, [...flagsOf(job), "--until-end"]);
  assert.equal((await program.exit).code, 3, program.stderr.join("\n"));
  assertIds(await job.archive(), 0, 10);
  assert.equal((await readArchive(job.deadLetter)).rows.length, 1);
});

binaryTest(
  "the binary serves its page and its metrics, and asks itself how it is",
  async (servers) => {
    await using work = await tempDir();
    await using home = await tempDir();
    const job = await makeJob(servers, work);
    await job.produce(0, 100);
    const flags = [...flagsOf(job), "--age", "300ms", ...ANY_PORT];
    await using program = startAlone({ work, home }, flags);
    const client = await statusOf(program);
    await client.until("metrics", 200, /^kafka2parquet_archived_rows_total 100$/m);
    for (const part of ["", "page.js", "page.css", "uplot.js", "uplot.css"]) {
      const { status, text } = await client.ask(part);
      assert.ok(status === 200 && text.length > 1_000, `/${part}: ${status}, ${text.length} characters`);
    }
    // Health comes with the report of each second, rows at once.
    await client.until("readyz", 200, /group joined/);
    await using asked = startAlone({ work, home }, ["status", client.url, "--ready"]);
    assert.equal((await asked.exit).code, 0, asked.stderr.join("\n"));
    assert.match(asked.stdout[0]!, /^kafka2parquet \S+, running for .*: live, ready; /);
    program.signal("SIGTERM");
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    assert.deepEqual(await names(home.path), [], "the binary wrote into home or temporary folder");
  },
);

binaryTest("the binary gives up on a broker that is not there with exit code 69", async (servers) => {
  await using work = await tempDir();
  await using home = await tempDir();
  const broker = `127.0.0.1:${freePorts(1)[0]}`;
  const flags = [
    "--brokers",
    broker,
    "--registry",
    servers.registry,
    "--log-format",
    "text",
  ];
  await using program = startAlone({ work, home }, flags, { KAFKA2PARQUET_STARTUP_TIMEOUT: "1s" });
  assert.equal((await program.exit).code, 69, program.stderr.join("\n"));
  assert.match(program.stderr.join("\n"), new RegExp(`^error: .*${broker}.*\nhint: `, "m"));
});

for (
  const [args, code, says] of [
    [["--version"], 0, new RegExp(`^${VERSION}$`)],
    [["--help"], 0, /--brokers <HOST:PORT>/],
    [["--rowz", "5"], 2, /Did you mean --rows\?/],
  ] as const
) {
  binaryTest(`the binary answers ${args.join(" ")} with exit code ${code}`, async () => {
    await using work = await tempDir();
    await using home = await tempDir();
    await using program = startAlone({ work, home }, args);
    assert.equal((await program.exit).code, code);
    assert.ok([...program.stdout, ...program.stderr].some((line) => says.test(line)));
  });
}
