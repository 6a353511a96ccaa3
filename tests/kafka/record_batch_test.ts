import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { AbortedFilter } from "../../src/kafka/aborted.ts";
import { parseRecordSet, type RecordSet } from "../../src/kafka/record_batch.ts";
import { testRandom } from "../support/seed.ts";
import {
  type BatchOptions,
  bytes,
  concat,
  encodeBatch,
  encodeMarker,
  slowCrc32c,
  type TestRecord,
  view,
  Writer,
} from "./batches.ts";

const CODECS = ["none", "gzip", "snappy", "xerial", "lz4", "zstd"] as const;

/** What was parsed, in the shape of what was written; headers as their bytes. */
function recordsOf(set: RecordSet) {
  return set.runs.flatMap((run) =>
    Array.from({ length: run.to - run.from }, (_, i) => {
      const at = run.from + i;
      const cut = (start: number, end: number) => start < 0 ? null : run.bytes.slice(start, end);
      return {
        offset: set.offsets[at],
        timestamp: set.timestamps[at],
        key: cut(set.keyStart[at]!, set.keyEnd[at]!),
        value: cut(set.valueStart[at]!, set.valueEnd[at]!),
        headers: cut(set.headersStart[at]!, set.headersEnd[at]!),
      };
    })
  );
}

function expected({ offset, timestamp, key, value, headers }: TestRecord) {
  const out = new Writer().varint(headers.length);
  for (const [name, content] of headers) out.varBytes(bytes(name)).varBytes(content);
  return { offset, timestamp, key, value, headers: out.done() };
}

function record(offset: number, value = `value ${offset}`): TestRecord {
  return { offset, timestamp: 1_700_000_000_000 + offset, key: null, value: bytes(value), headers: [] };
}

Deno.test("record batches of every codec give back what was written", () => {
  const random = testRandom();
  for (let round = 0; round < 60; round++) {
    const parts: Uint8Array[] = [];
    const written: TestRecord[] = [];
    let offset = random.below(2) === 0 ? random.below(1000) : 2 ** 40 + random.below(1000);
    const start = offset;
    for (let batches = random.below(5); batches >= 0; batches--) {
      const records: TestRecord[] = [];
      for (let count = random.below(20); count >= 0; count--) {
        const content = (limit: number) => new Uint8Array(random.below(limit)).map(() => random.below(4));
        records.push({
          offset,
          timestamp: random.pick([0, 1_700_000_000_000, 2 ** 45]) + random.below(1_000_000),
          key: random.chance(0.3) ? null : content(30),
          value: random.chance(0.1) ? null : content(random.pick([1, 40, 300, 5_000])),
          headers: Array.from(
            { length: random.below(3) },
            () => [random.hex(4), random.chance(0.2) ? null : content(20)] as const,
          ),
        });
        offset += 1 + (random.chance(0.1) ? random.below(5) : 0);
      }
      const appendTime = random.chance(0.2) ? 1_800_000_000_000 : undefined;
      const last = records.at(-1)!.offset + (random.chance(0.2) ? random.below(3) : 0);
      const options: BatchOptions = {
        codec: random.pick(CODECS),
        lastOffset: last,
        ...(appendTime === undefined ? {} : { appendTime }),
      };
      parts.push(encodeBatch(records, options));
      written.push(...records.map((one) => ({ ...one, timestamp: appendTime ?? one.timestamp })));
      offset = last + 1;
    }
    const set = parseRecordSet(view(concat(parts)), { fetchedOffset: start });
    assert.equal(set.problem, undefined);
    assert.equal(set.nextOffset, offset);
    assert.equal(set.count, written.length);
    assert.deepEqual(recordsOf(set), written.map(expected));
  }
});

