/**
 * What there is to tell of a running program: the archivers report it to the supervisor, and the supervisor to this
 * room. Plain values that can be posted between threads.
 */
import type { Durations } from "../durations.ts";

/** What has to work for an archiver to work. */
export const CHECKS = ["broker", "registry", "sink", "group"] as const;
export type Check = typeof CHECKS[number];

/** Where something can fail and is tried again. */
export const STAGES = ["kafka", "registry", "write", "publish"] as const;
export type Stage = typeof STAGES[number];

/** What a checkpoint goes through. */
export const CHECKPOINT_STAGES = ["prepare", "commit", "publish"] as const;
export type CheckpointStage = typeof CHECKPOINT_STAGES[number];

/** Counts by a reason or the like. */
export type Counts = Readonly<Record<string, number>>;

/** Where a partition stands; offsets as doubles. */
export interface PartitionFacts {
  readonly topic: string;
  readonly partition: number;
  /** What is read next. */
  readonly position: number;
  /** What the group has committed: all before it is in files. */
  readonly committed: number;
  /** One past the last record, as far as it is known. */
  readonly logEnd?: number;
  /** Until Kafka deletes what is not archived, if all goes on as it does; absent where no loss is near. */
  readonly lossSeconds?: number;
}

/** What one archiver tells of itself. Counts only grow, from nothing at its start. */
export interface Report {
  /** Why something does not work at the moment; null where it does. */
  readonly checks: Readonly<Record<Check, string | null>>;
  readonly failures: Readonly<Record<Stage, number>>;
  /** Of files whose offsets are committed, by reason. */
  readonly deadLetters: Counts;
  readonly skipped: Counts;
  readonly checkpoints: Readonly<Record<CheckpointStage, Durations>>;
  /** Joins of the group but for the first. */
  readonly rebalances: number;
  /** Of open files, and of closed ones that are not published. */
  readonly bufferedBytes: number;
  /** Since the epoch, when offsets were last committed. */
  readonly checkpointAtMs?: number;
  /** Those that are assigned to it. */
  readonly partitions: readonly PartitionFacts[];
}

export interface WorkerFacts {
  /** From 1. */
  readonly number: number;
  /** Why it does not work at all; null where it does, or has come to its end. */
  readonly dead: string | null;
  /** Undefined before it has told anything, and after its end. */
  readonly checks: Report["checks"] | undefined;
  readonly isOver: boolean;
}

/** `starting` until all archivers have joined for the first time. */
export type State = "starting" | "running" | "draining";

export interface Facts {
  readonly version: string;
  /** Since the epoch. */
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly state: State;
  readonly group: string;
  /** Names, and patterns between slashes, as they were given. */
  readonly topics: readonly string[];
  readonly workers: readonly WorkerFacts[];
  /** Archivers that died and were replaced. */
  readonly restarts: number;
  /** Rows in files whose offsets are committed, and those files. */
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  readonly deadLetterRecords: number;
  readonly skippedRecords: number;
  /** Rows that are held and not committed. */
  readonly bufferedRows: number;
  /** The sums of all archivers, those that died included. */
  readonly sums: Omit<Report, "checks">;
  readonly process: {
    readonly residentBytes: number;
    readonly cpuSeconds: number;
  };
}
