import assert from "node:assert/strict";
import { planMemory } from "../../src/archiver/memory.ts";

const MIB = 1024 * 1024;

Deno.test("memory: whatever the share, all parts at their limits stay within it", () => {
  for (const share of [16 * MIB, 64 * MIB, 256 * MIB, 1024 * MIB, 65_536 * MIB]) {
    const plan = planMemory(share);
    // A file that is encoded is there as columns, stream, wasm arrays and Parquet; the columns count as open.
    const encoding = 3 * plan.fileBytesMax;
    assert(plan.openBytesMax + encoding + plan.backlogBytesMax + 2 * plan.fetchBytesMax <= share, `${share}`);
    assert(plan.partitionFetchBytesMax <= plan.fetchBytesMax);
  }
});

Deno.test("memory: by default files reach the size that --bytes says", () => {
  assert(planMemory(2048 * MIB).fileBytesMax >= 128 * MIB);
});
