/** Whether the brokers that the topics need can be reached, as they advertise themselves, and let us in. */
import { UserError } from "../errors.ts";
import { type BrokerReach, KafkaClient } from "../kafka/mod.ts";
import type { KafkaSecurity } from "../security.ts";
import { noun } from "../words.ts";
import { type CheckContext, few, inTime } from "./context.ts";
import type { Notes } from "./findings.ts";

/** The cluster, once it can be reached. */
export interface ReachedKafka {
  readonly client: KafkaClient;
  readonly cluster: string;
  /** Those that would be archived now. */
  readonly topics: readonly string[];
}

/** @returns undefined where something is in the way, which `notes` tell. */
export async function checkBrokers(context: CheckContext, notes: Notes): Promise<ReachedKafka | undefined> {
  const { config, start } = context;
  const client = await KafkaClient.connect(start.kafkaOptions(config), new AbortController().signal);
  try {
    const kafka = await inTime(context, "Kafka", look(context, client, notes));
    if (kafka === undefined) client.disconnect();
    return kafka;
  } catch (error) {
    client.disconnect();
    throw error;
  }
}

async function look(
  { config, start }: CheckContext,
  client: KafkaClient,
  notes: Notes,
): Promise<ReachedKafka | undefined> {
  const cluster = await client.clusterId();
  const topics = await start.currentTopics(config.topics, client);
  const brokers = await client.reach(topics);
  const lost = brokers.flatMap(({ address, outcome }) =>
    outcome.kind === "unreachable" ? [`${address} (${outcome.cause})`] : []
  );
  if (lost.length > 0) {
    notes.fail(
      new UserError(
        `Cannot reach ${few(lost)}, as ${noun(lost.length, "broker")} of the cluster advertised`,
        {
          hint: "Their advertised.listeners must name addresses that can be reached from here.",
        },
      ),
    );
    return undefined;
  }
  notes.say(`${brokers.length} ${noun(brokers.length, "broker")} over ${howReached(config.security)}`);
  notes.say(`cluster ${cluster}, answers in ${latencyOf(brokers)} ms`);
  return { client, cluster, topics };
}

/** `TLS with scram-sha-512`. */
function howReached({ tls, sasl }: KafkaSecurity): string {
  return (tls === undefined ? "plain text" : "TLS") + (sasl === undefined ? "" : ` with ${sasl.mechanism}`);
}

/** Of the slowest. */
function latencyOf(brokers: readonly BrokerReach[]): number {
  const all = brokers.map(({ outcome }) => outcome.kind === "reached" ? outcome.latencyMs : 0);
  return Math.ceil(Math.max(...all));
}