Deno.test("what kafkajs encodes is read back", async () => {
  // deno-lint-ignore no-explicit-any
  const { RecordBatch } = (await import("kafkajs/src/protocol/recordBatch/v0/index.js") as any).default;
  // deno-lint-ignore no-explicit-any
  const Record = (await import("kafkajs/src/protocol/recordBatch/record/v0/index.js") as any).default;
  const encoder = await RecordBatch({
    firstOffset: 0,
    firstTimestamp: 1_700_000_000_000,
    maxTimestamp: 1_700_000_000_007,
    lastOffsetDelta: 1,
    records: [
      Record({ key: null, value: Buffer.from("first"), timestamp: 1_700_000_000_000 }),
      Record({
        offsetDelta: 1,
        timestampDelta: 7,
        key: Buffer.from("k"),
        value: Buffer.from("second"),
        headers: { h: Buffer.from("x") },
        timestamp: 1_700_000_000_007,
      }),
    ],
  });
  const set = parseRecordSet(view(new Uint8Array(encoder.buffer)), { fetchedOffset: 0 });
  assert.equal(set.problem, undefined);
  assert.deepEqual(recordsOf(set), [
    expected({ ...record(0, "first"), timestamp: 1_700_000_000_000 }),
    expected({
      ...record(1, "second"),
      timestamp: 1_700_000_000_007,
      key: bytes("k"),
      headers: [["h", bytes("x")]],
    }),
  ]);
});

Deno.test("uncompressed batches share one run, each compressed batch has its own", () => {
  const parts = [
    encodeBatch([record(0), record(1)]),
    encodeBatch([record(2)]),
    encodeBatch([record(3)], { codec: "gzip" }),
    encodeBatch([record(4)], { codec: "gzip" }),
    encodeBatch([record(5)]),
  ];
  const set = parseRecordSet(view(concat(parts)), { fetchedOffset: 0 });
  assert.deepEqual(set.runs.map(({ from, to }) => [from, to]), [[0, 3], [3, 4], [4, 5], [5, 6]]);
});

Deno.test("a partial batch at the end is ignored, wherever it is cut", () => {
  const first = encodeBatch([record(10), record(11)]);
  const both = concat([first, encodeBatch([record(12)], { codec: "zstd" })]);
  for (let length = first.length; length < both.length; length++) {
    const set = parseRecordSet(view(both.slice(0, length)), { fetchedOffset: 10 });
    assert.equal(set.problem, undefined);
    assert.equal(set.count, 2);
    assert.equal(set.nextOffset, 12);
  }
});

Deno.test("a first batch that is cut off is damage: asked again, the broker would send the same", () => {
  const first = encodeBatch([record(10), record(11)]);
  for (let length = 1; length < first.length; length++) {
    const set = parseRecordSet(view(first.slice(0, length)), { fetchedOffset: 10 });
    assert.equal(set.problem?.kind, "corrupt", `${length} bytes`);
    assert.equal(set.count, 0);
    assert.equal(set.nextOffset, 10);
  }
  assert.equal(parseRecordSet(view(new Uint8Array()), { fetchedOffset: 10 }).problem, undefined);
});

Deno.test("offsets that go back are damage: a batch is believed only where it continues the one before", () => {
  // Batches of two records by their first offset, and how many of them are believed.
  for (
    const [offsets, count, nextOffset] of [
      [[10, 12, 13], 2, 14],
      [[10, 12, 5], 2, 14],
      [[10, 12, 15, 17, 16], 4, 19],
      // The one before may be the damaged one.
      [[10, 12, 15, 14], 2, 14],
      [[10, 12, 2 ** 40, 14], 2, 14],
      // Offsets that cannot be.
      [[10, 12, 2 ** 53, 14], 2, 14],
      [[10, 12, -14, 16], 2, 14],
      [[-10, 12], 0, 10],
    ] as const
  ) {
    const parts = offsets.map((first) => encodeBatch([record(first), record(first + 1)]));
    const set = parseRecordSet(view(concat(parts)), { fetchedOffset: 10 });
    const believed = offsets.slice(0, count).flatMap((first) => [first, first + 1]);
    assert.equal(set.problem?.kind, "corrupt", `${offsets}`);
    assert.equal(set.nextOffset, nextOffset, `${offsets}`);
    assert.deepEqual([...set.offsets.subarray(0, set.count)], believed, `${offsets}`);
  }
});

