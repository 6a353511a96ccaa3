/**
 * Record batches (message format v2) to a structure of arrays. The bytes of the records stay where they are; what
 * comes out is where each value, key and header block starts and ends.
 *
 * 0.1 µs a record of 300 bytes, its checksum not counted (`bench/fetch.ts`).
 */
import { messageOf } from "../errors.ts";
import type { FetchedRecords, RecordRun } from "../model.ts";
import { type AbortedFilter, NO_ABORTED } from "./aborted.ts";
import {
  ATTRIBUTES,
  BASE_TIMESTAMP,
  batchEnd,
  type BatchProblem,
  batchProblem,
  FRAME_BYTES_MIN,
  int64,
  lastOffset,
  MAX_TIMESTAMP,
  type Place,
  PRODUCER_ID,
  RECORD_COUNT,
  RECORDS,
} from "./batch_header.ts";
import { Codec, decompress, UnknownCodecError } from "./codecs.ts";

const CODEC_MASK = 0x07;
const IS_LOG_APPEND_TIME = 0x08;
const IS_TRANSACTIONAL = 0x10;
const IS_CONTROL = 0x20;
const CONTROL_ABORT = 0;
/** Length, attributes, timestamp delta, offset delta, key length, value length, header count: a byte each. */
const RECORD_BYTES_MIN = 7;
const BYTES_PER_ENTRY = 2 * 8 + 6 * 4;

/** The arrays of {@link FetchedRecords}. */
export type RecordColumns = Pick<
  FetchedRecords,
  | "offsets"
  | "timestamps"
  | "valueStart"
  | "valueEnd"
  | "keyStart"
  | "keyEnd"
  | "headersStart"
  | "headersEnd"
>;

export interface RecordSet extends RecordColumns {
  readonly count: number;
  readonly runs: readonly RecordRun[];
  /** One past the last batch that was read or left out; the fetched offset where there was none. */
  readonly nextOffset: number;
  /** What is wrong with the batch at {@link nextOffset}. */
  readonly problem: BatchProblem | undefined;
}

export interface RecordSetOptions {
  /** Records below this offset are left out: a batch is stored and sent whole. */
  readonly fetchedOffset: number;
  readonly aborted?: AbortedFilter;
}

