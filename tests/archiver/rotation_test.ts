import assert from "node:assert/strict";
import { betterRows } from "../../src/archiver/file_log.ts";
import { dataFolder } from "../../src/archiver/file_sealer.ts";
import { limitReached } from "../../src/archiver/rotation.ts";

const LIMITS = { rows: 1200, bytes: 1000, ageMs: 60_000 };

Deno.test("rotation: a file is closed by whichever limit it reaches", () => {
  assert.equal(limitReached({ rows: 1199, bytes: 999, ageMs: 59_999 }, LIMITS), undefined);
  assert.equal(limitReached({ rows: 1200, bytes: 1, ageMs: 0 }, LIMITS), "rows");
  assert.equal(limitReached({ rows: 1, bytes: 1000, ageMs: 0 }, LIMITS), "bytes");
  assert.equal(limitReached({ rows: 1, bytes: 1, ageMs: 60_000 }, LIMITS), "age");
});

Deno.test("rotation: a file without records is never closed", () => {
  assert.equal(limitReached({ rows: 0, bytes: 5000, ageMs: undefined }, LIMITS), undefined);
});

Deno.test("advice: the rows that fill a file in ten seconds or more, as a round number", () => {
  assert.equal(betterRows(150_000, 1200), 2_000_000);
  assert.equal(betterRows(1300, 1200), 20_000);
  assert.equal(betterRows(10, 1200), 2000);
});

Deno.test("several topics have a folder each, one topic has the output folder itself", () => {
  assert.equal(dataFolder({ output: "out", topics: ["a"] }, "a"), "out");
  assert.equal(dataFolder({ output: "out", topics: ["a", "b"] }, "b"), "out/b");
});
