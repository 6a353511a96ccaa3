/**
 * A sink holds checkpoints in two states: *prepared*, durable and invisible to every reader, and *published*, under
 * their final names. Kafka's offset commit happens between the two. This comment is the contract that every sink
 * keeps, and that the contract tests check:
 *
 * 1. After `seal` resolves, the checkpoint's files and manifest survive a crash of process and machine.
 * 2. No file of a checkpoint can be seen under a name ending in `.parquet` before `publish` was called for it.
 * 3. `publish` may be called again at any time, after a crash at any step of it, and by several processes at once:
 *    all callers end with every file under its final name exactly once. A final file is never overwritten.
 * 4. Files that are neither prepared nor under their final name are reported in `missing`, not thrown.
 * 5. `list` shows every checkpoint of this cluster and group that is prepared, or half prepared, by any process;
 *    without a manifest where it was not sealed.
 * 6. `holds` is true for a topic of which this cluster and group have ever published anything, and `files` finds all
 *    that is published, of anybody.
 * 7. `firstPartitions` answers what its first call for the topic was told, by whichever process.
 * 8. `discard` and `quarantine` are never called for a checkpoint that could still be committed: the caller judges.
 *    What is in quarantine is shown by `quarantined` alone, and is never published; `dropQuarantined` deletes it.
 * 9. Failure throws a SinkError, which says what to do; nothing is retried in here. A `write` or `seal` that has failed
 *    may leave anything: the caller never commits it, discards it, and begins again under the same name.
 * 10. A place that is gone is never made again, and never taken for one in which nothing is prepared or published:
 *    everything throws until it is back.
 */
import type { PartitionRange } from "../model.ts";

/** The name of a checkpoint: 32 hex digits, and the group generation whose session made it. */
export interface CheckpointRef {
  readonly generation: number;
  readonly id: string;
}

/** A file to be made durable; `final` is its path relative to the output folder, `/` between its parts. */
export interface FileToPrepare {
  readonly final: string;
  readonly bytes: Uint8Array;
  readonly rows: number;
}

/** What a sealed checkpoint says of itself. */
export interface Manifest extends CheckpointRef {
  readonly store: string;
  readonly topic: string;
  readonly ranges: readonly PartitionRange[];
  readonly files: readonly ManifestFile[];
}

export interface ManifestFile {
  /** The file's name within the checkpoint's own folder. */
  readonly temporary: string;
  readonly final: string;
  readonly rows: number;
  readonly bytes: number;
}

/** A checkpoint being prepared. `write` may be called for several files at once. */
export interface Preparation {
  write(file: FileToPrepare): Promise<void>;
  /** Makes all that was written durable, with its manifest. Every `write` has resolved before. */
  seal(topic: string, ranges: readonly PartitionRange[]): Promise<void>;
}

export interface PreparedCheckpoint {
  readonly ref: CheckpointRef;
  /** "none" where the checkpoint was never sealed. */
  readonly manifest: Manifest | "none" | "unreadable";
  /** Milliseconds since something in it changed. */
  readonly ageMs: number;
}

export interface Published {
  /** False where the checkpoint was not there: another caller has published it. */
  readonly found: boolean;
  /** Final names of files that are nowhere. */
  readonly missing: readonly string[];
}

export interface Sink {
  /** The random id of this place, made once. */
  readonly store: string;
  begin(ref: CheckpointRef): Promise<Preparation>;
  publish(ref: CheckpointRef): Promise<Published>;
  list(): Promise<PreparedCheckpoint[]>;
  holds(topic: string): Promise<boolean>;
  /**
   * Remembers how many partitions a topic had when this cluster and group first met it. @returns what is remembered.
   */
  firstPartitions(topic: string, count: number): Promise<number>;
  /** Paths of published files, in no order. */
  files(): AsyncIterable<string>;
  /** Deletes a checkpoint that was never committed. */
  discard(ref: CheckpointRef): Promise<void>;
  /** Puts a checkpoint of unknown fate aside, where a person can look at it. */
  quarantine(ref: CheckpointRef): Promise<void>;
  /** What this cluster and group have in quarantine. */
  quarantined(): Promise<PreparedCheckpoint[]>;
  /** Deletes a checkpoint from quarantine. */
  dropQuarantined(ref: CheckpointRef): Promise<void>;
}
