/** The one table of metrics: what Prometheus and OpenTelemetry get is read from it. */
import type { Durations } from "../durations.ts";
import { CHECKPOINT_STAGES, type Counts, type Facts, STAGES } from "./facts.ts";
import { isAllOk, readiness } from "./health.ts";

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export interface DurationSample {
  readonly labels: Labels;
  readonly durations: Durations;
}

interface Described {
  /** As Prometheus has it, with the unit at its end, and `_total` where it only grows. */
  readonly name: string;
  /** One sentence without its full stop. */
  readonly help: string;
}

export type Metric =
  | Described & { readonly kind: "counter" | "gauge"; read(facts: Facts): readonly Sample[] }
  | Described & { readonly kind: "histogram"; read(facts: Facts): readonly DurationSample[] };

const PREFIX = "kafka2parquet_";

export const METRICS: readonly Metric[] = [
  {
    name: "kafka2parquet_build_info",
    help: "1, with the program's version",
    kind: "gauge",
    read: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  counter("archived_rows_total", "Rows in files whose offsets are committed", ({ rows }) => rows),
  counter("archived_files_total", "Data files whose offsets are committed", ({ files }) => files),
  counter("archived_bytes_total", "Bytes of those files", ({ bytes }) => bytes),
  byLabel("dead_letter_records_total", {
    help: "Records in dead-letter files, by reason",
    label: "reason",
    counts: ({ sums }) => sums.deadLetters,
  }),
  byLabel("skipped_records_total", {
    help: "Records that were left out, by reason",
    label: "reason",
    counts: ({ sums }) => sums.skipped,
  }),
  byLabel("errors_total", {
    help: "Attempts that failed and were made again, by stage",
    label: "stage",
    counts: ({ sums }) => Object.fromEntries(STAGES.map((stage) => [stage, sums.failures[stage]])),
  }),
  {
    name: "kafka2parquet_checkpoint_duration_seconds",
    help: "How long checkpoints took, by stage",
    kind: "histogram",
    read: ({ sums }) =>
      CHECKPOINT_STAGES.map((stage) => ({ labels: { stage }, durations: sums.checkpoints[stage] })),
  },
  gauge(
    "last_checkpoint_timestamp_seconds",
    "When offsets were last committed, since the epoch",
    ({ sums }) => sums.checkpointAtMs === undefined ? undefined : sums.checkpointAtMs / 1_000,
  ),
  byPartition(
    "lag_records",
    "Records that are not archived yet",
    ({ logEnd, committed }) => logEnd === undefined ? undefined : Math.max(0, logEnd - committed),
  ),
  byPartition(
    "data_loss_seconds",
    "Until Kafka deletes records that are not archived yet, where that is less than a day and half of the time",
    ({ lossSeconds }) => lossSeconds,
  ),
  gauge("buffered_rows", "Rows that are held and not committed", ({ bufferedRows }) => bufferedRows),
  gauge(
    "buffered_bytes",
    "Memory of open files, and of closed ones that are not published",
    ({ sums }) => sums.bufferedBytes,
  ),
  counter("rebalances_total", "Joins of the group but for the first", ({ sums }) => sums.rebalances),
  counter("worker_restarts_total", "Workers that died and were replaced", ({ restarts }) => restarts),
  gauge(
    "workers",
    "Workers that are at work",
    ({ workers }) => workers.filter(({ dead, isOver }) => dead === null && !isOver).length,
  ),
  gauge("ready", "1 where /readyz says so, else 0", (facts) => isAllOk(readiness(facts)) ? 1 : 0),
  {
    name: "process_resident_memory_bytes",
    help: "Resident memory of the process",
    kind: "gauge",
    read: ({ process }) => [{ labels: {}, value: process.residentBytes }],
  },
  {
    name: "process_cpu_seconds_total",
    help: "CPU time of the process, user and system",
    kind: "counter",
    read: ({ process }) => [{ labels: {}, value: process.cpuSeconds }],
  },
  {
    name: "process_start_time_seconds",
    help: "When the process started, since the epoch",
    kind: "gauge",
    read: ({ startedAtMs }) => [{ labels: {}, value: startedAtMs / 1_000 }],
  },
];

function counter(name: string, help: string, value: (facts: Facts) => number): Metric {
  return {
    name: PREFIX + name,
    help,
    kind: "counter",
    read: (facts) => [{ labels: {}, value: value(facts) }],
  };
}

/** `value` is undefined while it is not known. */
function gauge(name: string, help: string, value: (facts: Facts) => number | undefined): Metric {
  return { name: PREFIX + name, help, kind: "gauge", read: (facts) => known({}, value(facts)) };
}

function byLabel(
  name: string,
  { help, label, counts }: { help: string; label: string; counts: (facts: Facts) => Counts },
): Metric {
  return {
    name: PREFIX + name,
    help,
    kind: "counter",
    read: (facts) =>
      Object.entries(counts(facts)).map(([key, value]) => ({ labels: { [label]: key }, value })),
  };
}

function byPartition(
  name: string,
  help: string,
  value: (partition: Facts["sums"]["partitions"][number]) => number | undefined,
): Metric {
  return {
    name: PREFIX + name,
    help: `${help}, by topic and partition`,
    kind: "gauge",
    read: ({ sums }) =>
      sums.partitions.flatMap((one) =>
        known({ topic: one.topic, partition: String(one.partition) }, value(one))
      ),
  };
}

function known(labels: Labels, value: number | undefined): Sample[] {
  return value === undefined ? [] : [{ labels, value }];
}
