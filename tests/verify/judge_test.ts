/** What is said of offsets in no file, by table. Ranges are written as pairs. */
import assert from "node:assert/strict";
import type { CommitMetadata } from "../../src/checkpoint/mod.ts";
import { FileRanges } from "../../src/verify/coverage.ts";
import { judgePartition, type PartitionFacts } from "../../src/verify/judge.ts";

type Pair = readonly [number, number];

const range = ([first, next]: Pair) => ({ first: BigInt(first), next: BigInt(next) });
const pair = ({ first, next }: { first: bigint; next: bigint }) => [Number(first), Number(next)];

interface Case {
  readonly files?: readonly Pair[];
  /** Where footers say that the archive begins. */
  readonly start?: number;
  readonly fromFirstFile?: boolean;
  readonly prepared?: readonly Pair[];
  /** Log start, stable end, committed offset. */
  readonly kafka?: readonly [number, number, number | undefined];
  /** First offset of the last commit, and whether it names a checkpoint; none where the commit is not ours. */
  readonly metadata?: readonly [number, "files" | "no files", start?: number];
  readonly gaps?: readonly (readonly [...Pair, string])[];
  readonly waiting?: readonly Pair[];
  readonly withoutRows?: readonly Pair[];
  readonly notArchived?: Pair;
  readonly uncommitted?: Pair;
}

function factsOf(
  { files = [], start, fromFirstFile = false, prepared = [], kafka, metadata }: Case,
): PartitionFacts {
  const ranges = new FileRanges();
  for (const [file, pair] of files.entries()) ranges.add(range(pair), file);
  const commit: CommitMetadata | undefined = metadata && {
    store: "a".repeat(32),
    checkpoint: metadata[1] === "files" ? "c".repeat(32) : undefined,
    first: BigInt(metadata[0]),
    start: metadata[2] === undefined ? undefined : BigInt(metadata[2]),
    pending: new Map(),
  };
  return {
    coverage: ranges.coverage(),
    start: start === undefined ? undefined : BigInt(start),
    fromFirstFile,
    prepared: prepared.map(range),
    kafka: kafka && {
      logStart: BigInt(kafka[0]),
      stableEnd: BigInt(kafka[1]),
      committed: kafka[2] === undefined ? undefined : BigInt(kafka[2]),
      metadata: commit,
    },
  };
}

