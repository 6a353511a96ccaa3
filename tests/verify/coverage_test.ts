/** What ranges cover together: by table, and random ones against a count of every offset. */
import assert from "node:assert/strict";
import { FileRanges, intersection, subtract } from "../../src/verify/coverage.ts";
import { testRandom } from "../support/mod.ts";

type Pair = readonly [number, number];

const range = ([first, next]: Pair) => ({ first: BigInt(first), next: BigInt(next) });

function coverageOf(pairs: readonly Pair[]) {
  const ranges = new FileRanges();
  for (const [file, pair] of pairs.entries()) ranges.add(range(pair), file);
  return ranges.coverage();
}

for (
  const [what, pairs, expected] of [
    ["no file", [], { ranges: [], holes: [], overlaps: [] }],
    ["one file", [[5, 9]], { ranges: [[5, 9]], holes: [], overlaps: [] }],
    ["files that join, in any order", [[9, 12], [0, 5], [5, 9]], {
      ranges: [[0, 12]],
      holes: [],
      overlaps: [],
    }],
    ["a file missing", [[0, 5], [9, 12]], { ranges: [[0, 5], [9, 12]], holes: [[5, 9, 0, 1]], overlaps: [] }],
    ["a file copied", [[0, 5], [5, 9], [5, 9]], {
      ranges: [[0, 9]],
      holes: [],
      overlaps: [[5, 9, 1, 2, true]],
    }],
    ["a file copied twice", [[0, 5], [0, 5], [0, 5]], {
      ranges: [[0, 5]],
      holes: [],
      overlaps: [[0, 5, 0, 1, true], [0, 5, 0, 2, true]],
    }],
    ["a range inside another", [[0, 9], [3, 5], [9, 10]], {
      ranges: [[0, 10]],
      holes: [],
      overlaps: [[3, 5, 0, 1, false]],
    }],
    ["a range over a border", [[0, 5], [3, 8]], {
      ranges: [[0, 8]],
      holes: [],
      overlaps: [[3, 5, 0, 1, false]],
    }],
    ["a hole behind what reaches furthest, not behind what starts last", [[0, 9], [2, 3], [11, 12]], {
      ranges: [[0, 9], [11, 12]],
      holes: [[9, 11, 0, 2]],
      overlaps: [[2, 3, 0, 1, false]],
    }],
  ] as const
) {
  Deno.test(`coverage: ${what}`, () => {
    const { ranges, holes, overlaps } = coverageOf(pairs);
    assert.deepEqual({
      ranges: ranges.map(({ first, next }) => [Number(first), Number(next)]),
      holes: holes.map(({ first, next, before, after }) => [Number(first), Number(next), before, after]),
      overlaps: overlaps.map(({ first, next, files, isSame }) => [
        ...[Number(first), Number(next), ...files, isSame],
      ]),
    }, expected);
  });
}

/** Which offsets a condition holds for. */
function offsetsWhere(counts: readonly number[], holds: (count: number) => boolean): number[] {
  return counts.flatMap((count, offset) => holds(count) ? [offset] : []);
}

function offsetsIn(ranges: readonly { first: bigint; next: bigint }[]): number[] {
  const offsets = new Set<number>();
  for (const { first, next } of ranges) {
    for (let offset = Number(first); offset < Number(next); offset++) offsets.add(offset);
  }
  return [...offsets].sort((a, b) => a - b);
}

Deno.test("random ranges: the same as counting every offset", () => {
  const random = testRandom();
  for (let round = 0; round < 2_000; round++) {
    const pairs = Array.from({ length: 1 + random.below(20) }, (): Pair => {
      const first = random.below(60);
      return [first, first + 1 + random.below(12)];
    });
    const counts = Array.from(
      { length: 80 },
      (_, offset) => pairs.filter(([first, next]) => first <= offset && offset < next).length,
    );
    const { ranges, holes, overlaps } = coverageOf(pairs);
    const covered = offsetsWhere(counts, (count) => count > 0);
    assert.deepEqual(offsetsIn(ranges), covered);
    const inside = offsetsWhere(counts, (count) => count === 0)
      .filter((offset) => offset > covered[0]! && offset < covered.at(-1)!);
    assert.deepEqual(offsetsIn(holes), inside);
    assert.deepEqual(offsetsIn(overlaps), offsetsWhere(counts, (count) => count > 1));
    for (const { before, after, first, next } of holes) {
      assert.equal(pairs[before]![1], Number(first));
      assert.equal(pairs[after]![0], Number(next));
    }
    for (const { files, first, next } of overlaps) {
      for (const file of files) {
        assert(pairs[file]![0] <= Number(first) && Number(next) <= pairs[file]![1], JSON.stringify(pairs));
      }
    }
    const whole = range([random.below(30), 31 + random.below(49)]);
    assert.deepEqual(
      offsetsIn(subtract(whole, pairs.map(range))),
      offsetsWhere(counts, (count) => count === 0).filter((offset) =>
        offset >= Number(whole.first) && offset < Number(whole.next)
      ),
    );
  }
});

Deno.test("intersection", () => {
  assert.deepEqual(intersection(range([0, 5]), range([3, 9])), range([3, 5]));
  assert.equal(intersection(range([0, 5]), range([5, 9])), undefined);
});
