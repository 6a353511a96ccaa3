/**
 * Produces customer events into a topic; makes the topic and registers the schema where they are missing.
 *
 * A program of its own (`deno run -A dev/producer.ts --help`), and a function for `deno task dev`.
 */
import { Buffer } from "node:buffer";
import { parseArgs } from "node:util";
import avro from "avsc";
import type { Producer } from "kafkajs";
import { BrokerConnection } from "./broker_connection.ts";
import { messageOf, UserError } from "../src/errors.ts";
import {
  CUSTOMER_EVENT_SCHEMA,
  CUSTOMER_EVENTS_TOPIC,
  type CustomerEvent,
  customerEvent,
  NEWER_EVENT_SCHEMA,
  newerEvent,
} from "./events.ts";
import { exitCodeOf, wholeNumber } from "./flags.ts";
import { codecNumber, kafkaClient, PRODUCER_CODECS, type ProducerCodec } from "./kafka_client.ts";
import { type Random, seededRandom } from "./random.ts";
import { RecordBatchWriter } from "./record_batch.ts";
import { onTheWire, WIRE_HEADER_BYTES } from "./wire.ts";

/** How long broker and registry are waited for at start. */
const START_TIMEOUT_MS = 60_000;
const START_RETRY_MS = 500;
/** Steady flow: how often what is due is sent. */
const TICK_MS = 100;
/** The most of one request, far below the broker's limit of a megabyte. */
const TICK_RECORDS = 2_000;
/** Full speed: bytes of one batch before compression, and different events to send over and over. */
const BATCH_BYTES = 512 * 1024;
const POOL_EVENTS = 10_000;
const PROGRESS_EVERY_MS = 5_000;
const UUID_LENGTH = 36;
const UUID_TAIL_DIGITS = 12;

export interface ProducerOptions {
  /** `host:port`, separated by commas. */
  readonly brokers: string;
  /** Base URL of the registry's Confluent API. */
  readonly registry: string;
  readonly topic: string;
  /** Of a topic that has to be made. */
  readonly partitions: number;
  /** Records a second, or as fast as possible. */
  readonly rate: number | "max";
  /** Stops after so many; without, it goes on until `stop`. */
  readonly count?: number | undefined;
  readonly seed: number;
  readonly compression: ProducerCodec;
  /** Every other record is of {@link NEWER_EVENT_SCHEMA}. */
  readonly alternating?: boolean;
  readonly stop?: AbortSignal;
  /** Called now and then with the number of records sent so far. */
  progress?(sent: number): void;
}

/**
 * Makes topic and schema, then produces until `count` or `stop`.
 *
 * @returns the number of records that the broker has acknowledged.
 * @throws {UserError} where broker or registry do not answer in time.
 */
export async function produceEvents(options: ProducerOptions): Promise<number> {
  await ensureTopic(options);
  const schemas = [CUSTOMER_EVENT_SCHEMA, ...options.alternating ? [NEWER_EVENT_SCHEMA] : []];
  const versions: EventVersion[] = [];
  for (const schema of schemas) {
    const type = avro.Type.forSchema(schema as unknown as avro.Schema);
    versions.push({ type, schemaId: await registerEventSchema(options, schema) });
  }
  const producer = kafkaClient(options.brokers).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    const flow = { ...options, producer, versions, random: seededRandom(options.seed) };
    return options.rate === "max" ? await atFullSpeed(flow) : await atRate(flow, options.rate);
  } finally {
    await producer.disconnect();
  }
}

interface EventVersion {
  readonly type: avro.Type;
  readonly schemaId: number;
}

interface Flow extends ProducerOptions {
  readonly producer: Producer;
  /** One, or two that take turns. */
  readonly versions: readonly EventVersion[];
  readonly random: Random;
}

function encodeEvent(event: CustomerEvent, index: number, { versions }: Flow): Buffer {
  const turn = index % versions.length;
  const { type, schemaId } = versions[turn]!;
  return onTheWire(schemaId, type.toBuffer(turn === 0 ? event : newerEvent(event, index)));
}