Deno.test("a damaged byte in a batch stops before it", () => {
  const first = encodeBatch([record(0)]);
  for (const codec of CODECS) {
    const second = encodeBatch([record(1), record(2)], { codec });
    // From the checksum to the end; what stands before it is not covered by it.
    for (let at = 17; at < second.length; at++) {
      const damaged = second.slice();
      damaged[at] = damaged[at]! ^ 0x10;
      const set = parseRecordSet(view(concat([first, damaged])), { fetchedOffset: 0 });
      assert.equal(set.problem?.kind, "corrupt", `${codec} byte ${at}`);
      assert.equal(set.count, 1);
      assert.equal(set.nextOffset, 1);
    }
  }
});

Deno.test("random bytes never throw", () => {
  const random = testRandom();
  for (let round = 0; round < 3000; round++) {
    const records = Array.from({ length: random.below(4) }, (_, i) => record(i));
    const set = encodeBatch(records, { codec: random.pick(CODECS) });
    for (let changes = random.below(6); changes > 0; changes--) {
      set[random.below(set.length)] = random.below(256);
    }
    const cut = set.subarray(0, random.below(set.length + 1));
    const { count, offsets } = parseRecordSet(view(cut), { fetchedOffset: 0 });
    assert.ok(count <= offsets.length);
  }
});

Deno.test("a record that leads out of its batch is damage, although the checksum fits", () => {
  const record = (keyLength: number, valueLength: number, rest: Uint8Array) => {
    const inner = new Writer().int(1, 0).varint(0).varint(0).varint(keyLength).varint(valueLength).raw(rest)
      .done();
    return new Writer().varint(inner.length).raw(inner).done();
  };
  const some = new Uint8Array(10);
  const bad: readonly (readonly [string, Uint8Array])[] = [
    ["key", record(100, 0, some)],
    ["value", record(0, 100, some)],
    ["both", record(2 ** 31 - 1, 2 ** 31 - 1, some)],
    ["no place for headers", record(-1, some.length, some)],
    ["record", concat([new Writer().varint(50).done(), some])],
    ["negative length", concat([new Writer().varint(-5).done(), some])],
  ];
  for (const [name, body] of bad) {
    const batch = replaceBody(
      encodeBatch([{ offset: 5, timestamp: 0, key: null, value: null, headers: [] }]),
      body,
    );
    // Followed by bytes that are not the batch's own.
    const set = parseRecordSet(view(concat([batch, new Uint8Array(200)])), { fetchedOffset: 5 });
    assert.deepEqual([name, set.problem?.kind, set.count, set.nextOffset], [name, "corrupt", 0, 5]);
  }
});

/** The same batch with other records; the checksum fits. */
function replaceBody(batch: Uint8Array<ArrayBuffer>, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = batch.slice(0, 61);
  const all = concat([head, body]);
  view(all).setInt32(8, all.length - 12);
  view(all).setUint32(17, slowCrc32c(all.subarray(21)));
  return all;
}

Deno.test("records below the asked offset are left out", () => {
  for (const codec of CODECS) {
    const parts = [
      encodeBatch([record(0), record(1)]),
      encodeBatch([record(2), record(3), record(4)], { codec }),
    ];
    const set = parseRecordSet(view(concat(parts)), { fetchedOffset: 3 });
    assert.deepEqual([...set.offsets.subarray(0, set.count)], [3, 4]);
    assert.equal(set.nextOffset, 5);
  }
});

Deno.test("batches that compaction emptied or shortened move the position to their end", () => {
  const parts = [
    encodeBatch([], { baseOffset: 0, lastOffset: 9 }),
    encodeBatch([record(12)], { baseOffset: 10, lastOffset: 19 }),
  ];
  const set = parseRecordSet(view(concat(parts)), { fetchedOffset: 0 });
  assert.deepEqual([...set.offsets.subarray(0, set.count)], [12]);
  assert.equal(set.nextOffset, 20);
});

Deno.test("control batches are left out and move the position", () => {
  const set = parseRecordSet(view(concat([encodeMarker("commit", { offset: 7, producerId: 1 })])), {
    fetchedOffset: 7,
  });
  assert.equal(set.count, 0);
  assert.equal(set.nextOffset, 8);
});

