import assert from "node:assert/strict";
import { withoutDisks } from "./support/disk.ts";
import { isAlive, runCommand, tempDir, waitFor } from "./support/mod.ts";

Deno.test("a program's lines are found, past and future, and its exit code is told", async () => {
  await using program = runCommand([
    "sh",
    "-c",
    "echo first; echo second >&2; sleep 0.2; echo third; exit 7",
  ]);
  const [, word] = await program.waitForLine(/^(th.*)/);
  assert.equal(word, "third");
  await program.waitForLine(/first/);
  assert.equal((await program.exit).code, 7);
  assert.deepEqual([program.stdout, program.stderr], [["first", "third"], ["second"]]);
  await assert.rejects(program.waitForLine(/fourth/), /No line matched.*the program ended[^]*third/);
});

Deno.test("a program that runs longer than its limit is ended, and its last lines are told", async () => {
  await using program = runCommand(["sh", "-c", "echo hanging; exec sleep 60"], { limitMs: 300 });
  await assert.rejects(program.exit, /still running after 300 ms[^]*hanging/);
});

Deno.test("a program that is never waited for ends with its block", async () => {
  let pid: number;
  {
    await using program = runCommand(["sleep", "60"]);
    pid = program.pid;
    assert(isAlive(pid));
  }
  const alive = () =>
    new Deno.Command("kill", { args: ["-0", String(pid)], stderr: "null" }).outputSync().success;
  assert(!alive());
});

Deno.test("waiting gives what was waited for, or names it after the deadline", async () => {
  let calls = 0;
  assert.equal(await waitFor(() => ++calls === 3 && "three", { what: "three", everyMs: 1 }), "three");
  await assert.rejects(
    waitFor(() => false, { what: "the impossible", deadlineMs: 20, everyMs: 5 }),
    /the impossible/,
  );
});

Deno.test("a temporary folder goes with its block", async () => {
  let path: string;
  {
    await using folder = await tempDir();
    path = folder.path;
    await Deno.writeTextFile(`${path}/file`, "");
  }
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
});

Deno.test("tests with disks are left out where there can be none, and never in CI", () => {
  const names = ["CI", "K2P_TEST_SKIP_DISKS"] as const;
  const before = names.map((name) => Deno.env.get(name));
  try {
    for (const name of names) Deno.env.delete(name);
    assert.equal(withoutDisks(() => true), false);
    assert.equal(withoutDisks(() => false), true);
    Deno.env.set("CI", "1");
    assert.equal(withoutDisks(() => false), false);
  } finally {
    for (const [index, name] of names.entries()) {
      const value = before[index];
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
});
