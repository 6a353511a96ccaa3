/**
 * The same metrics by OpenTelemetry: Deno's own, which exports them where `OTEL_DENO` asks for it. They are read when
 * it exports, so nothing is counted twice.
 */
import { createNoopMeter, metrics as api, type ObservableResult } from "@opentelemetry/api";

import { VERSION } from "../version.ts";
import type { Facts } from "./facts.ts";
import { type Metric, METRICS, type Sample } from "./metrics.ts";

/** @returns false where Deno exports nothing: a binary does only if that was asked for when it was built. */
export function startOpenTelemetry(facts: () => Facts): boolean {
  const meter = api.getMeter("kafka2parquet", VERSION);
  if (meter === createNoopMeter()) return false;
  for (const metric of METRICS) {
    for (const { name, kind, read } of instruments(metric)) {
      const options = { description: metric.help };
      const instrument = kind === "counter"
        ? meter.createObservableCounter(name, options)
        : meter.createObservableGauge(name, options);
      instrument.addCallback((result: ObservableResult) => {
        for (const { labels, value } of read(facts())) result.observe(value, { ...labels });
      });
    }
  }
  return true;
}

interface Instrument {
  readonly name: string;
  readonly kind: "counter" | "gauge";
  read(facts: Facts): readonly Sample[];
}

/** Counters go by without `_total`, which is Prometheus's; of a histogram there are sum and count, as counters. */
function instruments(metric: Metric): Instrument[] {
  const { name } = metric;
  if (metric.kind !== "histogram") {
    return [{ name: name.replace(/_total$/, ""), kind: metric.kind, read: (facts) => metric.read(facts) }];
  }
  const part = (suffix: string, value: (counts: readonly number[], sumSeconds: number) => number) => ({
    name: `${name}_${suffix}`,
    kind: "counter" as const,
    read: (facts: Facts) =>
      metric.read(facts).map(({ labels, durations }) => ({
        labels,
        value: value(durations.counts, durations.sumSeconds),
      })),
  });
  return [
    part("sum", (_, sumSeconds) => sumSeconds),
    part("count", (counts) => counts.reduce((sum, count) => sum + count, 0)),
  ];
}
