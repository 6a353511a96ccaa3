import assert from "node:assert/strict";
import { crc32c } from "../../src/kafka/crc32c.ts";
import { testRandom } from "../support/seed.ts";
import { bytes, slowCrc32c } from "./batches.ts";

Deno.test("the check value of CRC-32C", () => {
  assert.equal(crc32c(bytes("123456789"), 0, 9), 0xe3069283);
});

Deno.test("the fast checksum agrees with the plain one for any length and start", () => {
  const random = testRandom();
  const data = new Uint8Array(3000).map(() => random.below(256));
  for (let length = 0; length < 70; length++) {
    const from = random.below(100);
    assert.equal(crc32c(data, from, from + length), slowCrc32c(data.subarray(from, from + length)));
  }
  // From one block of streams to more than the module's memory holds at once.
  const large = new Uint8Array(1_200_000).map(() => random.below(256));
  for (const length of [4095, 4096, 4097, 8191, 8192, 50_000, 1_048_576, 1_150_000]) {
    const from = random.below(1000);
    assert.equal(crc32c(large, from, from + length), slowCrc32c(large.subarray(from, from + length)));
  }
  for (let round = 0; round < 50; round++) {
    const from = random.below(data.length);
    const to = from + random.below(data.length - from);
    assert.equal(crc32c(data, from, to), slowCrc32c(data.subarray(from, to)));
  }
});
