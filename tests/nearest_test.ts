import assert from "node:assert/strict";

import { nearest } from "../src/nearest.ts";

const FLAGS = ["--rows", "--bytes", "--brokers", "--fetch-wait", "--from"];

for (
  const [word, expected] of [
    ["--row", "--rows"],
    ["--Rows", "--rows"],
    ["--borkers", "--brokers"],
    ["--fetchwait", "--fetch-wait"],
    ["--form", "--from"],
    ["--completely-different", undefined],
    ["", undefined],
    ["x".repeat(100_000), undefined],
  ] as const
) {
  Deno.test(`nearest flag to ${word.slice(0, 30)} is ${expected}`, () => {
    assert.equal(nearest(word, FLAGS), expected);
  });
}
