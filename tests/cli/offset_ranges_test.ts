import assert from "node:assert/strict";
import { OffsetRanges } from "../../src/cli/offset_ranges.ts";
import { testRandom } from "../support/mod.ts";

function joined(ranges: readonly (readonly [number, number])[]) {
  const offsets = new OffsetRanges();
  for (const [first, next] of ranges) offsets.add({ first: BigInt(first), next: BigInt(next) });
  return {
    ranges: offsets.ranges.map(({ first, next }) => [Number(first), Number(next)]),
    overlap: offsets.overlap,
  };
}

Deno.test("ranges that follow each other become one, in whatever order they come", () => {
  const random = testRandom();
  for (let round = 0; round < 100; round++) {
    const cuts = [...new Set(Array.from({ length: 30 }, () => random.below(1_000)))].sort((a, b) => a - b);
    const ranges = cuts.slice(1).map((next, index) => [cuts[index]!, next] as const);
    const shuffled = ranges.map((range) => ({ range, at: random.next() })).sort((a, b) => a.at - b.at);
    const hole = random.below(ranges.length);
    assert.deepEqual(joined(shuffled.map(({ range }) => range)), {
      ranges: [[cuts[0], cuts.at(-1)]],
      overlap: false,
    });
    const [from, to] = ranges[hole]!;
    assert.deepEqual(
      joined(shuffled.filter(({ range }) => range !== ranges[hole]).map(({ range }) => range)),
      {
        ranges: [[cuts[0]!, from], [to, cuts.at(-1)!]].filter(([first, next]) => first !== next),
        overlap: false,
      },
    );
  }
});

for (
  const [what, ranges, expected] of [
    ["the same file twice", [[0, 5], [0, 5], [5, 9]], [[0, 9], [0, 5]]],
    ["a range inside another", [[0, 9], [3, 5]], [[0, 9], [3, 5]]],
    ["a range over a border", [[0, 5], [3, 8]], [[0, 5], [3, 8]]],
  ] as const
) {
  Deno.test(`${what} overlaps, and is not joined into one`, () => {
    const result = joined(ranges);
    assert(result.overlap);
    assert.deepEqual(result.ranges, expected);
  });
}

Deno.test("an empty range is nothing", () => {
  assert.deepEqual(joined([[5, 5]]), { ranges: [], overlap: false });
});
