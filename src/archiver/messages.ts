/** What the main thread and the archiver's worker say to each other. */
import type { LogRecord } from "@logtape/logtape";

import type { Config } from "../config.ts";
import type { ExitCode } from "../errors.ts";
import type { Report } from "../status/mod.ts";
import type { LossAhead } from "./data_loss.ts";

/**
 * What an archiver has done since it started. All counts only grow, but for `bufferedRows`, `lag`, `loss`
 * and `partitions`.
 */
export interface Progress {
  /** Rows in files whose offsets are committed. */
  readonly rows: number;
  /** Data files whose offsets are committed. */
  readonly files: number;
  /** Bytes of those files. */
  readonly bytes: number;
  readonly deadLetters: number;
  readonly skipped: number;
  /** Rows that are held in memory or in files that are not committed. */
  readonly bufferedRows: number;
  /** Records between the positions and the ends of the partitions, where known. */
  readonly lag?: number;
  /** The offset ranges of records that are held, in words: a few of them, dead letters and skipped records included. */
  readonly held?: readonly string[];
  /** The nearest of the losses to come, if all goes on as it does; absent where none is to be seen. */
  readonly loss?: LossAhead;
  /** How many partitions the group has assigned to it; absent while it is no member. */
  readonly partitions?: number;
}

/** What an archiver did in all. */
export interface Summary extends Progress {
  /** What could not be saved, one sentence each; it was not committed and comes again. */
  readonly unsaved?: readonly string[];
}

/** The archiver as its worker runs it: resolves after a clean drain, throws where it failed. */
export type Archive = (
  config: Config,
  context: {
    readonly stop: AbortSignal;
    readonly progress: (progress: Progress) => void;
    /** For health checks and metrics; to be called when something has changed, about once a second. */
    readonly report: (report: Report) => void;
  },
) => Promise<Summary>;

/** An error as it crosses the threads. */
export interface Failure {
  readonly message: string;
  readonly exitCode: ExitCode;
  /** The archiver itself is at fault, and nobody else: another one may do better. */
  readonly fault: boolean;
  readonly hint?: string;
  readonly stack?: string;
}

export type ToWorker =
  | { readonly type: "start"; readonly config: Config }
  | { readonly type: "stop" }
  | { readonly type: "ping"; readonly n: number };

export type FromWorker =
  | { readonly type: "pong"; readonly n: number }
  | { readonly type: "log"; readonly record: LogRecord }
  | { readonly type: "progress"; readonly progress: Progress }
  | { readonly type: "report"; readonly report: Report }
  | { readonly type: "done"; readonly summary: Summary }
  | { readonly type: "failed"; readonly failure: Failure }
  /** The worker ended without having said how. */
  | { readonly type: "exited" };
