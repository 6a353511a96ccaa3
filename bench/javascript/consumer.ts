/**
 * The consumer that one writes in an afternoon: kafkajs, the registry client's `decode()`, and {@link FileBuilder}.
 *
 *     deno run -A bench/javascript/consumer.ts BROKERS REGISTRY TOPIC GROUP ROWS RECORDS OUTPUT
 *
 * Reads RECORDS records into files of ROWS rows, and ends. Offsets are committed as kafkajs does by itself, files are
 * not synced: less than the program that it is compared with.
 */
import { SchemaRegistry } from "@kafkajs/confluent-schema-registry";
import { Kafka, logLevel } from "kafkajs";
import { CUSTOMER_EVENT_SCHEMA } from "../../dev/events.ts";
import { FileBuilder } from "./pipeline.ts";

const [brokers = "", registryUrl = "", topic = "", groupId = "", rows = "", records = "", output = ""] =
  Deno.args;
const rowsPerFile = Number(rows);
let left = Number(records);

const registry = new SchemaRegistry({ host: registryUrl });
const consumer = new Kafka({ brokers: brokers.split(","), logLevel: logLevel.ERROR }).consumer({ groupId });
const builder = new FileBuilder(CUSTOMER_EVENT_SCHEMA);
const done = Promise.withResolvers<void>();

async function writeFile(): Promise<void> {
  await Deno.writeFile(`${output}/${crypto.randomUUID()}.parquet`, builder.takeParquet());
}

await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
await consumer.run({
  eachBatch: async ({ batch, heartbeat }) => {
    for (const { value } of batch.messages) {
      if (left === 0) break;
      builder.append(await registry.decode(value!));
      left--;
      if (builder.rows === rowsPerFile || left === 0) {
        await writeFile();
        await heartbeat();
      }
    }
    if (left === 0) done.resolve();
  },
});
await done.promise;
await consumer.disconnect();
Deno.exit(0);
