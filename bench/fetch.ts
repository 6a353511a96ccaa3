/**
 * Fetching alone, from a real broker: our member against kafkajs's `eachBatch`, in one run on the same topic.
 *
 *     deno run -A bench/fetch.ts [--records 1000000] [--compression none|gzip|snappy|zstd] [--rounds 3]
 *
 * Prints rows a second and CPU a record of this process; the broker shares the machine.
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { parseArgs } from "node:util";
import { kafkaClient, PRODUCER_CODECS, type ProducerCodec } from "../dev/kafka_client.ts";
import { startKafka } from "../dev/mod.ts";
import { KafkaClient } from "../src/kafka/mod.ts";
import { TestServers } from "../tests/support/servers.ts";

const TOPIC = "bench";
const PARTITIONS = 4;
const RECORD_BYTES = 300;
const RANDOM_BYTES = 100;
const BATCH_RECORDS = 4_000;

interface Figures {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function measure(run: () => Promise<void>): Promise<Figures> {
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  await run();
  const { user, system } = process.cpuUsage(cpuBefore);
  return { seconds: (performance.now() - startMs) / 1000, cpuSeconds: (user + system) / 1e6 };
}

async function produce(servers: TestServers, records: number, compression: ProducerCodec): Promise<void> {
  // Text that repeats as an event does, so that codecs have something to do.
  const text = new TextEncoder().encode("customer.address.city=Amsterdam;".repeat(20));
  const messages = Array.from({ length: BATCH_RECORDS }, (_, i) => {
    const value = Buffer.from(text.subarray(0, RECORD_BYTES));
    crypto.getRandomValues(value.subarray(0, RANDOM_BYTES));
    return { value, partition: i % PARTITIONS };
  });
  for (let sent = 0; sent < records; sent += BATCH_RECORDS) {
    await servers.produceRaw(TOPIC, messages, { compression });
  }
}

async function ours(brokers: string, records: number): Promise<void> {
  const group = `ours-${crypto.randomUUID()}`;
  const options = { brokers: [brokers], clientId: "bench", group, topics: [TOPIC] };
  const client = await KafkaClient.connect(options, new AbortController().signal);
  let seen = 0;
  const member = client.createMember({
    joined: (session) => Promise.resolve(session.assignment.forEach((one) => session.fetchFrom(one, 0n))),
    records: (_session, fetched) => {
      seen += fetched.count;
      if (seen >= records) member.stop();
      return Promise.resolve();
    },
    revoked: () => Promise.resolve(),
    lost: () => Promise.resolve(),
  });
  await member.run();
  client.disconnect();
}

async function theirs(brokers: string, records: number): Promise<void> {
  const consumer = kafkaClient(brokers).consumer({
    groupId: `theirs-${crypto.randomUUID()}`,
    maxBytes: 16 * 1024 * 1024,
    maxBytesPerPartition: 4 * 1024 * 1024,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [TOPIC], fromBeginning: true });
  let seen = 0;
  const done = Promise.withResolvers<void>();
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: ({ batch, resolveOffset }) => {
      seen += batch.messages.length;
      resolveOffset(batch.lastOffset());
      if (seen >= records) done.resolve();
      return Promise.resolve();
    },
  });
  await done.promise;
  await consumer.disconnect();
}

function print(name: string, records: number, { seconds, cpuSeconds }: Figures): void {
  const rate = Math.round(records / seconds / 1000);
  const micros = (cpuSeconds * 1e6 / records).toFixed(2);
  console.log(`${name.padEnd(24)} ${String(rate).padStart(6)}k rows/s ${micros.padStart(6)} µs CPU a record`);
}

const { values: flags } = parseArgs({
  options: {
    records: { type: "string", default: "1000000" },
    compression: { type: "string", default: "none" },
    rounds: { type: "string", default: "3" },
  },
});
const records = Number(flags.records);
const compression = PRODUCER_CODECS.find((codec) => codec === flags.compression) ?? "none";

await using kafka = await startKafka({ heapMb: 512 });
const servers = new TestServers({ brokers: kafka.bootstrap, registry: "" });
await servers.createTopic(TOPIC, { partitions: PARTITIONS });
await produce(servers, records, compression);
console.log(
  `${records} records of ${RECORD_BYTES} bytes, ${PARTITIONS} partitions, compression ${compression}`,
);
for (let round = 0; round < Number(flags.rounds); round++) {
  print("kafka2parquet", records, await measure(() => ours(kafka.bootstrap, records)));
  // kafkajs brings no decompressor but gzip's.
  if (compression === "none" || compression === "gzip") {
    print("kafkajs eachBatch", records, await measure(() => theirs(kafka.bootstrap, records)));
  }
}
