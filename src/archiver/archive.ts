/** The archiver as its worker runs it: connections, then one member of the group until it is stopped. */
import type { Config } from "../config.ts";
import { armFaults, FAULT_VARIABLE } from "../fault.ts";
import { KafkaClient } from "../kafka/mod.ts";
import { Registry } from "../registry/mod.ts";
import { Archiver } from "./archiver.ts";
import { kafkaOptions } from "./kafka_options.ts";
import type { Archive, Progress } from "./messages.ts";
import { Totals } from "./totals.ts";

const PROGRESS_EVERY_MS = 500;
/** However long Kafka was waited for, the registry is asked at least once. */
const REGISTRY_WAIT_MIN_MS = 1000;

/** Archives until `stop` is aborted or, in a bounded run, the end is reached. */
export const archive: Archive = async (config, { stop, progress }) => {
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
  });
  const client = await connectAll(config, { registry, stop });
  if (client === undefined) return totals.with({ bufferedRows: 0 });
  let told = "";
  // Each message wakes two threads: an idle archiver has nothing to tell.
  const tell = (now: Progress) => {
    const text = JSON.stringify(now);
    if (text !== told) progress(now);
    told = text;
  };
  try {
    const archiver = await Archiver.create(config, { client, registry, totals, ending });
    const timer = setInterval(() => tell(archiver.progress), PROGRESS_EVERY_MS);
    try {
      return await archiver.run();
    } finally {
      clearInterval(timer);
      progress(archiver.progress);
    }
  } finally {
    await client.disconnect();
  }
};

/** @returns undefined where the program was told to stop while it waited. */
async function connectAll(
  config: Config,
  { registry, stop }: { registry: Registry; stop: AbortSignal },
): Promise<KafkaClient | undefined> {
  const deadlineMs = performance.now() + config.startupTimeoutMs;
  let client: KafkaClient | undefined;
  try {
    client = await KafkaClient.connect(kafkaOptions(config), stop);
    await registry.ping(stop, Math.max(deadlineMs - performance.now(), REGISTRY_WAIT_MIN_MS));
    return client;
  } catch (error) {
    await client?.disconnect();
    if (stop.aborted) return undefined;
    throw error;
  }
}
