/** Kafka and registry for integration tests, and what tests do with them. */
import type { Buffer } from "node:buffer";
import type { Type } from "avsc";
import type { Admin, IHeaders, Kafka, Message, Producer, ProducerRecord } from "kafkajs";
import { codecNumber, kafkaClient, type ProducerCodec } from "../../dev/kafka_client.ts";
import { startKafka, startRegistry } from "../../dev/mod.ts";
import { onTheWire } from "../../dev/wire.ts";
import { waitFor } from "./wait.ts";

/** How long a new partition may be unknown to some broker. */
const LEADER_DEADLINE_MS = 60_000;

export interface ServerAddresses {
  /** `host:port`, separated by commas. */
  readonly brokers: string;
  /** Base URL of the Confluent API. */
  readonly registry: string;
}

export interface TopicOptions {
  /** 1 by default. */
  readonly partitions?: number;
  readonly config?: Readonly<Record<string, string>>;
  readonly replicationFactor?: number;
}

export interface SchemaReference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

export interface ProduceOptions {
  readonly compression?: ProducerCodec;
  /** All records in one transaction, committed or aborted at the end. */
  readonly transaction?: "commit" | "abort";
}

export interface AvroOptions extends ProduceOptions {
  readonly schemaId: number;
  /** Encodes the values. */
  readonly type: Type;
  readonly partition?: number;
  readonly key?: string | Buffer | null;
  readonly headers?: IHeaders;
  /** Milliseconds since the epoch. */
  readonly timestamp?: number;
}

/** The servers under one name, with the few things that tests do to them. */
export class TestServers implements ServerAddresses {
  readonly brokers: string;
  readonly registry: string;
  readonly kafka: Kafka;

  constructor(addresses: ServerAddresses) {
    this.brokers = addresses.brokers;
    this.registry = addresses.registry;
    this.kafka = kafkaClient(addresses.brokers);
  }

  /** The flags by which the program finds these servers. */
  get flags(): string[] {
    return ["--brokers", this.brokers, "--registry", this.registry];
  }

  async createTopic(topic: string, options: TopicOptions = {}): Promise<void> {
    const configEntries = Object.entries(options.config ?? {}).map(([name, value]) => ({ name, value }));
    const replicationFactor = options.replicationFactor ?? 1;
    await this.admin((admin) =>
      admin.createTopics({
        waitForLeaders: true,
        topics: [{ topic, numPartitions: options.partitions ?? 1, replicationFactor, configEntries }],
      })
    );
  }

