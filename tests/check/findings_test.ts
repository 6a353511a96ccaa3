/** What a check's line says, and what the program ends with. */
import assert from "node:assert/strict";
import { checkClock } from "../../src/check/clock.ts";
import { Notes, worst } from "../../src/check/mod.ts";
import { ExitCode, UserError } from "../../src/errors.ts";

Deno.test("findings: what was found out stands in one line", () => {
  const notes = new Notes("topics", ExitCode.unavailable);
  notes.say("orders (2 partitions)");
  notes.say("may be read");
  assert.deepEqual(notes.finding, {
    check: "topics",
    state: "ok",
    what: "orders (2 partitions); may be read",
  });
});

Deno.test("findings: a warning comes behind what is well, with its hint", () => {
  const notes = new Notes("registry", ExitCode.unavailable);
  notes.warn("no subject a-value", "Wait for a record.");
  notes.warn("no subject b-value", "Wait for a record.");
  notes.say("answers");
  assert.deepEqual(notes.finding, {
    check: "registry",
    state: "warning",
    what: "answers; no subject a-value; no subject b-value",
    hint: "Wait for a record.",
  });
});

Deno.test("findings: a failure is all that is told, and a wrong configuration comes before servers that are away", () => {
  const notes = new Notes("topics", ExitCode.unavailable);
  notes.say("orders (2 partitions)");
  notes.warn("slow", "Wait.");
  notes.fail(new UserError("Cannot read offsets", { hint: "Look at the broker." }));
  assert.equal(notes.finding.exitCode, 69);
  notes.fail(new UserError(`There is no topic "a"`, { hint: "Make it.", exitCode: ExitCode.config }));
  assert.deepEqual(notes.finding, {
    check: "topics",
    state: "failed",
    what: `Cannot read offsets; There is no topic "a"`,
    hint: "Look at the broker. Make it.",
    parts: [
      { what: "Cannot read offsets", hint: "Look at the broker." },
      { what: `There is no topic "a"`, hint: "Make it." },
    ],
    exitCode: 78,
  });
});

Deno.test("findings: a fault of the program is no finding", () => {
  const fault = new TypeError("undefined is not a function");
  assert.throws(() => new Notes("sink", ExitCode.config).fail(fault), fault);
});

Deno.test("findings: the program's exit code is 78 before 69, and 0 without failures", () => {
  assert.equal(worst([]), 0);
  assert.equal(worst([69]), 69);
  assert.equal(worst([69, 78, 69]), 78);
});

for (
  const [aheadMs, state, what] of [
    [-1_400, "ok", "within a second of the registry's"],
    [29_000, "ok", "29 s behind the registry's"],
    [31_000, "warning", "our clock is 31 s behind the registry's"],
    [-7_200_000, "warning", "our clock is 7200 s ahead of the registry's"],
  ] as const
) {
  Deno.test(`clock: a registry that is ${aheadMs} ms ahead is ${state}`, () => {
    const notes = new Notes("clock", ExitCode.config);
    checkClock(aheadMs, notes);
    assert.deepEqual([notes.finding.state, notes.finding.what], [state, what]);
  });
}
