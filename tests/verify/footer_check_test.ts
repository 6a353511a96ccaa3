/** Footers that do not fit their files. */
import assert from "node:assert/strict";
import type { FooterContent, RangeCounts } from "../../src/parquet/mod.ts";
import { footerProblem } from "../../src/verify/footer_check.ts";

function content(kind: FooterContent["kind"], ranges: readonly Partial<RangeCounts>[]): FooterContent {
  return {
    version: "1.2.3",
    kind,
    cluster: "c",
    group: "4",
    topic: "orders",
    checkpoint: "c".repeat(32),
    ranges: ranges.map((range) => ({
      topic: "orders",
      partition: 0,
      first: 0n,
      next: 10n,
      rows: 0,
      deadLetters: {},
      skipped: {},
      ...range,
    })),
    schemas: new Map(),
  };
}

/** A redriven file that names the records of these offsets. */
function redriven(
  offsets: readonly (readonly [bigint, bigint])[],
  of: Partial<FooterContent> = {},
): FooterContent {
  return {
    ...content("redriven", []),
    redriven: {
      source: "a.parquet",
      offsets: offsets.map(([first, next]) => ({ topic: "orders", partition: 0, first, next })),
    },
    ...of,
  };
}

for (
  const [what, of, rows, problem] of [
    ["data", content("data", [{ rows: 3 }, { partition: 1, rows: 4 }]), 7, undefined],
    [
      "data with other records",
      content("data", [{ rows: 3, deadLetters: { a: 2 }, skipped: { b: 5 } }]),
      3,
      undefined,
    ],
    ["fewer records than offsets", content("data", [{ rows: 1 }]), 1, undefined],
    ["dead letters of a data file", content("dead_letter", []), 9, undefined],
    [
      "dead letters alone",
      content("dead_letter", [{ deadLetters: { a: 2, b: 1 }, skipped: { c: 1 } }]),
      3,
      undefined,
    ],
    ["too many rows", content("data", [{ rows: 3 }]), 4, /^its ranges count 3 rows, and it holds 4$/],
    ["data without ranges", content("data", []), 4, /^its ranges count 0 rows, and it holds 4$/],
    [
      "too narrow a range",
      content("data", [{ next: 2n, rows: 3 }]),
      3,
      /^partition 0 \[0, 2\) has 2 offsets, too few for the 3 records/,
    ],
    ["no range", content("data", [{ first: 5n, next: 5n }]), 0, /no range of offsets$/],
    ["a range backwards", content("data", [{ first: 9n, next: 5n }]), 0, /no range of offsets$/],
    ["a negative count", content("data", [{ rows: -1 }]), -1, /counts -1 records$/],
    [
      "a count that is a text",
      content("data", [{ rows: "3" as unknown as number }]),
      3,
      /counts "3" records$/,
    ],
    ["a partition that is none", content("data", [{ partition: 0.5, rows: 3 }]), 3, /^0\.5 is no partition$/],
    [
      "rows among dead letters",
      content("dead_letter", [{ rows: 3 }]),
      3,
      /^its ranges count 3 rows in a file of dead letters$/,
    ],
    [
      "dead letters missing",
      content("dead_letter", [{ deadLetters: { a: 2 } }]),
      1,
      /^its ranges count 2 dead letters, and it holds 1$/,
    ],
    [
      "dead letters that were redriven",
      content("dead_letter", [{ deadLetters: { a: 3 }, redriven: 2 }]),
      1,
      undefined,
    ],
    ["all of them redriven", content("dead_letter", [{ deadLetters: { a: 3 }, redriven: 3 }]), 0, undefined],
    [
      "more redriven than there were",
      content("dead_letter", [{ deadLetters: { a: 2 }, redriven: 3 }]),
      0,
      /^partition 0 \[0, 10\) counts 3 redriven of 2 dead letters$/,
    ],
    ["a redriven file", redriven([[1n, 3n], [7n, 8n]]), 3, undefined],
    [
      "too few redriven rows",
      redriven([[1n, 3n]]),
      1,
      /^it names 2 redriven dead letters, and holds 1 rows$/,
    ],
    ["redriven offsets backwards", redriven([[3n, 1n]]), 0, /^partition 0 \[3, 1\) is no range of offsets$/],
    [
      "a redriven file that accounts for offsets",
      redriven([[1n, 2n]], { ranges: content("data", [{ rows: 1 }]).ranges }),
      1,
      /^it accounts for offsets/,
    ],
    ["a redriven file of nothing", content("redriven", []), 0, /^it does not say which/],
  ] as const
) {
  Deno.test(`footer: ${what}`, () => {
    const found = footerProblem(of, rows);
    if (problem === undefined) assert.equal(found, undefined);
    else assert.match(found ?? "", problem);
  });
}
