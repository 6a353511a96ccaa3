/** Where the partitions of a session stand. */

/** Where one partition stands. */
export interface PartitionState {
  readonly partition: number;
  /** Every record below is in the open file, in a file, or skipped: the offset that the next fetch must have. */
  position: bigint;
  /** Where the next checkpoint's range begins. */
  checkpointed: bigint;
  /** What the group has committed for certain. */
  committed: bigint;
  /** Where the next file's range begins: records of ranges that were committed without a file are before it. */
  uncovered: bigint;
  /** Where the group's archive of the partition begins; undefined where nobody has told. */
  start: bigint | undefined;
  /** `performance.now()` since when position and checkpointed differ; undefined while they do not. */
  aheadSinceMs: number | undefined;
  /** Records of a bounded run end here. */
  readonly end: bigint | undefined;
  highWatermark: bigint | undefined;
}
