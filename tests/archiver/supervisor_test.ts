/** The supervisor with a stand-in for the archiver, in a process of its own: signals, exit codes, last words. */
import assert from "node:assert/strict";

import { type Program, runCommand } from "../support/program.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait.ts";
import type { SupervisedOptions } from "./workers/supervise.ts";

const SUPERVISE = new URL("./workers/supervise.ts", import.meta.url).pathname;

function supervised(options: SupervisedOptions): Program {
  return runCommand([Deno.execPath(), "run", "-A", SUPERVISE, JSON.stringify(options)]);
}

/** Lines on stderr without the timestamps of the log. */
function said(program: Program): string {
  return program.stderr.map((line) => line.replace(/^\S+T\S+Z /, "")).join("\n");
}

interface Ending extends SupervisedOptions {
  readonly code: number;
  /** What has to be said, in this order. */
  readonly says: readonly RegExp[];
  readonly saysNot?: RegExp;
}

const STACK = /^ +at /m;

const ENDINGS: readonly Ending[] = [
  { scenario: "finishes", code: 0, says: [/^info +Done: 2400 rows in 2 files, 1\.0 MiB in [\d.]+ s$/m] },
  { scenario: "finishes with dead letters", code: 0, says: [/Done: .*3 dead letters/] },
  {
    scenario: "finishes with dead letters",
    flags: { "until-end": "true", "dead-letter": "dead" },
    code: 3,
    says: [/Done: .*3 dead letters/, /3 records could not be decoded; they are whole in dead/],
  },
  {
    scenario: "finishes with some unsaved",
    code: 1,
    says: [
      /error: Not everything .*customer_events\[0\] from 5 to 9: disk full; customer_events\[1\]/,
      /comes again/,
    ],
  },
  {
    scenario: "fails for a user's reason",
    code: 69,
    says: [/^error: Cannot reach b:1\nhint: Check --brokers\.$/m],
    saysNot: STACK,
  },
  {
    scenario: "fails for a user's reason",
    flags: { "log-level": "debug" },
    code: 69,
    says: [/error: Cannot reach b:1/, /at .*scenarios\.ts/],
  },
  {
    scenario: "fails for a reason of its own",
    code: 1,
    says: [/error: The archiver failed: x is undefined/, /--log-level debug/],
    saysNot: STACK,
  },
  { scenario: "throws where nobody catches", code: 1, says: [/error: .*in a timer/], saysNot: STACK },
  { scenario: "rejects where nobody listens", code: 1, says: [/error: .*in a promise/], saysNot: STACK },
  {
    scenario: "exits by itself",
    code: 1,
    says: [/error: The archiver's thread died: it ended without saying why/],
  },
  {
    scenario: "hangs",
    pingEveryMs: 50,
    code: 1,
    says: [/thread died: it has not answered 12 pings/, /comes again/],
  },
  {
    scenario: "any",
    worker: "broken.ts",
    code: 1,
    says: [/error: The archiver's thread died: .*broken at once/],
  },
  {
    scenario: "any",
    worker: "missing.ts",
    code: 1,
    says: [/error: The archiver's thread died: .*missing\.ts/],
  },
];

for (const { code, says, saysNot, ...options } of ENDINGS) {
  Deno.test(`an archiver that ${JSON.stringify(options)} gives exit code ${code}`, async () => {
    await using program = supervised(options);
    assert.equal((await program.exit).code, code, said(program));
    let rest = said(program);
    for (const pattern of says) {
      const match = pattern.exec(rest);
      assert.ok(match, `${pattern} is not in:\n${rest}`);
      rest = rest.slice(match.index + match[0].length);
    }
    if (saysNot) assert.doesNotMatch(said(program), saysNot);
    assert.deepEqual(program.stdout, []);
    assert.doesNotMatch(said(program), /another one starts/, "who never began to work is not replaced");
  });
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} says at once what is held, saves it and exits 0`, async () => {
    await using program = supervised({ scenario: "drains when told" });
    await program.waitForLine(/Archiving/);
    program.signal(signal);
    assert.equal((await program.exit).code, 0, said(program));
    assert.match(
      said(program),
      signal === "SIGINT"
        ? /Saving what is held \(17 rows\), committing, leaving the group; Ctrl-C again to quit at once\./
        : /Saving what is held \(17 rows\), committing, leaving the group; a second signal quits at once\./,
    );
    assert.match(said(program), /Done: 2417 rows in 3 files/);
  });
}

Deno.test("a second signal exits at once with 130 and says what was held", async () => {
  await using program = supervised({ scenario: "never drains" });
  await program.waitForLine(/Archiving/);
  await waitFor(() => {
    if (!program.ended) program.signal("SIGINT");
    return program.ended;
  }, { what: "the end", everyMs: 100 });
  assert.equal((await program.exit).code, 130, said(program));
  assert.match(said(program), /Quitting at once\. The 17 rows that were held/);
});

Deno.test("the second copy of one Ctrl-C, which deno task passes on, does not cut the saving short", async () => {
  await using program = supervised({ scenario: "drains slowly" });
  await program.waitForLine(/Archiving/);
  // Two of one kind would be merged by the kernel while the first one waits.
  program.signal("SIGINT");
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0, said(program));
});

Deno.test("saving that does not end in time exits 1 and says what was not saved", async () => {
  await using program = supervised({ scenario: "never drains", flags: { "shutdown-timeout": "100ms" } });
  await program.waitForLine(/Archiving/);
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 1, said(program));
  assert.match(
    said(program),
    /error: Saving did not end within 0\.1 s\. The 17 rows that were held.*comes again/,
  );
  assert.match(said(program), /hint: Allow more with shutdown-timeout/);
});

Deno.test("a signal before anything is read promises no saving", async () => {
  await using program = supervised({ scenario: "waits to connect" });
  await program.waitForLine(/Waiting for Kafka/);
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0, said(program));
  assert.match(said(program), /^info +Stopping; a second signal quits at once\.$/m);
  assert.doesNotMatch(said(program), /Saving|leaving/);
  assert.match(said(program), /^info +Done: no rows in [\d.]+ s$/m);
});

Deno.test("a bounded run that is stopped by a signal exits 0 whatever dead letters it met", async () => {
  await using program = supervised({ scenario: "drains when told", flags: { "until-end": "true" } });
  await program.waitForLine(/Archiving/);
  program.signal("SIGINT");
  assert.equal((await program.exit).code, 0, said(program));
});

Deno.test("progress is told while there is any", async () => {
  await using program = supervised({ scenario: "makes progress", progressEveryMs: 100 });
  const [, first] = await program.waitForLine(/(\d+) rows in \d+ files, 17 held, \d+ rows\/s, lag 5/);
  await waitFor(
    () => program.stderr.some((line) => Number(/(\d+) rows in/.exec(line)?.[1]) > Number(first)),
    {
      what: "a later line of progress",
    },
  );
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0);
});

Deno.test("no progress is told where nothing happens", async () => {
  await using program = supervised({ scenario: "drains slowly", progressEveryMs: 20 });
  await program.waitForLine(/2400 rows in 2 files, 17 held/);
  // The drain lasts many times the 20 ms after which a change would be told.
  program.signal("SIGTERM");
  await program.exit;
  assert.equal(program.stderr.filter((line) => line.includes("17 held")).length, 1, said(program));
});

const TWO = { workers: "2" };
const QUICK = { rebuildPauseMs: 10, pingEveryMs: 50 };

Deno.test("several workers: sums in progress and at the end, names in the log, a common start is said once", async () => {
  await using program = supervised({
    scenario: "work until told",
    flags: { workers: "3" },
    progressEveryMs: 100,
  });
  await program.waitForLine(/6000 rows in 6 files, 51 held, \d+ rows\/s, lag 15$/);
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0, said(program));
  assert.match(said(program), /Saving what is held \(51 rows\)/);
  assert.match(said(program), /^info +Done: 6051 rows in 9 files, 3\.0 MiB in [\d.]+ s$/m);
  for (const worker of [1, 2, 3]) assert.match(said(program), new RegExp(`worker ${worker}: Saved`));
  assert.equal(said(program).match(/Archiving a, b/g)?.length, 1, said(program));
});

Deno.test("the only worker is not named in the log", async () => {
  await using program = supervised({ scenario: "work until told" });
  await program.waitForLine(/Working/);
  program.signal("SIGTERM");
  await program.exit;
  assert.doesNotMatch(said(program), /worker/);
});

Deno.test("a bounded run ends when all workers are done, with their sums", async () => {
  await using program = supervised({
    scenario: "the second finishes later",
    flags: { ...TWO, "until-end": "true" },
  });
  assert.equal((await program.exit).code, 0, said(program));
  assert.match(said(program), /Done: 2900 rows in 4 files/);
});

for (const death of ["an uncaught error", "a panic in WebAssembly", "an exit", "an endless loop"]) {
  Deno.test(`a worker that dies of ${death} is replaced, and the others go on`, async () => {
    await using folder = await tempDir();
    await using program = supervised({
      scenario: "the second dies once",
      flags: { ...TWO, separator: death, output: folder.path },
      ...QUICK,
    });
    await program.waitForLine(
      /worker 2: .*; another one starts in 0\.01 s \(number 1 of at most 3 in 10 min\)/,
    );
    await program.waitForLine(/worker 2: Working/);
    program.signal("SIGTERM");
    assert.equal((await program.exit).code, 0, said(program));
    // What the dead one had done counts, what it held does not.
    assert.match(said(program), /Saving what is held \(34 rows\)/);
    assert.match(
      said(program),
      /Done: 5434 rows in 7 files.*; 1 worker died and was replaced, its last files may not be counted/,
    );
  });
}

Deno.test("a worker that dies again and again is replaced three times, then the others save and the end is clear", async () => {
  await using program = supervised({
    scenario: "the second dies again and again",
    flags: { ...TWO, separator: "an uncaught error" },
    ...QUICK,
  });
  assert.equal((await program.exit).code, 1, said(program));
  assert.equal(said(program).match(/worker 2: About to die/g)?.length, 4, said(program));
  assert.equal(said(program).match(/another one starts/g)?.length, 3, said(program));
  assert.match(
    said(program),
    /worker 2: .*in a timer\. The other workers save[^]*worker 1: Saved[^]*^error: .*in a timer$/m,
  );
  assert.match(said(program), /17 rows that were held may not be committed: what is not comes again/);
});

Deno.test("a worker that a user's reason stops is not replaced: the others save, and its exit code is the program's", async () => {
  await using program = supervised({ scenario: "the second has a user's reason", flags: TWO, ...QUICK });
  assert.equal((await program.exit).code, 78, said(program));
  assert.match(
    said(program),
    /worker 2: No room\. The other workers save[^]*worker 1: Saved[^]*^error: No room\nhint: Make some\.$/m,
  );
  assert.doesNotMatch(said(program), /another one/);
});

Deno.test("the time for saving covers the others when one has failed", async () => {
  await using program = supervised({
    scenario: "the second has a user's reason, the first never drains",
    flags: { ...TWO, "shutdown-timeout": "100ms" },
  });
  assert.equal((await program.exit).code, 78, said(program));
  assert.match(said(program), /Saving did not end within 0\.1 s\. The 17 rows[^]*^error: No room$/m);
});

Deno.test("a signal while a replacement is waited for: nobody is started any more, and the end says why one is missing", async () => {
  await using program = supervised({
    scenario: "the second dies, the first drains slowly",
    flags: { ...TWO, separator: "an uncaught error" },
    // Over before the first has drained: nobody may start then.
    rebuildPauseMs: 300,
  });
  await program.waitForLine(/another one starts in 0\.3 s/);
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 1, said(program));
  assert.match(said(program), /^error: .*in a timer$/m);
  assert.equal(said(program).match(/About to die/g)?.length, 1);
});

Deno.test("more workers than partitions: says so once", async () => {
  await using program = supervised({ scenario: "the third has no partition", flags: { workers: "3" } });
  await program.waitForLine(/1 of 3 workers has no partition: .* --workers 2 would do as much/);
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0, said(program));
  assert.equal(said(program).match(/no partition/g)?.length, 1, said(program));
});