const CASES: Readonly<Record<string, Case>> = {
  "files that join, no broker asked": { files: [[3, 5], [5, 9]] },
  "a hole, no broker asked": { files: [[0, 5], [7, 9]], gaps: [[5, 7, "unknown"]] },
  "a hole that a prepared checkpoint fills in part": {
    files: [[0, 5], [9, 12]],
    prepared: [[5, 8], [12, 15]],
    gaps: [[8, 9, "unknown"]],
    waiting: [[5, 8], [12, 15]],
  },
  "all is committed and archived": {
    files: [[0, 9]],
    kafka: [0, 20, 9],
    metadata: [5, "files"],
  },
  "a hole in the log": {
    files: [[0, 5], [7, 9]],
    kafka: [0, 9, 9],
    metadata: [7, "files"],
    gaps: [[5, 7, "in-log"]],
  },
  "a hole that retention has reached in part": {
    files: [[0, 2], [7, 9]],
    kafka: [5, 9, 9],
    metadata: [7, "files"],
    gaps: [[2, 5, "deleted"], [5, 7, "in-log"]],
  },
  "a hole of which all is deleted": {
    files: [[0, 2], [7, 9]],
    kafka: [8, 9, 9],
    metadata: [7, "files"],
    gaps: [[2, 7, "deleted"]],
  },
  "a hole behind the end of a topic that was made anew": {
    files: [[0, 2], [7, 9]],
    kafka: [0, 4, undefined],
    gaps: [[2, 4, "in-log"], [4, 7, "beyond-log"]],
  },
  "committed, and in no file": {
    files: [[0, 5]],
    kafka: [0, 9, 8],
    metadata: [5, "files"],
    gaps: [[5, 8, "in-log"]],
  },
  "committed, and prepared": {
    files: [[0, 5]],
    prepared: [[5, 8]],
    kafka: [0, 9, 8],
    metadata: [5, "files"],
    waiting: [[5, 8]],
  },
  "committed as records without rows": {
    files: [[0, 5]],
    kafka: [0, 9, 8],
    metadata: [5, "no files"],
    withoutRows: [[5, 8]],
  },
  "records without rows do not hide files that are gone before them": {
    files: [[0, 5]],
    kafka: [0, 9, 9],
    metadata: [7, "no files"],
    gaps: [[5, 7, "in-log"]],
    withoutRows: [[7, 9]],
  },
  "the offset was moved on by somebody else": { files: [[0, 5]], kafka: [0, 9, 8], gaps: [[5, 8, "in-log"]] },
  "started behind the log's start": {
    files: [[4, 9]],
    kafka: [2, 9, 9],
    metadata: [4, "files"],
    notArchived: [2, 4],
  },
  "the start is deleted meanwhile": { files: [[4, 9]], kafka: [7, 9, 9], metadata: [4, "files"] },
  "all files of a partition are gone": {
    kafka: [0, 9, 8],
    metadata: [3, "files"],
    gaps: [[3, 8, "in-log"]],
    notArchived: [0, 3],
  },
  "the first file is gone, no broker asked": {
    files: [[4, 9]],
    start: 1,
    gaps: [[1, 4, "unknown"]],
  },
  "the first file is gone, and its checkpoint is prepared in part": {
    files: [[4, 9]],
    start: 1,
    prepared: [[2, 4]],
    gaps: [[1, 2, "unknown"]],
    waiting: [[2, 4]],
  },
  "the first file is gone, as the last commit tells": {
    files: [[4, 9]],
    kafka: [0, 9, 9],
    metadata: [4, "files", 2],
    gaps: [[2, 4, "in-log"]],
    notArchived: [0, 2],
  },
  "the first files were moved away": {
    files: [[4, 9]],
    start: 1,
    fromFirstFile: true,
    kafka: [0, 9, 9],
    metadata: [4, "files", 1],
    notArchived: [0, 4],
  },
  "the first files were moved away, and all that was left is gone": {
    fromFirstFile: true,
    kafka: [0, 9, 8],
    metadata: [6, "files", 3],
    gaps: [[3, 8, "in-log"]],
    notArchived: [0, 3],
  },
  "the first file is there, and all tell so": {
    files: [[4, 9]],
    start: 4,
    kafka: [0, 9, 9],
    metadata: [4, "files", 4],
    notArchived: [0, 4],
  },
  "all files are gone, and the last commit tells where they began": {
    kafka: [0, 9, 8],
    metadata: [6, "files", 3],
    gaps: [[3, 8, "in-log"]],
    notArchived: [0, 3],
  },
  "a partition that has only just begun": {
    kafka: [0, 9, 4],
    metadata: [4, "no files"],
    notArchived: [0, 4],
  },
  "a partition without records": { kafka: [0, 0, 0], metadata: [0, "no files"] },
  "a partition that nobody has read": { kafka: [0, 9, undefined] },
  "visible beyond what is committed": {
    files: [[0, 5], [5, 9]],
    kafka: [0, 9, 5],
    metadata: [0, "files"],
    uncommitted: [5, 9],
  },
  "the offset was set back to before the first file": {
    files: [[4, 9]],
    kafka: [0, 9, 0],
    notArchived: [0, 4],
    uncommitted: [4, 9],
  },
  "the group's offsets are gone": { files: [[0, 9]], kafka: [0, 20, undefined] },
};

for (const [what, one] of Object.entries(CASES)) {
  Deno.test(`judge: ${what}`, () => {
    const { gaps, prepared, withoutRows, notArchived, uncommitted } = judgePartition(factsOf(one));
    assert.deepEqual({
      gaps: gaps.map((gap) => [...pair(gap), gap.place]),
      waiting: prepared.map(pair),
      withoutRows: withoutRows.map(pair),
      notArchived: notArchived && pair(notArchived),
      uncommitted: uncommitted && pair(uncommitted),
    }, {
      gaps: one.gaps ?? [],
      waiting: one.waiting ?? [],
      withoutRows: one.withoutRows ?? [],
      notArchived: one.notArchived,
      uncommitted: one.uncommitted,
    });
  });
}

Deno.test("judge: a gap names the files on its sides", () => {
  const { gaps } = judgePartition(
    factsOf({ files: [[7, 9], [0, 5]], kafka: [0, 12, 11], metadata: [9, "files"] }),
  );
  assert.deepEqual(gaps.map(({ before, after }) => [before, after]), [[1, 0], [0, undefined]]);
  const first = judgePartition(factsOf({ files: [[7, 9], [3, 7]], start: 1 })).gaps;
  assert.deepEqual(first.map(({ before, after }) => [before, after]), [[undefined, 1]]);
});
