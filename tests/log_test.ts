import assert from "node:assert/strict";

import { getLogger, type LogRecord } from "@logtape/logtape";

import { UserError } from "../src/errors.ts";
import { Screen } from "./support/screen.ts";
import {
  closeLogging,
  configureLogging,
  configureWorkerLogging,
  type LoggingOptions,
  logRecord,
  reportError,
  showStatus,
} from "../src/log.ts";

const log = getLogger(["kafka2parquet", "test"]);

/** What `act` writes to the log. */
function written(act: () => void, options: Partial<LoggingOptions> = {}): string {
  let text = "";
  configureLogging({
    level: "info",
    format: "text",
    color: false,
    ...options,
    write: (part) => text += part,
  });
  try {
    act();
  } finally {
    closeLogging();
  }
  return text;
}

/** Lines without their timestamps. */
function lines(text: string): string[] {
  return text.trimEnd().split("\n").map((line) => line.replace(/^\S+:\S+ /, ""));
}

Deno.test("a line of text carries level and message with plain values", () => {
  const text = written(() => {
    log.info("Wrote {file}: {rows} rows up to {offset} of {topics}", {
      file: "data/a.parquet",
      rows: 1200,
      offset: 2n ** 60n,
      topics: ["a", "b"],
    });
  });
  assert.deepEqual(lines(text), [
    "info    Wrote data/a.parquet: 1200 rows up to 1152921504606846976 of a, b",
  ]);
});

Deno.test("levels below the chosen one are not written", () => {
  const act = () => {
    log.debug("one");
    log.info("two");
    log.warning("three");
  };
  assert.equal(lines(written(act)).length, 2);
  assert.equal(lines(written(act, { level: "debug" })).length, 3);
  assert.deepEqual(lines(written(act, { level: "warning" })), ["warning three"]);
});

