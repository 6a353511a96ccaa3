/** `--include` and `--exclude` through the whole program: what is left out is in no byte of what it writes. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { integrationTest } from "../support/integration.ts";
import { runProgram, tempDir } from "../support/mod.ts";
import { assertCovered, assertIds, makeJob } from "./events.ts";

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesBelow(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

/** Files below the folder that hold the text. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for await (const path of filesBelow(folder)) {
    if (Buffer.from(await Deno.readFile(path)).includes(text)) found.push(path);
  }
  return found;
}

integrationTest("selection: excluded columns reach no file, and the rest is as it was", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder, { partitions: 2 });
  await job.produce(0, 300);
  // Uncompressed, so that a value is found where there is one.
  const flags = [...job.flags, "--until-end", "--rows", "100", "--compression", "none"];
  const selection = ["--exclude", "customer.*,nte", "--include", "*"];
  await using program = runProgram([...flags, ...selection]);
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  const archive = await job.archive();
  assertIds(archive, 0, 300);
  await assertCovered(job);
  assert.deepEqual(Object.keys(archive.rows[0]!), ["id", "kind", "note"]);
  assert.deepEqual(await filesWith(folder.path, "Zoë"), []);
  assert.deepEqual(await filesWith(folder.path, "city 7"), []);
  // The search finds what is there.
  assert((await filesWith(folder.path, "note 7")).length > 0);
  const warnings = program.stderr.filter((line) => line.includes("did you mean"));
  assert.equal(warnings.length, 1, program.stderr.join("\n"));
  assert.match(warnings[0]!, /nte.*did you mean note\?/);
});

integrationTest(
  "selection: where no column is left, the program says so and archives nothing",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    await job.produce(0, 10);
    await using program = runProgram([...job.flags, "--until-end", "--include", "nothing.*"]);
    assert.equal((await program.exit).code, 78, program.stderr.join("\n"));
    assert.match(program.stderr.join("\n"), /--include and --exclude leave no column/);
    assert.deepEqual((await job.archive()).files, []);
  },
);
