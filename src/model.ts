/**
 * The words of the house: types that cross from one room to the next. This file imports nothing.
 *
 * Offsets are `bigint` wherever they are stored, compared or committed. The per-record arrays of
 * {@link FetchedRecords} carry them as doubles, exact below 2^53.
 */

/** One partition of one topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** The half-open range of offsets `[first, next)`. */
export interface OffsetRange {
  readonly first: bigint;
  readonly next: bigint;
}

/** An offset range of one partition. */
export interface PartitionRange extends TopicPartition, OffsetRange {}

/** What the group's coordinator holds for one partition; `offset` is `undefined` where nothing was committed. */
export interface CommittedOffset extends TopicPartition {
  readonly offset: bigint | undefined;
  readonly metadata: string;
}

/** One entry of an offset commit: the next offset to read, and a metadata line of at most 4096 bytes. */
export interface OffsetToCommit extends TopicPartition {
  readonly offset: bigint;
  readonly metadata: string;
}

/**
 * What the registry knows a schema by: its number, or its GUID (`5f0c…-…`, in lower case) where that is how the records
 * name it. Numbers are counted per context of the registry, a GUID holds in all of them.
 */
export type SchemaId = number | string;

/** Consecutive records `[from, to)` of a {@link FetchedRecords} whose bytes lie in one buffer. */
export interface RecordRun {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/**
 * What one fetch brought for one partition, as a structure of arrays: `count` data records of committed or
 * non-transactional producers; control records and aborted records are already left out.
 *
 * Positions are byte positions in the `bytes` of the run that the record belongs to.
 */
export interface FetchedRecords extends TopicPartition {
  /** The offset that was asked for: continuity is judged by it, never by the first record's. */
  readonly fetchedOffset: bigint;
  /** Where the next fetch starts: one past the last whole record batch, even if that held no data record. */
  readonly nextOffset: bigint;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  readonly count: number;
  /** Absolute offsets. */
  readonly offsets: Float64Array;
  /** Milliseconds since the epoch. */
  readonly timestamps: Float64Array;
  /** First byte of the value, or -1 for a null value (a tombstone). */
  readonly valueStart: Int32Array;
  readonly valueEnd: Int32Array;
  /** First byte of the key, or -1 for a null key. */
  readonly keyStart: Int32Array;
  readonly keyEnd: Int32Array;
  /** The record's headers as on the wire: a varint count, then key and value each with a varint length. */
  readonly headersStart: Int32Array;
  readonly headersEnd: Int32Array;
  readonly runs: readonly RecordRun[];
}
