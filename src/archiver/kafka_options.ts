/** How an archiver connects to Kafka. */
import type { Config } from "../config.ts";
import type { KafkaOptions } from "../kafka/mod.ts";
import { planMemory } from "./memory.ts";
import { selectTopics } from "./topics.ts";

export function kafkaOptions(config: Config): KafkaOptions {
  const memory = planMemory(config.maxMemoryBytes / config.workers);
  return {
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
  };
}
