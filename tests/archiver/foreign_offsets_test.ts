import assert from "node:assert/strict";
import { isCovered } from "../../src/archiver/archive_positions.ts";
import { consequencesOf } from "../../src/archiver/foreign_offsets.ts";

const range = (first: number, next: number) => ({
  topic: "orders",
  partition: 0,
  first: BigInt(first),
  next: BigInt(next),
});

for (
  const [what, position, archived, again, leftOut] of [
    ["an archive without files", 50, [], [], []],
    ["the archive's end", 100, [range(0, 60), range(60, 100)], [], []],
    ["an offset before the end", 70, [range(60, 100), range(0, 60)], [range(70, 100)], []],
    ["an offset before all files", 10, [range(40, 100)], [range(40, 100)], []],
    ["an offset in a hole", 30, [range(0, 20), range(40, 60)], [range(40, 60)], []],
    ["an offset behind the end", 120, [range(60, 100), range(0, 60)], [], [range(100, 120)]],
  ] as const
) {
  Deno.test(`foreign offsets: going on at ${what}`, () => {
    const at = { topic: "orders", partition: 0, position: BigInt(position) };
    assert.deepEqual(consequencesOf(at, archived), { again, leftOut });
  });
}

for (
  const [wanted, archived, covered] of [
    [range(5, 10), [range(0, 10)], true],
    [range(5, 10), [range(8, 12), range(0, 8)], true],
    [range(5, 10), [range(0, 8), range(2, 9)], false],
    [range(5, 10), [range(5, 7), range(8, 10)], false],
    [range(5, 10), [range(6, 20)], false],
    [range(5, 10), [], false],
  ] as const
) {
  const files = archived.map(({ first, next }) => `${first}-${next}`).join(" ");
  Deno.test(`ranges ${files || "of no file"} ${covered ? "cover" : "do not cover"} 5-10`, () => {
    assert.equal(isCovered(wanted, archived), covered);
  });
}
