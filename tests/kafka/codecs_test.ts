import assert from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { snappyCompress } from "hysnappy";
import { Codec, decompress, UnknownCodecError } from "../../src/kafka/codecs.ts";
import { testRandom } from "../support/seed.ts";
import { bytes, lz4Frame, xerial } from "./batches.ts";

const COMPRESSORS: readonly (readonly [string, number, (plain: Uint8Array) => Uint8Array])[] = [
  ["gzip", Codec.gzip, gzipSync],
  ["snappy", Codec.snappy, snappyCompress],
  ["snappy as the Java client frames it", Codec.snappy, xerial],
  ["lz4", Codec.lz4, lz4Frame],
  ["zstd", Codec.zstd, zstdCompressSync],
];

for (const [name, codec, compress] of COMPRESSORS) {
  Deno.test(`${name} gives back what was compressed`, () => {
    const random = testRandom();
    for (const length of [0, 1, 5, 13, 100, 5000, 70_000]) {
      const symbols = random.pick([1, 2, 200]);
      // Random bytes, and a pattern that repeats: copies that overlap themselves.
      const pattern = new Uint8Array(random.pick([1, 3, 40])).map(() => 1 + random.below(255));
      const plain = new Uint8Array(length).map((_, i) =>
        i < length / 2 ? pattern[i % pattern.length]! : random.below(symbols)
      );
      assert.deepEqual(new Uint8Array(decompress(codec, compress(plain))), plain);
    }
  });

  Deno.test(`${name}: cut or damaged input is a RangeError or other content, never a crash`, () => {
    const random = testRandom();
    const good = compress(bytes("to be or not to be, that is the question ".repeat(20)));
    for (let round = 0; round < 400; round++) {
      const bad = good.slice(0, random.below(good.length + 1));
      if (bad.length > 0) bad[random.below(bad.length)] = random.below(256);
      try {
        decompress(codec, bad);
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error));
      }
    }
    assert.throws(() => decompress(codec, good.subarray(0, good.length >> 1)), RangeError);
  });
}

Deno.test("an lz4 frame with all its optional parts, made by the reference program", () => {
  // lz4 -9 --content-size -B4 -BX
  const hex =
    "04224d187c40240000000000000021100000006f68656c6c6f2006000650656c6c6f0a1f7af8920000000053ce9936";
  const frame = Uint8Array.from(hex.match(/../g)!, (pair) => parseInt(pair, 16));
  assert.equal(
    new TextDecoder().decode(decompress(Codec.lz4, frame)),
    "hello hello hello hello hello hello\n",
  );
});

Deno.test("an unknown codec is told by its number", () => {
  assert.throws(() => decompress(6, new Uint8Array(3)), (error) => {
    assert.ok(error instanceof UnknownCodecError);
    assert.match(error.message, /codec 6/);
    return true;
  });
});
