/** The partitions' logs: real record batches with what brokers mix in, and fetch responses over them. */
import { encodeBatch, encodeMarker } from "../kafka/batches.ts";
import type { AbortedTransaction } from "../../src/kafka/aborted.ts";
import { Code } from "../../src/kafka/codes.ts";
import type { World } from "./world.ts";

export const SCHEMA_ID = 7;
/** Ids of records are `partition number * ID_BASE + offset`. */
const ID_BASE = 1_000_000;
const RECORDS_MAX = 6;

export type RecordKind = "row" | "dead-letter" | "skipped";

interface Batch {
  readonly base: number;
  readonly last: number;
  readonly bytes: Uint8Array;
}

/** Batches by what they hold: the same ones come again in other worlds. */
const encoded = new Map<string, Uint8Array>();

export class PartitionLog {
  /** By offset: what the program owes for it; aborted records and markers are not in here. */
  readonly owed = new Map<number, RecordKind>();
  readonly #index: number;
  readonly #batches: Batch[] = [];
  readonly #aborted: (AbortedTransaction & { readonly last: number })[] = [];
  #end = 0;

  constructor(index: number) {
    this.#index = index;
  }

  get end(): number {
    return this.#end;
  }

  static idOf(index: number, offset: number): number {
    return index * ID_BASE + offset;
  }

  /** Appends one batch, or an aborted transaction with its marker. */
  produce({ random }: World, options: { readonly skippedBatches: number }): void {
    const count = 1 + random.below(RECORDS_MAX);
    if (random.chance(0.1)) return this.#abort(count);
    const kinds = Array.from({ length: count }, (): RecordKind => {
      if (random.chance(0.9)) return "row";
      return random.chance(0.2) ? "dead-letter" : "skipped";
    });
    // Now and then nothing but what makes no row, so that offsets are committed without a file.
    if (random.chance(options.skippedBatches)) kinds.fill("skipped");
    for (const [i, kind] of kinds.entries()) this.owed.set(this.#end + i, kind);
    this.#append(kinds, undefined);
  }

  #abort(count: number): void {
    const producerId = 1;
    const firstOffset = this.#end;
    this.#append(Array.from({ length: count }, () => "row" as const), producerId);
    const key = `abort/${this.#end}`;
    let bytes = encoded.get(key);
    if (bytes === undefined) {
      encoded.set(key, bytes = encodeMarker("abort", { offset: this.#end, producerId }));
    }
    this.#batches.push({ base: this.#end, last: this.#end, bytes });
    this.#aborted.push({ producerId, firstOffset, last: this.#end });
    this.#end++;
  }

  #append(kinds: readonly RecordKind[], producerId: number | undefined): void {
    const base = this.#end;
    const key = `${this.#index}/${base}/${producerId}/${kinds.map((kind) => kind[0]).join("")}`;
    let bytes = encoded.get(key);
    if (bytes === undefined) {
      const records = kinds.map((kind, i) => ({
        offset: base + i,
        timestamp: 0,
        key: null,
        value: valueOf(kind, PartitionLog.idOf(this.#index, base + i)),
        headers: [],
      }));
      bytes = encodeBatch(records, producerId === undefined ? {} : { producerId, isTransactional: true });
      encoded.set(key, bytes);
    }
    this.#end += kinds.length;
    this.#batches.push({ base, last: this.#end - 1, bytes });
  }

  /** The part of a fetch response (version 5) for this partition: whole batches from the one that holds the offset. */
  read(offset: number, batchesMax: number): PartitionPart {
    if (offset > this.#end) {
      return { code: Code.OFFSET_OUT_OF_RANGE, end: this.#end, aborted: [], batches: [] };
    }
    const from = this.#batches.findIndex(({ last }) => last >= offset);
    const batches = from < 0 ? [] : this.#batches.slice(from, from + batchesMax);
    const last = batches.at(-1)?.last ?? -1;
    const aborted = this.#aborted.filter((one) => one.last >= offset && one.firstOffset <= last);
    return { code: Code.NONE, end: this.#end, aborted, batches: batches.map(({ bytes }) => bytes) };
  }
}

export interface PartitionPart {
  readonly code: number;
  readonly end: number;
  readonly aborted: readonly AbortedTransaction[];
  readonly batches: readonly Uint8Array[];
}

/** A tombstone, no wire header, or the id as an Avro long. */
function valueOf(kind: RecordKind, id: number): Uint8Array | null {
  if (kind === "skipped") return null;
  if (kind === "dead-letter") return new Uint8Array([1, 2, 3]);
  const bytes = [0, 0, 0, 0, SCHEMA_ID];
  let rest = BigInt(id) * 2n;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return new Uint8Array(bytes);
}

/** The payload of a fetch response, version 5. */
export function encodeFetch(
  topics: readonly {
    readonly topic: string;
    readonly partitions: readonly (PartitionPart & { readonly partition: number })[];
  }[],
): Uint8Array {
  let size = 8;
  for (const { topic, partitions } of topics) {
    size += 6 + topic.length;
    for (const { aborted, batches } of partitions) {
      size += 42 + 16 * aborted.length;
      for (const batch of batches) size += batch.length;
    }
  }
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 4;
  const int32 = (value: number) => view.setInt32((at += 4) - 4, value);
  const int64 = (value: number) => view.setBigInt64((at += 8) - 8, BigInt(value));
  int32(topics.length);
  for (const { topic, partitions } of topics) {
    view.setInt16((at += 2) - 2, topic.length);
    for (let i = 0; i < topic.length; i++) bytes[at++] = topic.charCodeAt(i);
    int32(partitions.length);
    for (const { partition, code, end, aborted, batches } of partitions) {
      int32(partition);
      view.setInt16((at += 2) - 2, code);
      int64(end);
      int64(end);
      int64(0);
      int32(aborted.length);
      for (const { producerId, firstOffset } of aborted) {
        int64(producerId);
        int64(firstOffset);
      }
      int32(batches.reduce((sum, batch) => sum + batch.length, 0));
      for (const batch of batches) {
        bytes.set(batch, at);
        at += batch.length;
      }
    }
  }
  return bytes;
}
