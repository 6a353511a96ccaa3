import assert from "node:assert/strict";
import { LossWatch, type WatchedPartition } from "../../src/archiver/loss_watch.ts";
import type { Retention } from "../../src/kafka/mod.ts";
import type { FetchedRecords } from "../../src/model.ts";

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const START = Date.UTC(2026, 0, 1);

/** Records `[from, to)` of a partition, all written `ageMs` before the start. */
function fetched(from: number, to: number, { ageMs = 0, partition = 0, end = to } = {}): FetchedRecords {
  const none = new Int32Array(0);
  return {
    topic: "t",
    partition,
    fetchedOffset: BigInt(from),
    nextOffset: BigInt(to),
    highWatermark: BigInt(end),
    lastStableOffset: BigInt(end),
    logStartOffset: 0n,
    count: to - from,
    offsets: Float64Array.from({ length: to - from }, (_, i) => from + i),
    timestamps: new Float64Array(to - from).fill(START - ageMs),
    valueStart: none,
    valueEnd: none,
    keyStart: none,
    keyEnd: none,
    headersStart: none,
    headersEnd: none,
    runs: [],
  };
}

/** A watch whose partitions stand where the test puts them. */
function watched(
  retention: Retention | undefined,
  { count = 1, end }: { count?: number; end?: bigint } = {},
) {
  const partitions = Array.from({ length: count }, (_, partition) => ({
    topic: "t",
    partition,
    committed: 0n,
    end,
  })) satisfies WatchedPartition[];
  /** What brokers tell where they are asked. */
  const log = { start: 0n, end: 0n };
  let asked = 0;
  const watch = new LossWatch({
    signal: new AbortController().signal,
    partitions: () => partitions,
    retention() {
      asked++;
      return Promise.resolve(new Map(retention ? [["t", retention]] : []));
    },
    offsets: (wanted, at) =>
      Promise.resolve(
        log.end === 0n
          ? []
          : wanted.map((one) => ({ ...one, offset: at === "earliest" ? log.start : log.end })),
      ),
  });
  return {
    watch,
    partitions,
    log,
    asked: () => asked,
    note(records: FetchedRecords) {
      watch.note(records, START);
    },
    async look(...seconds: number[]) {
      for (const second of seconds) await watch.look(START + second * SECOND);
      return watch.ahead;
    },
  };
}

const DAY_LONG: Retention = { ms: 24 * HOUR, bytes: undefined };

Deno.test("loss watch: what stands still is lost at the end of its retention, the nearest partition counts", async () => {
  const { note, look, asked } = watched(DAY_LONG, { count: 3 });
  note(fetched(0, 10, { ageMs: HOUR, partition: 0 }));
  note(fetched(0, 20, { ageMs: 23 * HOUR, partition: 1, end: 50 }));
  assert.equal(await look(5), undefined, "one look shows no trend");
  const ahead = await look(10);
  assert.ok(ahead);
  const { share, ...rest } = ahead;
  assert.deepEqual(rest, {
    topic: "t",
    partition: 1,
    first: 0,
    next: 50,
    seconds: 3_590,
    by: "retention.ms",
  });
  assert.ok(share > 0.04 && share < 0.05);
  assert.equal(asked(), 1);
  await look(400);
  assert.equal(asked(), 2, "settings are read again after a while");
});

Deno.test("loss watch: what is committed is no loss, and old looks do not count after it", async () => {
  const { note, look, partitions } = watched(DAY_LONG);
  note(fetched(0, 10, { ageMs: 23 * HOUR }));
  note(fetched(10, 20, { ageMs: 2 * HOUR }));
  assert.equal((await look(5, 10))?.seconds, 3_590);
  partitions[0]!.committed = 10n;
  // Its oldest record is 21 hours younger than it was: it catches up.
  assert.equal(await look(15), undefined);
  partitions[0]!.committed = 20n;
  assert.equal(await look(20), undefined);
  note(fetched(20, 30, { ageMs: HOUR }));
  assert.equal(await look(25), undefined, "one look shows no trend");
  assert.equal((await look(30))?.seconds, 23 * 3_600 - 30);
});

Deno.test("loss watch: records that were not handed over yet are at most as old as the newest that was", async () => {
  const { note, look, partitions } = watched(DAY_LONG);
  note(fetched(0, 10, { ageMs: 20 * HOUR, end: 100 }));
  partitions[0]!.committed = 10n;
  assert.equal((await look(5, 10))?.seconds, 4 * 3_600 - 10);
});

Deno.test("loss watch: nothing is lost behind the end of a bounded run, or where the retention is unknown", async () => {
  const bounded = watched(DAY_LONG, { end: 10n });
  bounded.note(fetched(0, 10, { ageMs: 23 * HOUR, end: 100 }));
  bounded.partitions[0]!.committed = 10n;
  assert.equal(await bounded.look(5, 10), undefined);
  const unknown = watched(undefined);
  unknown.note(fetched(0, 10, { ageMs: 23 * HOUR }));
  assert.equal(await unknown.look(5, 10), undefined);
});

Deno.test("loss watch: where size deletes, brokers are asked how near the start of the log is", async () => {
  const { note, look, partitions, log } = watched({ ms: undefined, bytes: 1_000 });
  note(fetched(0, 500));
  partitions[0]!.committed = 500n;
  log.start = 100n;
  log.end = 900n;
  await look(5);
  log.start = 200n;
  log.end = 1_000n;
  const ahead = await look(15);
  assert.deepEqual([ahead?.by, ahead?.seconds, ahead?.first, ahead?.next], [
    "retention.bytes",
    30,
    500,
    1_000,
  ]);
});

Deno.test("loss watch: of a partition that is not handed over any more its broker is asked", async () => {
  const { note, look, partitions, log } = watched(DAY_LONG, { count: 2 });
  note(fetched(0, 10, { ageMs: 23 * HOUR }));
  partitions[0]!.committed = 10n;
  assert.equal(await look(5, 10), undefined);
  log.end = 30n;
  const ahead = await look(70, 80);
  // Old as its last record is: what came after it came after the look that found nothing behind it.
  assert.deepEqual([ahead?.partition, ahead?.first, ahead?.next, ahead?.seconds], [
    0,
    10,
    30,
    24 * 3_600 + 5 - 80,
  ]);
});

Deno.test("loss watch: however many fetches wait, the oldest record is known", async () => {
  const { note, look } = watched(DAY_LONG);
  for (let i = 0; i < 1_000; i++) note(fetched(i, i + 1, { ageMs: (23 - i / 1_000) * HOUR }));
  assert.equal((await look(5, 10))?.seconds, 3_590);
});
