/** The archiver as its worker runs it: connections, then one member of the group until it is stopped. */
import type { Config } from "../config.ts";
import { armFaults, FAULT_VARIABLE } from "../fault.ts";
import { KafkaClient } from "../kafka/mod.ts";
import { Registry } from "../registry/mod.ts";
import { Archiver } from "./archiver.ts";
import { planMemory } from "./memory.ts";
import type { Archive } from "./messages.ts";
import { selectTopics } from "./topics.ts";
import { Totals } from "./totals.ts";
import type { Vitals } from "./vitals.ts";

const PROGRESS_EVERY_MS = 500;
const REPORT_EVERY_MS = 1_000;
/** However long Kafka was waited for, the registry is asked at least once. */
const REGISTRY_WAIT_MIN_MS = 1000;

/** Archives until `stop` is aborted or, in a bounded run, the end is reached. */
export const archive: Archive = async (config, { stop, progress, report }) => {
  armFaults(Deno.env.get(FAULT_VARIABLE));
  const totals = new Totals();
  // However the end begins, nobody waits for a registry that is away any more.
  const ending = new AbortController();
  stop.addEventListener("abort", () => ending.abort(), { once: true });
  if (stop.aborted) ending.abort();
  const registry = new Registry({
    urls: config.registry,
    signal: ending.signal,
    security: config.registrySecurity,
    trouble: totals.vitals.registry,
  });
  let archiver: Archiver | undefined;
  const tellReport = ifChanged(report);
  const reportNow = () => tellReport(archiver?.report ?? totals.vitals.report(undefined));
  const reporting = setInterval(reportNow, REPORT_EVERY_MS);
  try {
    const client = await connectAll(config, { registry, vitals: totals.vitals, stop });
    if (client === undefined) return totals.with({ bufferedRows: 0 });
    try {
      const started = archiver = await Archiver.create(config, { client, registry, totals, ending });
      const tell = ifChanged(progress);
      const timer = setInterval(() => tell(started.progress), PROGRESS_EVERY_MS);
      try {
        return await started.run();
      } finally {
        clearInterval(timer);
        progress(started.progress);
      }
    } finally {
      await client.disconnect();
    }
  } finally {
    clearInterval(reporting);
    reportNow();
  }
};

/** Tells only what differs from what was told last: each message wakes two threads. */
function ifChanged<T>(tell: (now: T) => void): (now: T) => void {
  let told = "";
  return (now) => {
    const text = JSON.stringify(now);
    if (text !== told) tell(now);
    told = text;
  };
}

/** @returns undefined where the program was told to stop while it waited. */
async function connectAll(
  config: Config,
  { registry, vitals, stop }: { registry: Registry; vitals: Vitals; stop: AbortSignal },
): Promise<KafkaClient | undefined> {
  const memory = planMemory(config.maxMemoryBytes / config.workers);
  const deadlineMs = performance.now() + config.startupTimeoutMs;
  let client: KafkaClient | undefined;
  try {
    client = await KafkaClient.connect({
      brokers: config.brokers,
      security: config.security,
      clientId: "kafka2parquet",
      group: config.group,
      topics: selectTopics(config.topics, []),
      sessionTimeoutMs: config.sessionTimeoutMs,
      metadataMaxAgeMs: config.metadataMaxAgeMs,
      fetchMaxBytes: memory.fetchBytesMax,
      partitionMaxBytes: memory.partitionFetchBytesMax,
      fetchWaitMs: config.fetchWaitMs,
      startupTimeoutMs: config.startupTimeoutMs,
      trouble: vitals.kafka,
    }, stop);
    vitals.reached("broker");
    await registry.ping(stop, Math.max(deadlineMs - performance.now(), REGISTRY_WAIT_MIN_MS));
    vitals.reached("registry");
    return client;
  } catch (error) {
    await client?.disconnect();
    if (stop.aborted) return undefined;
    throw error;
  }
}
