import assert from "node:assert/strict";

import type { LogLevel, LogRecord } from "@logtape/logtape";

import { DETAILS_MAX, INFO_BURST, REPEAT_WINDOW_MS, Repeats } from "../src/log_repeats.ts";

function record(level: LogLevel, template: string, properties: Record<string, unknown> = {}): LogRecord {
  return {
    category: ["kafka2parquet", "test"],
    level,
    message: [template],
    rawMessage: template,
    timestamp: 0,
    properties,
  };
}

const text = (records: readonly LogRecord[]) => records.map(({ message }) => message.join(""));

Deno.test("a repeated warning is written once, then once a window with the number of those that came", () => {
  const repeats = new Repeats();
  const bad = record("warning", "bad");
  assert.deepEqual(text(repeats.accept(bad, 0)), ["bad"]);
  for (let nowMs = 1; nowMs <= 5; nowMs++) assert.deepEqual(repeats.accept(bad, nowMs), []);
  assert.deepEqual(repeats.due(REPEAT_WINDOW_MS - 1), []);
  assert.deepEqual(text(repeats.due(REPEAT_WINDOW_MS)), ["bad (and 4 more in 10 s)"]);
  // A flood that goes on costs one line a window, not two.
  assert.deepEqual(repeats.accept(bad, REPEAT_WINDOW_MS + 1), []);
  assert.deepEqual(text(repeats.due(2 * REPEAT_WINDOW_MS)), ["bad"]);
});

Deno.test("after a quiet window the next one is written at once again", () => {
  const repeats = new Repeats();
  const bad = record("error", "bad");
  repeats.accept(bad, 0);
  assert.deepEqual(text(repeats.accept(bad, REPEAT_WINDOW_MS)), ["bad"]);
});

Deno.test("the line for repeats is the last of them and carries their number", () => {
  const repeats = new Repeats();
  repeats.accept(record("warning", "bad", { offset: 1 }), 0);
  repeats.accept(record("warning", "bad", { offset: 2 }), 1);
  repeats.accept(record("warning", "bad", { offset: 3 }), 2);
  assert.deepEqual(repeats.flush(3_000).map(({ properties }) => properties), [
    { offset: 3, repeated: 2, firstOffset: 2n, lastOffset: 3n },
  ]);
  assert.deepEqual(repeats.flush(3_000), []);
});

/** A dead letter as the archiver logs it. */
function deadLetter(partition: number, offset: bigint, reason: string): LogRecord {
  const line = `Dead letter: t[${partition}] offset ${offset}: ${reason}`;
  return {
    ...record("warning", line, { topic: "t", partition, offset, reason }),
    rawMessage: "Dead letter: {topic}[{partition}] offset {offset}: {reason}",
  };
}

Deno.test("bad records are gathered by partition and reason, with the offsets that they span", () => {
  const repeats = new Repeats();
  const written: LogRecord[] = [];
  for (let offset = 9n; offset <= 13n; offset++) {
    written.push(...repeats.accept(deadLetter(0, offset, "truncated"), 0));
    written.push(...repeats.accept(deadLetter(1, offset + 100n, "truncated"), 0));
  }
  written.push(...repeats.accept(deadLetter(0, 14n, "schema 4 is not in the registry"), 0));
  assert.deepEqual(text(written), [
    "Dead letter: t[0] offset 9: truncated",
    "Dead letter: t[1] offset 109: truncated",
    "Dead letter: t[0] offset 14: schema 4 is not in the registry",
  ]);
  assert.deepEqual(text(repeats.due(REPEAT_WINDOW_MS)), [
    "Dead letter: t[0] offset 13: truncated (and 3 more in 10 s, offsets 10 to 13)",
    "Dead letter: t[1] offset 113: truncated (and 3 more in 10 s, offsets 110 to 113)",
  ]);
});

Deno.test("a reason of its own for each record is no way to flood the log", () => {
  const repeats = new Repeats();
  let written = 0;
  for (let i = 0; i < 1_000; i++) {
    written += repeats.accept(deadLetter(i % 2, BigInt(i), `byte ${i}`), i).length;
  }
  assert.equal(written, DETAILS_MAX + 1);
  const lines = repeats.flush(1_000);
  const rest = 1_000 - DETAILS_MAX - 1;
  // Of several partitions, so without a span.
  assert.deepEqual(text(lines), [`Dead letter: t[1] offset 999: byte 999 (and ${rest - 1} more in 1 s)`]);
  assert.equal(repeats.accept(deadLetter(0, 1n, "byte 1"), 2_000).length, 1, "told apart again");
});