/** What is due since the start, every {@link TICK_MS}: a slow moment is made up for afterwards. */
async function atRate(flow: Flow, rate: number): Promise<number> {
  const startedAt = Date.now();
  let sent = 0;
  const limit = flow.count ?? Infinity;
  while (sent < limit && !flow.stop?.aborted) {
    const now = Date.now();
    const due = Math.min(Math.floor((now - startedAt) / 1000 * rate), limit) - sent;
    if (due > 0) {
      const first = sent;
      const messages = Array.from({ length: Math.min(due, TICK_RECORDS) }, (_, index) => {
        const event = customerEvent(flow.random, now);
        return { key: String(event.customer.id), value: encodeEvent(event, first + index, flow) };
      });
      await flow.producer.send({ topic: flow.topic, messages, compression: codecNumber(flow.compression) });
      sent += messages.length;
      flow.progress?.(sent);
    }
    await pause(TICK_MS, flow.stop);
  }
  return sent;
}

/**
 * Encoding costs more than sending: a pool of encoded events is sent over and over, each time with an id of its own,
 * the record's number written over the last twelve digits.
 *
 * Measured on two cores shared with the broker: see `deno run -A dev/producer.ts --rate max --count 1000000`.
 */
async function atFullSpeed(flow: Flow): Promise<number> {
  const limit = flow.count ?? Infinity;
  const startedAt = Date.now();
  const pool = Array.from({ length: Math.min(POOL_EVENTS, limit) }, (_, index) => {
    const event = customerEvent(flow.random, startedAt + index);
    return {
      key: Buffer.from(String(event.customer.id)),
      value: encodeEvent(event, index, flow),
    };
  });
  let made = 0;
  let sent = 0;
  const fill = (writer: RecordBatchWriter) => {
    while (made < limit) {
      const { key, value } = pool[made % pool.length]!;
      if (!writer.hasRoomFor(key, value)) return;
      numberEvent(writer.bytes, writer.append(key, value), made++);
    }
  };
  const lane = async (leader: Leader) => {
    const writer = new RecordBatchWriter(BATCH_BYTES, flow.compression);
    using connection = await BrokerConnection.open(leader.host, leader.port);
    while (made < limit && !flow.stop?.aborted) {
      fill(writer);
      const count = writer.count;
      await connection.produce(flow.topic, leader.partition, writer.take(Date.now()));
      sent += count;
      flow.progress?.(sent);
    }
  };
  await Promise.all((await leadersOf(flow)).map(lane));
  return sent;
}

interface Leader {
  readonly partition: number;
  readonly host: string;
  readonly port: number;
}

async function leadersOf(flow: Flow): Promise<Leader[]> {
  const admin = kafkaClient(flow.brokers).admin();
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    const { topics } = await admin.fetchTopicMetadata({ topics: [flow.topic] });
    return (topics[0]?.partitions ?? []).map(({ partitionId, leader }) => {
      const broker = brokers.find(({ nodeId }) => nodeId === leader);
      if (broker === undefined) throw new UserError(`Partition ${flow.topic}/${partitionId} has no leader`);
      return { partition: partitionId, host: broker.host, port: broker.port };
    });
  } finally {
    await admin.disconnect();
  }
}

/** Gives the event that starts at `start` an `event_id`, its first field, that ends in `number`. */
function numberEvent(bytes: Buffer, start: number, number: number): void {
  // A string of 36 bytes has a length prefix of one byte.
  const end = start + WIRE_HEADER_BYTES + 1 + UUID_LENGTH;
  const digits = number.toString(16).padStart(UUID_TAIL_DIGITS, "0");
  bytes.write(digits, end - UUID_TAIL_DIGITS, "latin1");
}

/** Makes the topic where there is none. */
export async function ensureTopic(
  options: Pick<ProducerOptions, "brokers" | "topic" | "partitions" | "stop">,
): Promise<void> {
  await untilItWorks(`Cannot reach Kafka at ${options.brokers}`, options.stop, async () => {
    const admin = kafkaClient(options.brokers, { retry: { retries: 2 } }).admin();
    try {
      await admin.connect();
      const topics = [{ topic: options.topic, numPartitions: options.partitions }];
      if (!(await admin.listTopics()).includes(options.topic)) await admin.createTopics({ topics });
    } finally {
      await admin.disconnect();
    }
  });
}

