import assert from "node:assert/strict";
import { crc32c } from "../../src/kafka/crc32c.ts";
import { testRandom } from "../support/seed.ts";
import { bytes, slowCrc32c, view } from "./batches.ts";

Deno.test("the check value of CRC-32C", () => {
  assert.equal(crc32c(view(bytes("123456789")), 0, 9), 0xe3069283);
});

Deno.test("the fast checksum agrees with the plain one for any length and start", () => {
  const random = testRandom();
  const data = new Uint8Array(3000).map(() => random.below(256));
  for (let length = 0; length < 70; length++) {
    const from = random.below(100);
    assert.equal(crc32c(view(data), from, from + length), slowCrc32c(data.subarray(from, from + length)));
  }
  for (let round = 0; round < 50; round++) {
    const from = random.below(data.length);
    const to = from + random.below(data.length - from);
    assert.equal(crc32c(view(data), from, to), slowCrc32c(data.subarray(from, to)));
  }
});
