import assert from "node:assert/strict";
import { formatBlocks, formatTable, GrowingTable } from "../../src/cli/table.ts";
import { testRandom } from "../support/mod.ts";

/** Counted without the table's own function: of the letters below only these are not one cell wide. */
function displayWidth(line: string): number {
  return Array.from(line).reduce(
    (sum, letter) => sum + ("東京🦆".includes(letter) ? 2 : letter === "\u0301" ? 0 : 1),
    0,
  );
}

Deno.test("no line is wider than the screen, and no value breaks out of its line", () => {
  const random = testRandom();
  const letters = Array.from("abc XYZ東京🦆\u0301é\n\t\x1b\x9b\u202e");
  const word = () => Array.from({ length: random.below(60) }, () => random.pick(letters)).join("");
  for (let round = 0; round < 300; round++) {
    const columns = 1 + random.below(8);
    const table = Array.from({ length: 1 + random.below(6) }, () => Array.from({ length: columns }, word));
    const width = 20 + random.below(120);
    const whole = random.chance(0.5) ? [random.below(columns)] : [];
    const lines = formatTable(table, { width, whole, right: [0] });
    assert.equal(lines.length, table.length);
    for (const line of lines) {
      assert(displayWidth(line) <= width, `${displayWidth(line)} > ${width}: ${line}`);
      assert.doesNotMatch(line, /[\p{Cc}\u202e]/u);
    }
  }
});

Deno.test("short cells stay whole while the long ones are cut", () => {
  assert.deepEqual(
    formatTable([["NAME", "COUNT", "TEXT"], ["a", "7", "x".repeat(50)]], { width: 30, right: [1] }),
    ["NAME  COUNT  TEXT", `a         7  ${"x".repeat(16)}…`],
  );
});

Deno.test("a column that is wanted whole is cut only where cutting the others is not enough", () => {
  const table = [["x".repeat(20), "y".repeat(20)]];
  assert.deepEqual(formatTable(table, { width: 32, whole: [0] }), [`${"x".repeat(20)}  ${"y".repeat(9)}…`]);
  assert.equal(formatTable(table, { width: 16, whole: [0] })[0]!.length, 16);
});

Deno.test("without a width nothing is cut", () => {
  const lines = formatTable([["x".repeat(5_000), "y"]], { width: Infinity });
  assert.deepEqual(lines, [`${"x".repeat(5_000)}  y`]);
});

Deno.test("a table in pieces keeps its columns", () => {
  const table = new GrowingTable({ width: 40 });
  assert.deepEqual(table.format([["FILE", "ROWS"], ["long name", "1"]]), ["FILE       ROWS", "long name  1"]);
  assert.deepEqual(table.format([["b", "2"]]), ["b          2"]);
});

Deno.test("values that do not fit beside each other come in further blocks, each with the names", () => {
  const values = Array.from({ length: 5 }, (_, index) => `${index}`.repeat(25));
  const blocks = formatBlocks({
    titles: ["COLUMN", "ROW 1", "ROW 2", "ROW 3", "ROW 4", "ROW 5"],
    lines: [["name", ...values]],
    leading: 1,
  }, { width: 62 });
  assert.deepEqual(blocks.map(([header]) => header!.match(/\d/g)), [["1", "2", "3"], ["4", "5"]]);
  for (const [header, line] of blocks) {
    assert(header!.startsWith("COLUMN  ROW"));
    assert(line!.startsWith("name    "));
  }
});
