/** What the supervisor tells the status room, put together from what its archivers have told. */
import process from "node:process";

import type { Config } from "../config.ts";
import type { Facts, State, WorkerFacts } from "../status/mod.ts";
import { VERSION } from "../version.ts";
import type { Progress } from "./messages.ts";
import { type ReportSums, sumOfReports } from "./report_sums.ts";

export interface Supervised {
  readonly config: Pick<Config, "group" | "topics">;
  readonly startedAtMs: number;
  readonly state: State;
  readonly workers: readonly WorkerFacts[];
  readonly restarts: number;
  readonly progress: Progress;
  /** Of all archivers, those that have ended included. */
  readonly reports: readonly ReportSums[];
}

export function factsOf({ config, progress, reports, ...supervised }: Supervised): Facts {
  const { user, system } = process.cpuUsage();
  return {
    ...supervised,
    version: VERSION,
    nowMs: Date.now(),
    group: config.group,
    topics: config.topics,
    rows: progress.rows,
    files: progress.files,
    bytes: progress.bytes,
    deadLetterRecords: progress.deadLetters,
    skippedRecords: progress.skipped,
    bufferedRows: progress.bufferedRows,
    sums: sumOfReports(reports),
    process: { residentBytes: Deno.memoryUsage().rss, cpuSeconds: (user + system) / 1e6 },
  };
}
