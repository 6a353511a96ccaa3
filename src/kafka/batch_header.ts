/** The header of a record batch (message format v2): where things stand in it, and whether it can be trusted. */
import { crc32c } from "./crc32c.ts";

// Byte positions in a batch; the spec's names. Magic is at the same place in all formats.
const BATCH_LENGTH = 8;
const MAGIC = 16;
const CRC = 17;
export const ATTRIBUTES = 21;
const LAST_OFFSET_DELTA = 23;
export const BASE_TIMESTAMP = 27;
export const MAX_TIMESTAMP = 35;
export const PRODUCER_ID = 43;
export const RECORD_COUNT = 57;
export const RECORDS = 61;
/** Base offset and batch length come before what the length counts. */
const LOG_OVERHEAD = 12;
/** What has to be there to tell the length and the format of a batch. */
export const FRAME_BYTES_MIN = MAGIC + 1;

const MAGIC_V2 = 2;

/** A batch that stops the partition: damaged, or of a kind that this program does not know. */
export interface BatchProblem {
  readonly kind: "corrupt" | "unsupported";
  readonly reason: string;
}

/** Where a batch lies in its record set. */
export interface Place {
  readonly view: DataView;
  /** The same bytes as the view. */
  readonly whole: Uint8Array<ArrayBuffer>;
  readonly at: number;
  readonly end: number;
}

export function int64(view: DataView, at: number): number {
  return view.getInt32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
}

/** Where the batch at `at` ends, if its length can be believed. */
export function batchEnd(view: DataView, at: number): number {
  return at + LOG_OVERHEAD + view.getInt32(at + BATCH_LENGTH);
}

export function lastOffset(view: DataView, at: number): number {
  return int64(view, at) + view.getInt32(at + LAST_OFFSET_DELTA);
}

/** Judges a batch by its frame, and by its checksum and offsets if it is whole. */
export function batchProblem({ view, whole, at, end }: Place): BatchProblem | undefined {
  const magic = view.getInt8(at + MAGIC);
  if (magic === 0 || magic === 1) {
    return { kind: "unsupported", reason: `message format v${magic}, older than Kafka 0.11` };
  }
  if (magic !== MAGIC_V2) return { kind: "unsupported", reason: `unknown message format v${magic}` };
  if (end - at < RECORDS) return { kind: "corrupt", reason: `batch length ${end - at - LOG_OVERHEAD}` };
  if (end > view.byteLength) return undefined;
  const stored = view.getUint32(at + CRC);
  const computed = crc32c(whole, at + ATTRIBUTES, end);
  if (stored !== computed) {
    const reason = `checksum ${computed.toString(16)} where the batch says ${stored.toString(16)}`;
    return { kind: "corrupt", reason };
  }
  // No checksum covers the first one.
  const first = int64(view, at);
  const last = lastOffset(view, at);
  if (first >= 0 && last >= first && Number.isSafeInteger(last)) return undefined;
  return { kind: "corrupt", reason: `offsets ${first} to ${last}` };
}
