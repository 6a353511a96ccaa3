/** UTF-8 and decimals, against the platform's own. */
import assert from "node:assert/strict";
import { decimalLimits, readDecimal } from "../../src/avro/decimal.ts";
import { isUtf8 } from "../../src/avro/utf8.ts";
import { testRandom } from "../support/mod.ts";

function isUtf8Reference(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

Deno.test("UTF-8 is what TextDecoder takes, for all short sequences that begin with any lead byte", () => {
  const seconds = [0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
  const tails = [0x41, 0x80, 0xbf, 0xc0];
  for (let lead = 0; lead < 256; lead++) {
    for (const second of seconds) {
      for (const third of tails) {
        for (const fourth of tails) {
          const all = Uint8Array.of(lead, second, third, fourth);
          for (let length = 1; length <= 4; length++) {
            const bytes = all.subarray(0, length);
            // A range inside other bytes must be judged by itself.
            assert.equal(isUtf8(all, 0, length), isUtf8Reference(bytes), `${bytes}`);
          }
        }
      }
    }
  }
});

Deno.test("UTF-8 is what TextDecoder takes, for random text with random damage", () => {
  const random = testRandom();
  for (let round = 0; round < 2000; round++) {
    const points = Array.from(
      { length: random.below(20) },
      () => random.pick([0x41, 0xe9, 0x20ac, 0x1f986, 0x10ffff]),
    );
    const bytes = new TextEncoder().encode(String.fromCodePoint(...points));
    if (bytes.length > 0 && random.chance(0.7)) bytes[random.below(bytes.length)] = random.below(256);
    assert.equal(isUtf8(bytes, 0, bytes.length), isUtf8Reference(bytes), `${bytes}`);
  }
});

Deno.test("decimals fit exactly up to the digits of their precision, in any number of bytes", () => {
  for (let precision = 1; precision <= 76; precision++) {
    const byteWidth = precision > 38 ? 32 : 16;
    const limits = decimalLimits({ precision, byteWidth });
    const limit = 10n ** BigInt(precision);
    const wrap = 1n << BigInt(8 * byteWidth);
    for (
      const value of [
        0n,
        1n,
        -1n,
        limit - 1n,
        1n - limit,
        limit,
        -limit,
        limit + 1n,
        256n * limit,
        -256n * limit,
        wrap - 1n,
        1n - wrap,
        wrap,
      ]
    ) {
      for (const spare of [0, 1, 5, 40]) {
        const needed = Math.ceil((value < 0n ? -value - 1n : value).toString(2).length / 8 + 0.125);
        const length = needed + spare;
        const hex = BigInt.asUintN(8 * length, value).toString(16).padStart(2 * length, "0");
        const bytes = Uint8Array.from([9, ...hex.match(/../g)!.map((byte) => parseInt(byte, 16)), 9]);
        const values = new Int32Array(3 * limits.words);
        const fits = readDecimal(bytes, 1, 1 + length, values, 1, limits);
        assert.equal(
          fits,
          value < limit && value > -limit,
          `${value} of ${precision} digits in ${length} bytes`,
        );
        if (fits) assert.equal(wordsOf(values.subarray(limits.words, 2 * limits.words)), value);
        assert.ok(values.subarray(0, limits.words).every((word) => word === 0));
        assert.ok(values.subarray(2 * limits.words).every((word) => word === 0));
      }
    }
  }
});

function wordsOf(words: Int32Array): bigint {
  return words.reduceRight(
    (value, word, index) => index === words.length - 1 ? BigInt(word) : value << 32n | BigInt(word >>> 0),
    0n,
  );
}
