/** `/status.json`: all that is known, for scripts. Keys are only ever added. Pure. */
import type { Counts, Facts, State } from "./facts.ts";
import { type CheckResult, isAllOk, liveness, readiness } from "./health.ts";

export interface StatusJson {
  readonly version: string;
  readonly state: State;
  readonly live: boolean;
  readonly ready: boolean;
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  readonly group: string;
  readonly topics: readonly string[];
  readonly workers: { readonly configured: number; readonly working: number; readonly restarts: number };
  readonly totals: {
    readonly rows: number;
    readonly files: number;
    readonly bytes: number;
    readonly deadLetters: number;
    readonly skipped: number;
    readonly rebalances: number;
  };
  readonly deadLettersByReason: Counts;
  readonly skippedByReason: Counts;
  readonly errorsByStage: Counts;
  readonly buffered: { readonly rows: number; readonly bytes: number };
  /** Records that are not archived yet, of all partitions of which it is known; null where of none. */
  readonly lag: number | null;
  /** Until the nearest loss by Kafka's retention; null where none is near. */
  readonly secondsUntilLoss: number | null;
  readonly lastCheckpointAt: string | null;
  readonly checks: readonly CheckResult[];
  /** By topic and number. */
  readonly partitions: readonly PartitionJson[];
}

export interface PartitionJson {
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  readonly committed: number;
  readonly logEnd: number | null;
  readonly lag: number | null;
  readonly secondsUntilLoss: number | null;
}

export function statusJson(facts: Facts): StatusJson {
  const { version, state, group, topics, workers, restarts, sums } = facts;
  const live = liveness(facts);
  const ready = readiness(facts);
  const partitions = sums.partitions.map((one): PartitionJson => ({
    topic: one.topic,
    partition: one.partition,
    position: one.position,
    committed: one.committed,
    logEnd: one.logEnd ?? null,
    lag: one.logEnd === undefined ? null : Math.max(0, one.logEnd - one.committed),
    secondsUntilLoss: one.lossSeconds ?? null,
  })).sort((a, b) => a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1);
  const lags = partitions.flatMap(({ lag }) => lag ?? []);
  const losses = partitions.flatMap(({ secondsUntilLoss }) => secondsUntilLoss ?? []);
  return {
    version,
    state,
    live: isAllOk(live),
    ready: isAllOk(ready),
    startedAt: new Date(facts.startedAtMs).toISOString(),
    uptimeSeconds: Math.round((facts.nowMs - facts.startedAtMs) / 1_000),
    group,
    topics,
    workers: {
      configured: workers.length,
      working: workers.filter(({ dead, isOver }) => dead === null && !isOver).length,
      restarts,
    },
    totals: {
      rows: facts.rows,
      files: facts.files,
      bytes: facts.bytes,
      deadLetters: facts.deadLetterRecords,
      skipped: facts.skippedRecords,
      rebalances: sums.rebalances,
    },
    deadLettersByReason: sums.deadLetters,
    skippedByReason: sums.skipped,
    errorsByStage: sums.failures,
    buffered: { rows: facts.bufferedRows, bytes: sums.bufferedBytes },
    lag: lags.length === 0 ? null : lags.reduce((sum, lag) => sum + lag, 0),
    secondsUntilLoss: losses.length === 0 ? null : losses.reduce((least, one) => Math.min(least, one)),
    lastCheckpointAt: sums.checkpointAtMs === undefined ? null : new Date(sums.checkpointAtMs).toISOString(),
    checks: [...live, ...ready],
    partitions,
  };
}