Deno.test("the formats before Kafka 0.11 and codecs of the future are told as unsupported", () => {
  for (const magic of [0, 1, 3]) {
    const old = encodeBatch([record(0)]);
    old[16] = magic;
    const set = parseRecordSet(view(old), { fetchedOffset: 0 });
    assert.equal(set.problem?.kind, "unsupported");
    assert.match(set.problem.reason, new RegExp(`v${magic}`));
  }
  const future = encodeBatch([record(0)]);
  future[22] = 5;
  view(future).setUint32(17, slowCrc32c(future.subarray(21)));
  const set = parseRecordSet(view(future), { fetchedOffset: 0 });
  assert.deepEqual(set.problem, { kind: "unsupported", reason: "Unknown compression codec 5" });
});

Deno.test("interleaved aborted transactions vanish, whatever their order in the list", () => {
  const transactional = (offset: number, producerId: number, key: Uint8Array | null = null) =>
    encodeBatch([{ ...record(offset, `p${producerId}`), key }], { producerId, isTransactional: true });
  // A data record whose key looks like an abort marker: version 0, type 0.
  const markerKey = new Uint8Array(4);
  const parts = [
    transactional(0, 1), // aborted
    transactional(1, 2), // committed
    transactional(2, 1, markerKey), // aborted, and does not end the transaction
    transactional(3, 1), // aborted
    encodeMarker("abort", { offset: 4, producerId: 1 }),
    transactional(5, 1), // committed
    transactional(6, 3), // aborted
    encodeMarker("commit", { offset: 7, producerId: 2 }),
    transactional(8, 2, markerKey), // aborted
    encodeMarker("commit", { offset: 9, producerId: 1 }),
    encodeBatch([record(10)], { producerId: 3 }), // not transactional
    encodeMarker("abort", { offset: 11, producerId: 2 }),
    encodeMarker("abort", { offset: 12, producerId: 3 }),
    transactional(13, 3), // committed
    encodeMarker("commit", { offset: 14, producerId: 3 }),
  ];
  const aborted = new AbortedFilter([
    { producerId: 2, firstOffset: 8 },
    { producerId: 3, firstOffset: 6 },
    { producerId: 1, firstOffset: 0 },
  ]);
  const set = parseRecordSet(view(concat(parts)), { fetchedOffset: 0, aborted });
  assert.deepEqual([...set.offsets.subarray(0, set.count)], [1, 5, 10, 13]);
  assert.equal(set.nextOffset, 15);
});

Deno.test("random interleaved transactions: exactly the committed records stay", () => {
  const random = testRandom();
  for (let round = 0; round < 200; round++) {
    const parts: Uint8Array[] = [];
    const aborted: { producerId: number; firstOffset: number }[] = [];
    const committed: number[] = [];
    const open = new Map<number, number[]>();
    let offset = 0;
    for (let step = 0; step < 40; step++) {
      const producerId = random.below(4);
      const offsets = open.get(producerId);
      if (offsets !== undefined && random.chance(0.3)) {
        const isAbort = random.chance(0.5);
        parts.push(encodeMarker(isAbort ? "abort" : "commit", { offset: offset++, producerId }));
        if (isAbort) aborted.push({ producerId, firstOffset: offsets[0]! });
        else committed.push(...offsets);
        open.delete(producerId);
      } else {
        const key = random.chance(0.5) ? new Uint8Array(4) : null;
        parts.push(encodeBatch([{ ...record(offset), key }], { producerId, isTransactional: true }));
        open.set(producerId, [...offsets ?? [], offset++]);
      }
    }
    // The broker never sends beyond the first open transaction.
    const stable = Math.min(offset, ...[...open.values()].map(([first]) => first!));
    const set = parseRecordSet(view(concat(parts.slice(0, stable))), {
      fetchedOffset: 0,
      aborted: new AbortedFilter(aborted.sort(() => random.next() - 0.5)),
    });
    const wanted = committed.filter((one) => one < stable).sort((a, b) => a - b);
    assert.deepEqual([...set.offsets.subarray(0, set.count)], wanted);
    assert.equal(set.nextOffset, stable);
  }
});