/** Registers the event schema, or another of the topic, idempotent; gives its id. */
export async function registerEventSchema(
  options: Pick<ProducerOptions, "registry" | "topic" | "stop">,
  schema: object = CUSTOMER_EVENT_SCHEMA,
): Promise<number> {
  let id = 0;
  await untilItWorks(`Cannot register the schema at ${options.registry}`, options.stop, async () => {
    const response = await fetch(`${options.registry}/subjects/${options.topic}-value/versions`, {
      method: "POST",
      headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
      body: JSON.stringify({ schema: JSON.stringify(schema) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`HTTP status ${response.status}: ${text}`);
    id = (JSON.parse(text) as { id: number }).id;
  });
  return id;
}

async function untilItWorks(
  what: string,
  stop: AbortSignal | undefined,
  attempt: () => Promise<void>,
): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    stop?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw new UserError(`${what}: ${messageOf(error)}`, { cause: error });
    }
    await pause(START_RETRY_MS, stop);
  }
}

function pause(ms: number, stop: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stop?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    stop?.addEventListener("abort", end);
    if (stop?.aborted) end();
  });
}

const HELP = `Produces customer events: deno run -A dev/producer.ts [options]

  --brokers HOST:PORT    127.0.0.1:9092 by default
  --registry URL         http://127.0.0.1:8081 by default
  --topic NAME           ${CUSTOMER_EVENTS_TOPIC} by default; made where it is missing
  --partitions N         of a topic that has to be made; 4 by default
  --rate N|max           records a second; 300 by default
  --count N              stop after so many; without, until Ctrl-C
  --compression CODEC    ${PRODUCER_CODECS.join(", ")}; none by default
  --seed N               the same events again; 1 by default
`;

function parseOptions(args: string[]): ProducerOptions | undefined {
  const { values } = parseArgs({
    args,
    options: {
      brokers: { type: "string", default: "127.0.0.1:9092" },
      registry: { type: "string", default: "http://127.0.0.1:8081" },
      topic: { type: "string", default: CUSTOMER_EVENTS_TOPIC },
      partitions: { type: "string", default: "4" },
      rate: { type: "string", default: "300" },
      count: { type: "string" },
      compression: { type: "string", default: "none" },
      seed: { type: "string", default: "1" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  const compression = PRODUCER_CODECS.find((codec) => codec === values.compression);
  if (compression === undefined) {
    throw new UserError(
      `Cannot compress with ${values.compression}: known are ${PRODUCER_CODECS.join(", ")}`,
    );
  }
  return {
    brokers: values.brokers,
    registry: values.registry,
    topic: values.topic,
    partitions: wholeNumber(values.partitions, "partitions"),
    rate: values.rate === "max" ? "max" : wholeNumber(values.rate, "rate"),
    count: values.count === undefined ? undefined : wholeNumber(values.count, "count"),
    compression,
    seed: wholeNumber(values.seed, "seed"),
  };
}

async function main(): Promise<void> {
  const options = parseOptions(Deno.args);
  if (options === undefined) {
    console.log(HELP);
    return;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => stop.abort());
  const startedAt = Date.now();
  let saidAt = startedAt;
  const progress = (sent: number) => {
    if (Date.now() - saidAt < PROGRESS_EVERY_MS) return;
    saidAt = Date.now();
    console.error(`${sent} records produced`);
  };
  const sent = await produceEvents({ ...options, stop: stop.signal, progress });
  const seconds = (Date.now() - startedAt) / 1000;
  console.error(
    `${sent} records produced in ${seconds.toFixed(1)} s (${Math.round(sent / seconds)} a second)`,
  );
}

if (import.meta.main) {
  try {
    await main();
    Deno.exit(0);
  } catch (error) {
    console.error(`error: ${messageOf(error)}`);
    Deno.exit(exitCodeOf(error));
  }
}
