/** Record batches as brokers hold them, made by the producers that are in use: `fixtures/README.md`. */
import assert from "node:assert/strict";
import { parseRecordSet, type RecordSet } from "../../src/kafka/record_batch.ts";
import { testRandom } from "../support/seed.ts";
import { concat, view } from "./batches.ts";
import { bytesOf, type Fixture, fixtureBatches, fixtureName, FIXTURES } from "./fixtures/records.ts";

const CODEC_NUMBERS = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;
/** The checksum covers what comes after itself. */
const CHECKSUM_AT = 17;
const HEADER_BYTES = 61;
/** Bytes of the records that are damaged one by one, of each batch. */
const DAMAGED_BODY_BYTES = 60;

interface Frame {
  readonly at: number;
  readonly end: number;
  readonly baseOffset: number;
  readonly codec: number;
}

interface ReadRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [string, Uint8Array | null])[];
}

async function readFixture(fixture: Fixture): Promise<Uint8Array<ArrayBuffer>> {
  return await Deno.readFile(new URL(`fixtures/${fixtureName(fixture)}.log`, import.meta.url));
}

function framesOf(bytes: Uint8Array): Frame[] {
  const data = view(bytes);
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 12 + data.getInt32(at + 8);
    frames.push({
      at,
      end,
      baseOffset: Number(data.getBigInt64(at)),
      codec: data.getInt16(at + 21) & 7,
    });
    at = end;
  }
  return frames;
}

async function expectedRecords(fixture: Fixture): Promise<ReadRecord[]> {
  const plain = (content: Parameters<typeof bytesOf>[0]) => {
    const bytes = bytesOf(content);
    return bytes === null ? null : new Uint8Array(bytes);
  };
  const records = (await fixtureBatches(fixture)).flatMap((batch) => batch.records);
  return records.map(({ timestamp, key, value, headers }, offset) => ({
    offset,
    timestamp,
    key: plain(key),
    value: plain(value),
    headers: headers.map(([name, content]) => [name, plain(content)]),
  }));
}

function recordsOf(set: RecordSet): ReadRecord[] {
  const records: ReadRecord[] = [];
  for (const { bytes, from, to } of set.runs) {
    for (let at = from; at < to; at++) {
      const cut = (start: number, end: number) => start < 0 ? null : bytes.slice(start, end);
      records.push({
        offset: set.offsets[at]!,
        timestamp: set.timestamps[at]!,
        key: cut(set.keyStart[at]!, set.keyEnd[at]!),
        value: cut(set.valueStart[at]!, set.valueEnd[at]!),
        headers: readHeaders(bytes.subarray(set.headersStart[at]!, set.headersEnd[at]!)),
      });
    }
  }
  return records;
}

/** A count, then names and values, each with its length; lengths are zigzag varints, -1 for null. */
function readHeaders(bytes: Uint8Array): ReadRecord["headers"] {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
  };
  const content = () => {
    const length = varint();
    return length < 0 ? null : bytes.slice(at, at += length);
  };
  const headers = Array.from(
    { length: varint() },
    () => [new TextDecoder().decode(content()!), content()] as const,
  );
  assert.equal(at, bytes.length);
  return headers;
}

for (const fixture of FIXTURES) {
  const name = fixtureName(fixture);

  Deno.test(`${name}: all fields of all records, from any offset on`, async () => {
    const bytes = await readFixture(fixture);
    const batches = await fixtureBatches(fixture);
    const frames = framesOf(bytes);
    assert.equal(frames.length, batches.length);
    // librdkafka leaves a batch as it is where that is smaller: here the first one, of one byte.
    const codecs = frames.slice(1).map(({ codec }) => codec);
    assert.deepEqual(new Set(codecs), new Set([CODEC_NUMBERS[fixture.codec]]));

    const expected = await expectedRecords(fixture);
    for (let fetchedOffset = 0; fetchedOffset < expected.length; fetchedOffset++) {
      // What a broker sends starts with the batch that holds the offset.
      const first = frames.findLast(({ baseOffset }) => baseOffset <= fetchedOffset)!;
      const set = parseRecordSet(view(bytes.subarray(first.at)), { fetchedOffset });
      assert.equal(set.problem, undefined);
      assert.equal(set.nextOffset, expected.length);
      assert.deepEqual(recordsOf(set), expected.slice(fetchedOffset));
    }
  });

  Deno.test(`${name}: a damaged byte that the checksum covers stops before its batch`, async () => {
    const random = testRandom();
    const bytes = await readFixture(fixture);
    const expected = await expectedRecords(fixture);
    for (const { at, end, baseOffset } of framesOf(bytes)) {
      const places = Array.from({ length: HEADER_BYTES - CHECKSUM_AT }, (_, i) => at + CHECKSUM_AT + i);
      for (let i = 0; i < DAMAGED_BODY_BYTES; i++) {
        places.push(at + HEADER_BYTES + random.below(end - at - HEADER_BYTES));
      }
      for (const place of places) {
        const damaged = bytes.slice();
        damaged[place]! ^= 1 << random.below(8);
        const set = parseRecordSet(view(damaged), { fetchedOffset: 0 });
        const where = `byte ${place - at} of the batch at ${baseOffset}`;
        assert.equal(set.problem?.kind, "corrupt", where);
        assert.equal(set.nextOffset, baseOffset, where);
        assert.deepEqual(recordsOf(set), expected.slice(0, baseOffset), where);
      }
    }
  });

  Deno.test(`${name}: a damaged byte that no checksum covers never gives wrong values`, async () => {
    const random = testRandom();
    const bytes = await readFixture(fixture);
    const values = (await expectedRecords(fixture)).map(({ value }) => value);
    for (const { at, baseOffset } of framesOf(bytes)) {
      for (let place = at; place < at + CHECKSUM_AT; place++) {
        const damaged = bytes.slice();
        damaged[place]! ^= 1 << random.below(8);
        const set = parseRecordSet(view(damaged), { fetchedOffset: 0 });
        const where = `byte ${place - at} of the batch at ${baseOffset}`;
        const records = recordsOf(set);
        assert.deepEqual(records.map(({ value }) => value), values.slice(0, records.length), where);
        const offsets = records.map(({ offset }) => offset);
        assert.deepEqual(offsets, [...new Set(offsets)].sort((a, b) => a - b), where);
        if (set.problem !== undefined) assert.equal(set.nextOffset, baseOffset, where);
      }
    }
  });
}

Deno.test("batches of all producers and codecs in one answer", async () => {
  const parts: Uint8Array[] = [];
  const expected: ReadRecord[] = [];
  for (const fixture of FIXTURES) {
    const bytes = await readFixture(fixture);
    const start = expected.length;
    for (const { at, baseOffset } of framesOf(bytes)) {
      // The broker gives a batch its offset; no checksum covers it.
      view(bytes).setBigInt64(at, BigInt(start + baseOffset));
    }
    parts.push(bytes);
    for (const record of await expectedRecords(fixture)) {
      expected.push({ ...record, offset: start + record.offset });
    }
  }
  const set = parseRecordSet(view(concat(parts)), { fetchedOffset: 0 });
  assert.equal(set.problem, undefined);
  assert.deepEqual(recordsOf(set), expected);
});
