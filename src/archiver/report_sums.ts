/** Reports of several archivers as one. Pure. */
import { NO_DURATIONS, sumOfDurations } from "../durations.ts";
import type { Counts, Facts, PartitionFacts } from "../status/mod.ts";

export type ReportSums = Facts["sums"];

export const NOTHING_REPORTED: ReportSums = {
  failures: { kafka: 0, registry: 0, write: 0, publish: 0 },
  deadLetters: {},
  skipped: {},
  checkpoints: { prepare: NO_DURATIONS, commit: NO_DURATIONS, publish: NO_DURATIONS },
  rebalances: 0,
  bufferedBytes: 0,
  partitions: [],
};

/** Sums of counts, all partitions, and the latest checkpoint. */
export function sumOfReports(reports: readonly ReportSums[]): ReportSums {
  const sums = reports.reduce((sum, report) => {
    const checkpointAtMs = latest(sum.checkpointAtMs, report.checkpointAtMs);
    return {
      failures: {
        kafka: sum.failures.kafka + report.failures.kafka,
        registry: sum.failures.registry + report.failures.registry,
        write: sum.failures.write + report.failures.write,
        publish: sum.failures.publish + report.failures.publish,
      },
      deadLetters: sumOfCounts(sum.deadLetters, report.deadLetters),
      skipped: sumOfCounts(sum.skipped, report.skipped),
      checkpoints: {
        prepare: sumOfDurations(sum.checkpoints.prepare, report.checkpoints.prepare),
        commit: sumOfDurations(sum.checkpoints.commit, report.checkpoints.commit),
        publish: sumOfDurations(sum.checkpoints.publish, report.checkpoints.publish),
      },
      rebalances: sum.rebalances + report.rebalances,
      bufferedBytes: sum.bufferedBytes + report.bufferedBytes,
      ...(checkpointAtMs !== undefined && { checkpointAtMs }),
      partitions: [],
    };
  }, NOTHING_REPORTED);
  return { ...sums, partitions: distinct(reports.flatMap(({ partitions }) => partitions)) };
}

/**
 * Each partition once. While one moves, its former owner and its new one may both have reported it: where more is
 * committed is what is newer.
 */
function distinct(partitions: readonly PartitionFacts[]): PartitionFacts[] {
  const byName = new Map<string, PartitionFacts>();
  for (const one of partitions) {
    const name = `${one.topic}/${one.partition}`;
    const other = byName.get(name);
    if (other === undefined || other.committed < one.committed) byName.set(name, one);
  }
  return [...byName.values()];
}

/** What is left of an archiver that has ended: its counts, but nothing that it had or held. */
export function onlyCounts(report: ReportSums): ReportSums {
  return { ...report, bufferedBytes: 0, partitions: [] };
}

function sumOfCounts(one: Counts, other: Counts): Counts {
  const sum: Record<string, number> = { ...one };
  for (const [reason, count] of Object.entries(other)) sum[reason] = (sum[reason] ?? 0) + count;
  return sum;
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? one ?? other : Math.max(one, other);
}