  /** Runs `use` with a connected admin client. */
  async admin<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.kafka.admin();
    await admin.connect();
    try {
      return await use(admin);
    } finally {
      await admin.disconnect();
    }
  }

  /** The group's committed offset and metadata line by partition; offset -1 where there is none. */
  async committed(group: string, topic: string): Promise<Map<number, { offset: bigint; metadata: string }>> {
    const [entry] = await this.admin((admin) => admin.fetchOffsets({ groupId: group, topics: [topic] }));
    return new Map(
      (entry?.partitions ?? []).map((
        p,
      ) => [p.partition, { offset: BigInt(p.offset), metadata: p.metadata ?? "" }]),
    );
  }

  /** Registers an Avro schema (an object, or JSON text); gives its id. */
  async registerSchema(
    subject: string,
    schema: unknown,
    references: readonly SchemaReference[] = [],
  ): Promise<number> {
    const text = typeof schema === "string" ? schema : JSON.stringify(schema);
    return await this.register(subject, { schema: text, references });
  }

  /** Registers a schema of any format, as the registry's own API takes it; gives its id. */
  async register(
    subject: string,
    body: {
      readonly schema: string;
      readonly schemaType?: "AVRO" | "JSON" | "PROTOBUF";
      readonly references?: readonly SchemaReference[];
    },
  ): Promise<number> {
    const response = await fetch(`${this.registry}/subjects/${encodeURIComponent(subject)}/versions`, {
      method: "POST",
      headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`The registry refused ${subject}: ${response.status} ${text}`);
    return (JSON.parse(text) as { id: number }).id;
  }

  /** Encodes `values` with avsc and produces them in order. */
  async produceAvro(topic: string, values: readonly unknown[], options: AvroOptions): Promise<void> {
    const { schemaId, type, partition, key, headers, timestamp } = options;
    const messages = values.map((value) => ({
      value: onTheWire(schemaId, type.toBuffer(value)),
      ...(partition === undefined ? {} : { partition }),
      ...(key === undefined ? {} : { key }),
      ...(headers === undefined ? {} : { headers }),
      ...(timestamp === undefined ? {} : { timestamp: String(timestamp) }),
    }));
    await this.produceRaw(topic, messages, options);
  }

  /** Produces records as they are: any value, `null` for a tombstone. */
  async produceRaw(topic: string, messages: Message[], options: ProduceOptions = {}): Promise<void> {
    const compression = codecNumber(options.compression ?? "none");
    const transactionalId = `tx-${crypto.randomUUID()}`;
    const { transaction: outcome } = options;
    if (outcome === undefined) {
      let left = messages;
      // Each with a producer of its own, which asks anew where the partitions are.
      await waitFor(async () => {
        left = await this.producer((producer) => sendKnown(producer, { topic, messages: left, compression }));
        return left.length === 0;
      }, { what: `a producer that finds all partitions of ${topic}`, deadlineMs: LEADER_DEADLINE_MS });
      return;
    }
    await this.producer(async (producer) => {
      const transaction = await producer.transaction();
      const dropped = await sendKnown(transaction, { topic, messages, compression });
      if (dropped.length > 0) throw new Error(`No leader is known of ${topic}[${dropped[0]!.partition}]`);
      await transaction[outcome]();
    }, { transactionalId });
  }

  /** Runs `use` with a connected producer; a transactional one where it has an id. */
  async producer<T>(
    use: (producer: Producer) => Promise<T>,
    options: { readonly transactionalId?: string } = {},
  ): Promise<T> {
    const producer = this.kafka.producer({
      allowAutoTopicCreation: false,
      ...(options.transactionalId === undefined
        ? {}
        : { transactionalId: options.transactionalId, idempotent: true, maxInFlightRequests: 1 }),
    });
    await producer.connect();
    try {
      return await use(producer);
    } finally {
      await producer.disconnect();
    }
  }
}

/**
 * Sends what it can, and gives the rest: kafkajs drops, without a word, messages for a partition that its metadata does
 * not show, such as that of a broker which has not heard yet of a new partition.
 */
async function sendKnown(producer: Pick<Producer, "send">, record: ProducerRecord): Promise<Message[]> {
  const sent = await producer.send(record);
  const taken = new Set(sent.map(({ partition }) => partition));
  return record.messages.filter(({ partition }) => partition !== undefined && !taken.has(partition));
}

let started: Promise<TestServers> | undefined;

/**
 * The shared servers that the test runner has started, or those of this test file, started on first use and ended
 * with it.
 *
 * @throws {UserError} where what they need is not installed.
 */
export function testServers(): Promise<TestServers> {
  started ??= findOrStart();
  return started;
}

async function findOrStart(): Promise<TestServers> {
  const brokers = Deno.env.get("K2P_TEST_BROKERS");
  const registry = Deno.env.get("K2P_TEST_REGISTRY");
  if (brokers && registry) return new TestServers({ brokers, registry });
  const [kafka, schemas] = await Promise.all([startKafka(), startRegistry()]);
  return new TestServers({ brokers: kafka.bootstrap, registry: schemas.url });
}

/** `name` with a random ending: tests that share servers must not share topics, groups or subjects. */
export function uniqueName(name: string): string {
  return `${name}-${crypto.randomUUID().slice(0, 8)}`;
}
