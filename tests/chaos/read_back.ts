/**
 * What a topic really holds, and what became of each record's transaction: read from the leaders as raw record batches,
 * by a reader that has nothing in common with the program's and trusts no list of aborted transactions, only the
 * markers in the log itself.
 */
import { Buffer } from "node:buffer";
import { kafkaClient } from "../../dev/kafka_client.ts";

export interface StoredRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** The record's key as text. */
  readonly key: string;
  /** `open` where no marker has come yet. */
  readonly outcome: "committed" | "aborted" | "open";
}

const FETCH_KEY = 1;
/** The oldest that Kafka 4 knows. */
const FETCH_VERSION = 4;
const FETCH_BYTES = 4 * 1024 * 1024;
const FETCH_WAIT_MS = 100;
const BATCH_HEADER_BYTES = 61;
const LENGTH_END = 12;
const CONTROL_BIT = 0x20;
const TRANSACTIONAL_BIT = 0x10;
const COMPRESSION_BITS = 0x07;
const MARKER_COMMIT = 1;

/** All records of a topic, by partition and offset. @throws where a leader is away. */
export async function readTopic(brokers: string, topic: string): Promise<StoredRecord[]> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    const cluster = await admin.describeCluster();
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const records: StoredRecord[][] = [];
    for (const { partitionId, leader } of topics[0]?.partitions ?? []) {
      const node = cluster.brokers.find(({ nodeId }) => nodeId === leader);
      if (node === undefined) throw new Error(`${topic}[${partitionId}] has no leader`);
      records.push(await readPartition(node, topic, partitionId));
    }
    return records.flat();
  } finally {
    await admin.disconnect();
  }
}

type Mutable = { -readonly [K in keyof StoredRecord]: StoredRecord[K] };

async function readPartition(
  { host, port }: { readonly host: string; readonly port: number },
  topic: string,
  partition: number,
): Promise<StoredRecord[]> {
  using connection = await Deno.connect({ hostname: host, port });
  const records: Mutable[] = [];
  const open = new Map<bigint, Mutable[]>();
  for (let offset = 0n;;) {
    const { highWatermark, batches } = await fetchBatches(connection, { topic, partition, offset });
    for (const batch of batches) {
      const mine = parseBatch(batch, { topic, partition }).filter((record) =>
        record.offset >= Number(offset)
      );
      applyBatch(batch, mine, { records, open });
      offset = nextOffset(batch);
    }
    if (offset >= highWatermark) return records;
    if (batches.length === 0) throw new Error(`${topic}[${partition}]: nothing at offset ${offset}`);
  }
}

/** A marker settles all records of its producer before it. */
function applyBatch(
  batch: Buffer,
  parsed: Mutable[],
  into: { readonly records: Mutable[]; readonly open: Map<bigint, Mutable[]> },
): void {
  const attributes = batch.readInt16BE(21);
  const producer = batch.readBigInt64BE(43);
  if ((attributes & CONTROL_BIT) !== 0) {
    const outcome = markerOf(batch) === MARKER_COMMIT ? "committed" : "aborted";
    for (const record of into.open.get(producer) ?? []) record.outcome = outcome;
    into.open.delete(producer);
    return;
  }
  for (const record of parsed) into.records.push(record);
  if ((attributes & TRANSACTIONAL_BIT) !== 0) {
    for (const record of parsed) record.outcome = "open";
    into.open.set(producer, [...into.open.get(producer) ?? [], ...parsed]);
  }
}

function nextOffset(batch: Buffer): bigint {
  return batch.readBigInt64BE(0) + BigInt(batch.readInt32BE(23)) + 1n;
}

/** A control record's key is its version and its type. */
function markerOf(batch: Buffer): number {
  const reader = new Varints(batch, BATCH_HEADER_BYTES);
  reader.varint();
  reader.at++;
  reader.varint();
  reader.varint();
  reader.varint();
  return batch.readInt16BE(reader.at + 2);
}

function parseBatch(batch: Buffer, place: { topic: string; partition: number }): Mutable[] {
  const attributes = batch.readInt16BE(21);
  if ((attributes & CONTROL_BIT) !== 0) return [];
  if ((attributes & COMPRESSION_BITS) !== 0) throw new Error("Compressed batches are not expected here");
  const base = Number(batch.readBigInt64BE(0));
  const reader = new Varints(batch, BATCH_HEADER_BYTES);
  return Array.from({ length: batch.readInt32BE(57) }, () => {
    const length = reader.varint();
    const end = reader.at + length;
    reader.at++;
    reader.varint();
    const offset = base + reader.varint();
    const keyBytes = reader.varint();
    const key = keyBytes < 0 ? "" : batch.toString("utf8", reader.at, reader.at + keyBytes);
    reader.at = end;
    return { ...place, offset, key, outcome: "committed" };
  });
}

/** Zigzag numbers. */
class Varints {
  readonly #bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** Exact below 2^53. */
  varint(): number {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = this.#bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 128;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

interface FetchAt {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

async function fetchBatches(
  connection: Deno.Conn,
  at: FetchAt,
): Promise<{ highWatermark: bigint; batches: Buffer[] }> {
  await writeAll(connection, fetchRequest(at));
  const answer = await readExactly(connection, (await readExactly(connection, 4)).readInt32BE(0));
  // Correlation id, throttle time, one topic with its name, one partition with its index.
  let position = 4 + 4 + 4 + 2 + Buffer.byteLength(at.topic) + 4 + 4;
  const error = answer.readInt16BE(position);
  if (error !== 0) throw new Error(`Kafka refused to read ${at.topic}[${at.partition}]: error code ${error}`);
  const highWatermark = answer.readBigInt64BE(position + 2);
  // Behind the last stable offset comes the list of aborted transactions, which is not believed.
  position += 2 + 8 + 8;
  const aborted = Math.max(0, answer.readInt32BE(position));
  position += 4 + aborted * 16;
  const bytes = answer.subarray(position + 4, position + 4 + Math.max(0, answer.readInt32BE(position)));
  const batches: Buffer[] = [];
  for (let start = 0; start + LENGTH_END <= bytes.length;) {
    const end = start + LENGTH_END + bytes.readInt32BE(start + 8);
    // The last one may be cut off.
    if (end > bytes.length) break;
    batches.push(bytes.subarray(start, end));
    start = end;
  }
  return { highWatermark, batches };
}

function fetchRequest({ topic, partition, offset }: FetchAt): Buffer {
  const name = Buffer.from(topic);
  const body = Buffer.alloc(2 + 2 + 4 + 2 + 4 + 4 + 4 + 4 + 1 + 4 + 2 + name.length + 4 + 4 + 8 + 4);
  let at = 0;
  const int16 = (value: number) => at = body.writeInt16BE(value, at);
  const int32 = (value: number) => at = body.writeInt32BE(value, at);
  int16(FETCH_KEY);
  int16(FETCH_VERSION);
  // Correlation id, and no client id.
  int32(0);
  int16(-1);
  // No replica; wait and bytes at least and at most; uncommitted records too.
  int32(-1);
  int32(FETCH_WAIT_MS);
  int32(1);
  int32(FETCH_BYTES);
  at = body.writeInt8(0, at);
  int32(1);
  int16(name.length);
  at += name.copy(body, at);
  int32(1);
  int32(partition);
  at = body.writeBigInt64BE(offset, at);
  int32(FETCH_BYTES);
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
}

async function readExactly(connection: Deno.Conn, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  for (let done = 0; done < size;) {
    const count = await connection.read(bytes.subarray(done));
    if (count === null) throw new Error("Kafka closed the connection");
    done += count;
  }
  return bytes;
}
