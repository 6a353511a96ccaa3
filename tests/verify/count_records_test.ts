/** What is counted in a gap, and when counting may be given up. */
import assert from "node:assert/strict";
import type { FetchedRecords, PartitionRange } from "../../src/model.ts";
import { countRecords } from "../../src/verify/count_records.ts";

const VALUES_MAX = 4;

/** Batches by their records, one letter an offset: a value, a tombstone, or `.` for none. */
async function count(range: readonly [number, number], batches: readonly string[]) {
  let fetches = 0;
  const read = (
    { first }: PartitionRange,
    take: (fetched: FetchedRecords) => "more" | "enough",
  ): Promise<void> => {
    let next = Number(first);
    for (const batch of batches) {
      fetches++;
      if (take(fetched(batch, next)) === "enough") break;
      next += batch.length;
    }
    return Promise.resolve();
  };
  const [first, next] = range.map(BigInt) as [bigint, bigint];
  const found = await countRecords({ topic: "orders", partition: 0, first, next }, {
    read,
    valuesMax: VALUES_MAX,
  });
  return { ...found, fetches };
}

function fetched(batch: string, first: number): FetchedRecords {
  const records = [...batch].flatMap((letter, index) =>
    letter === "." ? [] : [{ letter, at: first + index }]
  );
  const none = new Int32Array(records.length);
  return {
    topic: "orders",
    partition: 0,
    fetchedOffset: BigInt(first),
    nextOffset: BigInt(first + batch.length),
    highWatermark: 100n,
    lastStableOffset: 100n,
    logStartOffset: 0n,
    count: records.length,
    offsets: Float64Array.from(records, ({ at }) => at),
    timestamps: new Float64Array(records.length),
    valueStart: Int32Array.from(records, ({ letter }) => letter === "t" ? -1 : 0),
    ...{ valueEnd: none, keyStart: none, keyEnd: none, headersStart: none, headersEnd: none },
    runs: [],
  };
}

for (
  const [what, range, batches, expected] of [
    ["values and tombstones", [5, 9], ["vt", ".v"], [3, 1, false, 2]],
    ["nothing but markers", [5, 9], ["..", ".."], [0, 0, false, 2]],
    ["records behind the range are none of it", [5, 7], ["vvvvvv"], [2, 0, false, 1]],
    ["values behind more tombstones than are counted of values", [0, 14], ["tttttt", "tttttt", "tv"], [
      14,
      13,
      false,
      3,
    ]],
    ["enough values before the end", [0, 12], ["vvtvv", "vvv", "vvvv"], [5, 1, true, 1]],
    ["exactly enough at the end", [0, 5], ["v", "vvv."], [4, 0, false, 2]],
  ] as const
) {
  Deno.test(`count of records: ${what}`, async () => {
    const [records, tombstones, isMore, fetches] = expected;
    assert.deepEqual(await count(range, batches), { records, tombstones, isMore, fetches });
  });
}