Deno.test("a gathered line carries the time at which it is written", () => {
  const repeats = new Repeats();
  const at = (timestamp: number, template = "bad") => ({ ...record("warning", template), timestamp });
  const written = [
    ...repeats.accept(at(1_000), 1_000),
    ...repeats.accept(at(1_001), 1_002),
    ...repeats.accept(at(9_000, "another"), 9_001),
    // Made in a worker a moment before it came here.
    ...repeats.accept(at(11_500), 11_502),
    ...repeats.due(25_000),
  ];
  assert.deepEqual(written.map(({ timestamp }) => timestamp), [1_000, 9_000, 11_500, 25_000]);
});

Deno.test("what is held of a trouble is written before the line that says it is over, and not after it", () => {
  const repeats = new Repeats();
  const bad = (topic: string, reason: string) => record("error", "bad", { topic, reason });
  const good = record("info", "good again", { topic: "x", recovered: true });
  for (const reason of ["full", "gone", "full", "full", "gone"]) repeats.accept(bad("x", reason), 0);
  for (let i = 0; i < 2; i++) repeats.accept(bad("y", "full"), 0);
  repeats.accept(record("info", "another word of it", { topic: "x" }), 1_000);
  const written = repeats.accept({ ...good, timestamp: 5_000 }, 5_001);
  assert.deepEqual(text(written), ["bad (and 1 more in 5 s)", "bad", "good again"]);
  assert.deepEqual(written.map(({ timestamp }) => timestamp), [5_000, 5_000, 5_000]);
  assert.equal(repeats.accept(bad("x", "full"), 6_000).length, 1, "new trouble is told at once");
  assert.equal(repeats.accept(bad("y", "full"), 6_000).length, 0, "the trouble of another topic goes on");
  assert.deepEqual(repeats.flush(7_000).map(({ properties }) => properties["topic"]), ["y"]);
});

Deno.test("a trouble that comes and goes floods nothing", () => {
  const repeats = new Repeats();
  let written = 0;
  for (let i = 0; i < 1_000; i++) {
    written += repeats.accept(record("error", "bad"), i).length;
    written += repeats.accept(record("info", "good again", { recovered: true }), i).length;
  }
  assert.equal(written, 2 * INFO_BURST + 1);
});

Deno.test("levels, templates and topics are told apart; offsets are not", () => {
  const repeats = new Repeats();
  assert.equal(repeats.accept(record("warning", "a", { topic: "x", offset: 1 }), 0).length, 1);
  assert.equal(repeats.accept(record("error", "a", { topic: "x", offset: 1 }), 0).length, 1);
  assert.equal(repeats.accept(record("warning", "b", { topic: "x", offset: 1 }), 0).length, 1);
  assert.equal(repeats.accept(record("warning", "a", { topic: "y", offset: 1 }), 0).length, 1);
  assert.equal(repeats.accept(record("warning", "a", { topic: "x", offset: 2 }), 0).length, 0);
});

Deno.test("information is gathered only when it comes fast, debugging never", () => {
  const repeats = new Repeats();
  let written = 0;
  for (let i = 0; i < 1_000; i++) written += repeats.accept(record("info", "file"), i).length;
  assert.equal(written, INFO_BURST);
  assert.deepEqual(text(repeats.due(REPEAT_WINDOW_MS)), [
    `file (and ${1_000 - INFO_BURST - 1} more in 10 s)`,
  ]);
  for (let i = 0; i < 100; i++) assert.equal(repeats.accept(record("debug", "x"), i).length, 1);
});

Deno.test("no number of kinds makes it forget how many records were held back", () => {
  const repeats = new Repeats();
  let written = 0;
  let counted = 0;
  const take = (records: readonly LogRecord[]) => {
    for (const { properties } of records) {
      written++;
      counted += Number(properties["repeated"] ?? 1);
    }
  };
  const KINDS = 3_000;
  for (let kind = 0; kind < KINDS; kind++) {
    for (let i = 0; i < 3; i++) take(repeats.accept(record("warning", `kind ${kind}`), i));
  }
  take(repeats.flush(10));
  assert.equal(counted, 3 * KINDS);
  assert.equal(written, 2 * KINDS);
});
