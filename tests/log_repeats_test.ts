import assert from "node:assert/strict";

import type { LogLevel, LogRecord } from "@logtape/logtape";

import { INFO_BURST, REPEAT_WINDOW_MS, Repeats } from "../src/log_repeats.ts";

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

Deno.test("a repeated warning is written once, then once a window with the number of repeats", () => {
  const repeats = new Repeats();
  const bad = record("warning", "bad");
  assert.deepEqual(text(repeats.accept(bad, 0)), ["bad"]);
  for (let nowMs = 1; nowMs <= 5; nowMs++) assert.deepEqual(repeats.accept(bad, nowMs), []);
  assert.deepEqual(repeats.due(REPEAT_WINDOW_MS - 1), []);
  assert.deepEqual(text(repeats.due(REPEAT_WINDOW_MS)), ["bad (repeated 5 times in 10 s)"]);
  // A flood that goes on costs one line a window, not two.
  assert.deepEqual(repeats.accept(bad, REPEAT_WINDOW_MS + 1), []);
  assert.deepEqual(text(repeats.due(2 * REPEAT_WINDOW_MS)), ["bad (repeated 1 times in 10 s)"]);
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
  assert.deepEqual(repeats.flush(3_000).map(({ properties }) => properties), [{ offset: 3, repeated: 2 }]);
  assert.deepEqual(repeats.flush(3_000), []);
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
    `file (repeated ${1_000 - INFO_BURST} times in 10 s)`,
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
