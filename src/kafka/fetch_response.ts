/** The frame of a fetch response, versions 4 to 11: what it says about each partition, and where its records are. */
import type { AbortedTransaction } from "./aborted.ts";
import type { RawFetchAnswer } from "./requests.ts";

const VERSION_MIN = 4;
const VERSION_MAX = 11;

export interface PartitionAnswer {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  /** -1 where the broker is too old to say. */
  readonly logStartOffset: bigint;
  readonly aborted: readonly AbortedTransaction[];
  /** The record batches, over the buffer of the whole response. */
  readonly records: DataView;
}

export interface FetchAnswer {
  /** Of the request as a whole. */
  readonly errorCode: number;
  readonly partitions: readonly PartitionAnswer[];
}

/**
 * Reads the frame; the records stay as they are.
 *
 * @throws {RangeError} where the response is cut off.
 */
export function parseFetchAnswer({ apiVersion, payload }: RawFetchAnswer): FetchAnswer {
  if (apiVersion < VERSION_MIN || apiVersion > VERSION_MAX) {
    throw new RangeError(`Cannot read a fetch response of version ${apiVersion}`);
  }
  const cursor = new Cursor(payload);
  cursor.int32(); // Throttle time, seen to by kafkajs.
  let errorCode = 0;
  if (apiVersion >= 7) {
    errorCode = cursor.int16();
    cursor.int32(); // Fetch session, which we do not use.
  }
  const partitions: PartitionAnswer[] = [];
  for (let topics = cursor.int32(); topics > 0; topics--) {
    const topic = cursor.string();
    for (let count = cursor.int32(); count > 0; count--) {
      partitions.push(readPartition(cursor, topic, apiVersion));
    }
  }
  return { errorCode, partitions };
}

function readPartition(cursor: Cursor, topic: string, apiVersion: number): PartitionAnswer {
  const partition = cursor.int32();
  const errorCode = cursor.int16();
  const highWatermark = cursor.int64();
  const lastStableOffset = cursor.int64();
  const logStartOffset = apiVersion >= 5 ? cursor.int64() : -1n;
  const aborted: AbortedTransaction[] = [];
  for (let count = cursor.int32(); count > 0; count--) {
    const producerId = Number(cursor.int64());
    aborted.push({ producerId, firstOffset: Number(cursor.int64()) });
  }
  if (apiVersion >= 11) cursor.int32(); // Preferred replica: we name no rack, so there is none.
  const records = cursor.bytes();
  return {
    topic,
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    aborted,
    records,
  };
}

class Cursor {
  static readonly #utf8 = new TextDecoder();
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  int16(): number {
    this.#at += 2;
    return this.#view.getInt16(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#view.getInt32(this.#at - 4);
  }

  int64(): bigint {
    this.#at += 8;
    return this.#view.getBigInt64(this.#at - 8);
  }

  string(): string {
    const length = this.int16();
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError("Fetch response is cut off");
    return Cursor.#utf8.decode(this.#bytes.subarray(this.#at - length, this.#at));
  }

  /** A length of -1 is a null, here the same as no records. */
  bytes(): DataView {
    const length = Math.max(this.int32(), 0);
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError("Fetch response is cut off");
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at - length, length);
  }
}