/** A batch whose records are wanted, between the two passes. */
interface Batch {
  /** Where it starts in the record set's own buffer. */
  readonly at: number;
  readonly baseOffset: number;
  readonly count: number;
  /** What holds the records: the record set's own buffer, or what was decompressed. */
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/**
 * Reads the record set in `view`. Never throws for what the bytes hold: a batch that cannot be read ends the set
 * with a problem, a partial batch at the end is ignored, as the broker cuts at the byte that was asked for.
 */
export function parseRecordSet(view: DataView, options: RecordSetOptions): RecordSet {
  const { fetchedOffset } = options;
  const { batches, ...walk } = walkBatches(view, options);
  let { nextOffset, problem } = walk;
  const columns = allocate(batches.reduce((sum, batch) => sum + batch.count, 0));
  const runs: RecordRun[] = [];
  let count = 0;
  for (const batch of batches) {
    const before = count;
    try {
      count = readRecords(columns, { view, batch, fetchedOffset, count });
    } catch (error) {
      problem = corrupt(messageOf(error));
      nextOffset = Math.max(fetchedOffset, batch.baseOffset);
      count = before;
      break;
    }
    if (count > before) appendRun(runs, { bytes: batch.bytes, from: before, to: count });
  }
  return { ...columns, count, runs, nextOffset, problem };
}

interface Walk {
  /** Those whose records are wanted. */
  batches: Batch[];
  nextOffset: number;
  problem: BatchProblem | undefined;
}

/** Judges one batch after the other, up to the first that cannot be read. */
function walkBatches(view: DataView, options: RecordSetOptions): Walk {
  const whole = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
  const batches: Batch[] = [];
  let nextOffset = options.fetchedOffset;
  let at = 0;
  let after = 0;
  /** The state before the last batch. */
  let before = { nextOffset, count: 0, isContinued: false };
  while (at + FRAME_BYTES_MIN <= view.byteLength) {
    const place = { view, whole, at, end: batchEnd(view, at) };
    const problem = batchProblem(place);
    if (problem !== undefined) return { batches, nextOffset, problem };
    if (place.end > view.byteLength) break;
    const first = int64(view, at);
    if (first < after) {
      // The one before is believed where it went on exactly at the end of what came before it.
      const problem = corrupt(`offset ${first} comes after offset ${after - 1}`);
      if (before.isContinued) return { batches, nextOffset, problem };
      return { batches: batches.slice(0, before.count), nextOffset: before.nextOffset, problem };
    }
    const batch = selectBatch(place, options);
    if (isProblem(batch)) return { batches, nextOffset, problem: batch };
    before = { nextOffset, count: batches.length, isContinued: first === nextOffset };
    if (batch !== undefined) batches.push(batch);
    after = lastOffset(view, at) + 1;
    nextOffset = Math.max(nextOffset, after);
    at = place.end;
  }
  // Brokers of all versions that we speak with send the first batch whole, whatever its size, or nothing: a part of
  // it has a damaged length. Asked again, the broker would send it for ever.
  const isCutOff = at === 0 && view.byteLength > 0;
  const problem = isCutOff ? corrupt(`its length leads out of the ${view.byteLength} bytes sent`) : undefined;
  return { batches, nextOffset, problem };
}

function corrupt(reason: string): BatchProblem {
  return { kind: "corrupt", reason };
}

function isProblem(batch: Batch | BatchProblem | undefined): batch is BatchProblem {
  return batch !== undefined && "kind" in batch;
}

/** The batch, if its records are wanted. Control batches, aborted ones and those below the position are not. */
function selectBatch(place: Place, options: RecordSetOptions): Batch | BatchProblem | undefined {
  const { view, at, end } = place;
  const aborted = options.aborted ?? NO_ABORTED;
  const attributes = view.getInt16(at + ATTRIBUTES);
  const producerId = int64(view, at + PRODUCER_ID);
  const last = lastOffset(view, at);
  if (producerId >= 0) aborted.advance(last);
  if ((attributes & IS_CONTROL) !== 0) {
    if (isAbortMarker(place)) aborted.end(producerId);
    return undefined;
  }
  if ((attributes & IS_TRANSACTIONAL) !== 0 && aborted.isAborted(producerId)) return undefined;
  if (last < options.fetchedOffset) return undefined;

  const codec = attributes & CODEC_MASK;
  let bytes = place.whole;
  let from = at + RECORDS;
  let to = end;
  if (codec !== Codec.none) {
    try {
      const plain = decompress(codec, bytes.subarray(from, to));
      // Never a Buffer: two classes of arrays in one hot loop cost half of its speed.
      bytes = new Uint8Array(plain.buffer as ArrayBuffer, plain.byteOffset, plain.byteLength);
    } catch (error) {
      const kind = error instanceof UnknownCodecError ? "unsupported" : "corrupt";
      return { kind, reason: messageOf(error) };
    }
    from = 0;
    to = bytes.length;
  }
  const count = view.getInt32(at + RECORD_COUNT);
  if (count < 0 || count * RECORD_BYTES_MIN > to - from) {
    return corrupt(`${count} records in ${to - from} bytes`);
  }
  return { at, baseOffset: int64(view, at), count, bytes, from, to };
}

/** The one record of a control batch has a key of two int16: a version, and 0 for an abort, 1 for a commit. */
function isAbortMarker({ view, whole, at, end }: Place): boolean {
  if (view.getInt32(at + RECORD_COUNT) < 1) return false;
  const cursor = { at: at + RECORDS };
  skipVarint(whole, cursor);
  cursor.at++;
  for (let i = 0; i < 3; i++) skipVarint(whole, cursor);
  return cursor.at + 4 <= end && view.getInt16(cursor.at + 2) === CONTROL_ABORT;
}

function skipVarint(bytes: Uint8Array, cursor: { at: number }): void {
  while (bytes[cursor.at++]! > 0x7f);
}

function allocate(count: number): RecordColumns {
  const buffer = new ArrayBuffer(count * BYTES_PER_ENTRY);
  const doubles = (index: number) => new Float64Array(buffer, index * 8 * count, count);
  const ints = (index: number) => new Int32Array(buffer, (16 + index * 4) * count, count);
  return {
    offsets: doubles(0),
    timestamps: doubles(1),
    valueStart: ints(0),
    valueEnd: ints(1),
    keyStart: ints(2),
    keyEnd: ints(3),
    headersStart: ints(4),
    headersEnd: ints(5),
  };
}

function appendRun(runs: RecordRun[], run: RecordRun): void {
  const last = runs.at(-1);
  // Uncompressed batches lie in one buffer, and so in one run.
  if (last?.bytes === run.bytes) runs[runs.length - 1] = { ...last, to: run.to };
  else runs.push(run);
}

interface ReadOptions {
  readonly view: DataView;
  readonly batch: Batch;
  readonly fetchedOffset: number;
  /** Records that the columns hold already. */
  readonly count: number;
}

/**
 * Appends the records of a batch; returns the new count.
 *
 * Varints are read in place: a function that returns two values would need an object or a global.
 *
 * @throws {RangeError} where a length leads out of its record or out of the batch.
 */
function readRecords(columns: RecordColumns, options: ReadOptions): number {
  const { offsets, timestamps, valueStart, valueEnd, keyStart, keyEnd, headersStart, headersEnd } = columns;
  const { batch, view, fetchedOffset } = options;
  const { bytes, to, baseOffset } = batch;
  const baseTimestamp = int64(view, batch.at + BASE_TIMESTAMP);
  const isAppendTime = (view.getInt16(batch.at + ATTRIBUTES) & IS_LOG_APPEND_TIME) !== 0;
  const appendTime = int64(view, batch.at + MAX_TIMESTAMP);
  let { count } = options;
  let at = batch.from;
  for (let i = 0; i < batch.count; i++) {
    let byte = bytes[at++]!;
    let value = byte & 0x7f;
    for (let shift = 7; byte > 0x7f; shift += 7) value |= ((byte = bytes[at++]!) & 0x7f) << shift;
    const end = at + ((value >>> 1) ^ -(value & 1));
    if (end > to) throw new RangeError(`record ${i} of the batch leads out of it`);

    // Attributes of a record are not used.
    at++;
    let timestamp = appendTime;
    if (isAppendTime) {
      while (bytes[at++]! > 0x7f);
    } else {
      byte = bytes[at++]!;
      let delta = byte & 0x7f;
      for (let scale = 0x80; byte > 0x7f; scale *= 0x80) delta += ((byte = bytes[at++]!) & 0x7f) * scale;
      timestamp = baseTimestamp + (delta % 2 === 0 ? delta / 2 : -(delta + 1) / 2);
    }

    value = (byte = bytes[at++]!) & 0x7f;
    for (let shift = 7; byte > 0x7f; shift += 7) value |= ((byte = bytes[at++]!) & 0x7f) << shift;
    const offset = baseOffset + ((value >>> 1) ^ -(value & 1));

    value = (byte = bytes[at++]!) & 0x7f;
    for (let shift = 7; byte > 0x7f; shift += 7) value |= ((byte = bytes[at++]!) & 0x7f) << shift;
    const keyLength = (value >>> 1) ^ -(value & 1);
    const keyAt = at;
    if (keyLength > 0) at += keyLength;

    value = (byte = bytes[at++]!) & 0x7f;
    for (let shift = 7; byte > 0x7f; shift += 7) value |= ((byte = bytes[at++]!) & 0x7f) << shift;
    const valueLength = (value >>> 1) ^ -(value & 1);
    const valueAt = at;
    if (valueLength > 0) at += valueLength;
    // Headers are at least their count. Each position only ever grew, so that this one check covers them all.
    if (at >= end) throw new RangeError(`key or value of record ${i} leads out of it`);

    if (offset >= fetchedOffset) {
      offsets[count] = offset;
      timestamps[count] = timestamp;
      keyStart[count] = keyLength < 0 ? -1 : keyAt;
      keyEnd[count] = keyLength < 0 ? -1 : keyAt + keyLength;
      valueStart[count] = valueLength < 0 ? -1 : valueAt;
      valueEnd[count] = valueLength < 0 ? -1 : at;
      headersStart[count] = at;
      headersEnd[count] = end;
      count++;
    }
    at = end;
  }
  return count;
}