Deno.test("data cannot forge a line, move the cursor or colour the terminal", () => {
  const evil = "x\n2026-01-01 error forged\r\x1b[2J\u202e\x9b31m";
  for (const color of [false, true]) {
    const text = written(() => {
      log.warning("Bad record: {reason}", { reason: evil });
      log.error(`Unsafe template ${evil}`);
      log.error("Nested {data}", { data: { evil } });
      log.error("Thrown {error}", { error: new Error(evil) });
    }, { color });
    // deno-lint-ignore no-control-regex -- the colours that we put in ourselves
    const bare = text.replaceAll(/\x1b\[\d*m/g, "");
    // deno-lint-ignore no-control-regex -- what must not be left
    assert.doesNotMatch(bare, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    for (const line of bare.trimEnd().split("\n")) {
      // A line either starts with our own time, or is indented as the continuation of one.
      assert.match(line, /^(\d\d\d\d-\d\d-\d\dT\d\d|\d\d:\d\d:| {4})/);
    }
  }
});

Deno.test("each JSON line is one JSON value with time, level, message and properties", () => {
  const text = written(() => {
    log.warning("Bad record at {offset}: {reason}", { offset: 5n, reason: 'a "b"\nc' });
    log.info("Plain");
  }, { format: "json" });
  const [bad, plain] = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(bad.level, "WARN");
  assert.equal(bad.message, 'Bad record at 5: a "b"\\nc');
  assert.deepEqual(bad.properties, { offset: "5", reason: 'a "b"\nc' });
  assert.ok(!Number.isNaN(Date.parse(bad["@timestamp"])));
  assert.equal(plain.message, "Plain");
});

Deno.test("colours appear only where asked for", () => {
  const act = () => log.error("red");
  assert.ok(written(act, { color: true }).includes("\x1b["));
  assert.ok(!written(act).includes("\x1b["));
});

Deno.test("an error's causes are told with it", () => {
  const error = new Error("cannot connect", { cause: new Error("ECONNREFUSED") });
  assert.deepEqual(lines(written(() => log.warning("Waiting: {error}", { error }))), [
    "warning Waiting: cannot connect: ECONNREFUSED",
  ]);
});

Deno.test("a repeated warning is written once, and its repeats when the log is closed", () => {
  let nowMs = 0;
  const text = written(() => {
    for (let i = 1; i <= 4; i++) log.warning("Waiting for {broker}, attempt {i}", { broker: "b:1", i });
    nowMs = 2_000;
  }, { nowMs: () => nowMs });
  assert.deepEqual(lines(text), [
    "warning Waiting for b:1, attempt 1",
    "warning Waiting for b:1, attempt 4 (and 2 more in 2 s)",
  ]);
});

Deno.test("repeats are written when their time is over, without another record", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  let nowMs = 0;
  configureLogging({
    level: "info",
    format: "text",
    color: false,
    nowMs: () => nowMs,
    write: (text) => text.includes("more in") && resolve(text),
  });
  try {
    for (let i = 0; i < 3; i++) log.warning("again");
    nowMs = 10_000;
    // The log's own timer does not keep the program alive, so the test has to.
    const alive = setInterval(() => {}, 100);
    assert.match(await promise, /again \(and 1 more in 10 s\)/);
    clearInterval(alive);
  } finally {
    closeLogging();
  }
});

Deno.test("what a worker logs can be posted whatever it holds, and reads the same in the main thread", () => {
  class Handle {
    close = () => {};
  }
  const posted: LogRecord[] = [];
  configureWorkerLogging("info", (record) => posted.push(structuredClone(record)));
  log.debug("not this");
  log.warning("Lost {handle} {call} {deep}: {error} at {offset} in {topics}", {
    handle: new Handle(),
    call: () => 1,
    deep: { a: { b: { c: { d: { e: { f: { g: 1 } } } } } } },
    error: new UserError("gone", { cause: new Error("really") }),
    offset: 7n,
    topics: ["x"],
  });
  assert.equal(posted.length, 1);
  const text = written(() => logRecord(posted[0]!));
  assert.match(text, /warning Lost .*Handle.*: gone: really at 7 in x\n$/);
});

Deno.test("the last words are error and hint, and give the exit code", () => {
  let exitCode = 0;
  const error = new UserError("Cannot reach b:1", { hint: "Check --brokers.", exitCode: 69 });
  const text = written(() => exitCode = reportError(error));
  assert.equal(text, "error: Cannot reach b:1\nhint: Check --brokers.\n");
  assert.equal(exitCode, 69);
});

Deno.test("a stack is shown only where debugging", () => {
  const error = new Error("bug");
  assert.doesNotMatch(written(() => reportError(error)), /at .*log_test/);
  assert.match(written(() => reportError(error), { level: "debug" }), /at .*log_test/);
  assert.match(written(() => reportError(error)), /--log-level debug/);
});

Deno.test("with JSON logs the last words are a JSON line", () => {
  const error = new UserError("Cannot reach b:1", { hint: "Check --brokers.", exitCode: 69 });
  const last = JSON.parse(written(() => reportError(error), { format: "json" }));
  assert.equal(last.level, "ERROR");
  assert.equal(last.message, "Cannot reach b:1");
  assert.deepEqual(last.properties, { exitCode: 69, hint: "Check --brokers." });
});

Deno.test("the status line stays below the log, is cut to the terminal's width, and leaves no trace", () => {
  const screen = new Screen(40);
  const steps: string[][] = [];
  const act = (step: () => void) => {
    step();
    steps.push(screen.lines.map((line) => line.replace(/^\S+:\S+ /, "")));
  };
  configureLogging({
    level: "info",
    format: "text",
    color: true,
    write: (text) => screen.write(text.replaceAll("\n", "\r\n")),
    columns: () => 40,
  });
  try {
    act(() => showStatus("12 rows/s | lag 5 | 100 held | 12,345 files"));
    act(() => log.info("One"));
    act(() => showStatus("short"));
    act(() => {
      log.info("Two");
      log.info("Three");
    });
    act(() => reportError(new UserError("bad")));
    act(closeLogging);
  } finally {
    closeLogging();
  }
  const cut = "12 rows/s | lag 5 | 100 held | 12,345 f";
  assert.deepEqual(steps, [
    [cut],
    ["info    One", cut],
    ["info    One", "short"],
    ["info    One", "info    Two", "info    Three", "short"],
    ["info    One", "info    Two", "info    Three", "error: bad", "short"],
    ["info    One", "info    Two", "info    Three", "error: bad", ""],
  ]);
});

Deno.test("a status line that does not change is not written again", () => {
  const text = written(() => {
    showStatus("same");
    showStatus("same");
  });
  assert.equal(text.match(/same/g)?.length, 1);
});

Deno.test("a worker's number stands before the text and among JSON's properties", () => {
  const posted: LogRecord[] = [];
  configureWorkerLogging("info", (record) => posted.push(record));
  log.info("Wrote {rows} rows", { rows: 5 });
  assert.deepEqual(lines(written(() => logRecord(posted[0]!, 3))), ["info    worker 3: Wrote 5 rows"]);
  const json = JSON.parse(written(() => logRecord(posted[0]!, 3), { format: "json" }));
  assert.equal(json.message, "Wrote 5 rows");
  assert.deepEqual(json.properties, { rows: 5, worker: 3 });
});
