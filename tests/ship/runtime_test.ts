/** The runtime that `deno task compile` needs, and what is said where it is not to be had. */
import assert from "node:assert/strict";

import { DenoFailure } from "../../dev/compile/deno.ts";
import { CompileProblem } from "../../dev/compile/problem.ts";
import { checkRuntime, explainFailure } from "../../dev/compile/runtime.ts";
import { ROOT, runCommand, tempDir } from "../support/mod.ts";

Deno.test("a file in DENORT_BIN is taken for what it holds, and only the runtime of this version will do", async () => {
  await using folder = await tempDir();
  const path = `${folder.path}/denort`;
  for (
    const [holds, says] of [
      ["\xff\0Deno/2.9.4+14eea31\0", undefined],
      ["\xff\0Deno/2.9.3\0", /is the runtime of Deno 2\.9\.3, and this is 2\.9\.4$/],
      ["Deno/2.9.4 Could not find denort at", /is Deno itself, not its runtime/],
      ["\x7fELF true", /is no runtime of Deno$/],
    ] as const
  ) {
    await Deno.writeFile(path, Uint8Array.from(holds, (character) => character.charCodeAt(0)));
    if (says === undefined) await checkRuntime(path, "2.9.4");
    else {
      await assert.rejects(checkRuntime(path, "2.9.4"), (error) => {
        assert(error instanceof CompileProblem);
        assert.match(error.message, says);
        assert.match(error.hint, /DENORT_BIN .* denort of Deno 2\.9\.4/);
        return true;
      });
    }
  }
  await assert.rejects(checkRuntime(Deno.execPath()), /is Deno itself/);
});

Deno.test("where the runtime cannot be downloaded, DENORT_BIN is named; another failure is none of its business", () => {
  const url = "https://dl.deno.land/release/v2.9.4/denort-x86_64-unknown-linux-gnu.zip";
  const said = `Writing deno compile executable\n\nCaused by:\n    0: Setting up base binary.
    1: error sending request for url (${url}): client error (Connect): dns error: no such name\n    2: dns error`;
  const problem = explainFailure(said, "2.9.4");
  assert.equal(problem?.message, `Cannot download Deno's runtime from ${url}: dns error: no such name`);
  assert.match(problem.hint, /^Set DENORT_BIN to the file denort of Deno 2\.9\.4/);
  assert.equal(explainFailure("No space left on device"), undefined);
  assert.equal(
    new DenoFailure("compile", "No space left on device").message,
    "deno compile failed: No space left on device",
  );
});

Deno.test("compiling with a runtime that is not there ends with an error and a hint, without a stack", async () => {
  await using folder = await tempDir();
  const command = [
    Deno.execPath(),
    "run",
    "-A",
    "--quiet",
    `${ROOT}/dev/compile/main.ts`,
    "--output",
    folder.path,
  ];
  await using compile = runCommand(command, { cwd: ROOT, env: { DENORT_BIN: "/no/such/denort" } });
  assert.equal((await compile.exit).code, 1);
  assert.equal(compile.stderr.length, 2, compile.stderr.join("\n"));
  assert.match(compile.stderr[0]!, /^error: DENORT_BIN=\/no\/such\/denort cannot be read/);
  assert.match(compile.stderr[1]!, /^hint: /);
});
