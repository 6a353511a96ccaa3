/** How one archiver's share of `--max-memory` is spent: a pure plan. */

export interface MemoryPlan {
  /**
   * A file is closed at this size at the latest. While it is encoded it is there as columns, as an Arrow stream, as
   * Arrow arrays and pages in wasm, whose memory never shrinks, and as Parquet: with records of 10 MB, a sixth of the
   * share led to a peak of 2.5 times the share, a sixteenth to less than the share
   * (tests/integration/memory_test.ts).
   */
  readonly fileBytesMax: number;
  /** Open files of all topics together; above it the largest is closed. */
  readonly openBytesMax: number;
  /** Encoded files that are not published yet; above it nothing more is accepted. */
  readonly backlogBytesMax: number;
  /** One fetch response, of which a leader may have one handled and one waiting. */
  readonly fetchBytesMax: number;
  readonly partitionFetchBytesMax: number;
}

const MIB = 1024 * 1024;
/** More than this makes fetching no faster (bench/fetch.ts) and checkpoints no better. */
const FETCH_BYTES_MAX = 8 * MIB;
const BACKLOG_BYTES_MAX = 64 * MIB;

/** @param shareBytes what this archiver may use of the limit */
export function planMemory(shareBytes: number): MemoryPlan {
  const fetchBytesMax = Math.min(FETCH_BYTES_MAX, Math.floor(shareBytes / 32));
  return {
    fileBytesMax: Math.floor(shareBytes / 16),
    openBytesMax: Math.floor(shareBytes / 4),
    backlogBytesMax: Math.min(BACKLOG_BYTES_MAX, Math.floor(shareBytes / 8)),
    fetchBytesMax,
    partitionFetchBytesMax: Math.floor(fetchBytesMax / 4),
  };
}
