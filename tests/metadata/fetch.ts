/** What a fetch would bring, from records as a test writes them. */
import assert from "node:assert/strict";
import { parseRecordSet } from "../../src/kafka/record_batch.ts";
import type { FetchedRecords } from "../../src/model.ts";
import { type BatchOptions, concat, encodeBatch, type TestRecord, view } from "../kafka/batches.ts";

export type { TestRecord };

/** The records as one fetch, in batches of at most so many records, each by its codec: compressed ones are a run each. */
export function fetchOf(
  { topic, partition }: { topic: string; partition: number },
  records: readonly TestRecord[],
  { batchRecords = Infinity, codecs = ["none"] }: {
    batchRecords?: number;
    codecs?: readonly NonNullable<BatchOptions["codec"]>[];
  } = {},
): FetchedRecords {
  const batches: Uint8Array[] = [];
  for (let at = 0; at < records.length;) {
    const next = Math.min(records.length, at + batchRecords);
    batches.push(encodeBatch(records.slice(at, next), { codec: codecs[batches.length % codecs.length]! }));
    at = next;
  }
  const fetchedOffset = records[0]?.offset ?? 0;
  const { nextOffset, problem, ...set } = parseRecordSet(view(concat(batches)), { fetchedOffset });
  assert.equal(problem, undefined);
  const end = BigInt(nextOffset);
  return {
    ...set,
    topic,
    partition,
    fetchedOffset: BigInt(fetchedOffset),
    nextOffset: end,
    highWatermark: end,
    lastStableOffset: end,
    logStartOffset: 0n,
  };
}
