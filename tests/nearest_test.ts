import assert from "node:assert/strict";

import { nearest } from "../src/nearest.ts";

const FLAGS = ["rows", "bytes", "brokers", "fetch-wait", "from", "group", "output", "age", "help"];

for (
  const [word, expected] of [
    ["row", "rows"],
    ["Rows", "rows"],
    ["borkers", "brokers"],
    ["fetchwait", "fetch-wait"],
    ["form", "from"],
    ["hlep", "help"],
    ["hlp", "help"],
    // What is broken off is more likely than what is misspelt: "out" is as near to "age" and to "group".
    ["out", "output"],
    ["OUT", "output"],
    ["fetch", "fetch-wait"],
    // Of two that begin so, neither is meant more than the other.
    ["f", undefined],
    ["completely-different", undefined],
    ["", undefined],
    ["x".repeat(100_000), undefined],
  ] as const
) {
  Deno.test(`nearest flag to ${word.slice(0, 30)} is ${expected}`, () => {
    assert.equal(nearest(word, FLAGS), expected);
  });
}
