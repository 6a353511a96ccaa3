/** What the group has committed, asked of Kafka by a client that has nothing to do with the program's. */
import { kafkaClient } from "../../../dev/kafka_client.ts";
import { keyOf } from "./log.ts";
import type { Committed } from "./ranges.ts";

export interface OffsetReader extends AsyncDisposable {
  /** Asks anew each time. @throws where Kafka does not answer for half a minute. */
  read(topics: readonly string[]): Promise<Committed>;
}

export async function openOffsets(brokers: string, group: string): Promise<OffsetReader> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  return {
    async read(topics) {
      const answers = await admin.fetchOffsets({ groupId: group, topics: [...topics] });
      const committed = new Map<string, bigint>();
      for (const { topic, partitions } of answers) {
        for (const { partition, offset } of partitions) {
          if (BigInt(offset) >= 0n) committed.set(keyOf({ topic, partition }), BigInt(offset));
        }
      }
      return committed;
    },
    [Symbol.asyncDispose]: () => admin.disconnect(),
  };
}
