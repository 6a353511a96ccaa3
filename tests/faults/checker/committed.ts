/** What groups have committed, asked of Kafka by a client that has nothing to do with the program's. */
import { kafkaClient } from "../../../dev/kafka_client.ts";
import { keyOf } from "./log.ts";
import type { Committed } from "./ranges.ts";

export interface OffsetReader extends AsyncDisposable {
  /** Asks anew each time. @throws where Kafka does not answer for half a minute. */
  read(topics: readonly string[]): Promise<Committed>;
}

/** Of several groups, no two of which read the same topic. */
export async function openOffsets(brokers: string, groups: readonly string[]): Promise<OffsetReader> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  return {
    async read(topics) {
      const committed = new Map<string, bigint>();
      for (const groupId of groups) {
        for (const { topic, partitions } of await admin.fetchOffsets({ groupId, topics: [...topics] })) {
          for (const { partition, offset } of partitions) {
            if (BigInt(offset) >= 0n) committed.set(keyOf({ topic, partition }), BigInt(offset));
          }
        }
      }
      return committed;
    },
    [Symbol.asyncDispose]: () => admin.disconnect(),
  };
}
