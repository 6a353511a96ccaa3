/**
 * Metrics as the text that Prometheus reads, version 0.0.4.
 *
 * Our own, because of what prom-client brings along: `deno compile` 2.9.4 overflows its stack on a test file of a
 * package below it (bintrees), and there would be no binary.
 */
import { DURATION_BOUNDS } from "../durations.ts";
import type { Facts } from "./facts.ts";
import type { DurationSample, Labels, Metric } from "./metrics.ts";

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function exposition(metrics: readonly Metric[], facts: Facts): string {
  return metrics.map((metric) => block(metric, facts)).join("");
}

function block(metric: Metric, facts: Facts): string {
  const { name, help, kind } = metric;
  const lines = metric.kind === "histogram"
    ? metric.read(facts).flatMap((sample) => histogramLines(name, sample))
    : metric.read(facts).map(({ labels, value }) => line(name, labels, value));
  return [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${kind}`, ...lines].map((one) => `${one}\n`)
    .join("");
}

function histogramLines(name: string, { labels, durations }: DurationSample): string[] {
  const lines: string[] = [];
  let count = 0;
  for (const [i, inClass] of durations.counts.entries()) {
    count += inClass;
    const bound = DURATION_BOUNDS[i];
    const le = bound === undefined ? "+Inf" : String(bound);
    lines.push(line(`${name}_bucket`, { ...labels, le }, count));
  }
  lines.push(line(`${name}_sum`, labels, durations.sumSeconds), line(`${name}_count`, labels, count));
  return lines;
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) =>
    `${label}="${escaped(text).replaceAll('"', '\\"')}"`
  );
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
