/** What Kafka says of an archive's partitions, and of the records in its gaps. */
import { parseMetadata } from "../checkpoint/mod.ts";
import { ExitCode, UserError } from "../errors.ts";
import { KafkaClient, type KafkaOptions } from "../kafka/mod.ts";
import type { CommittedOffset, PartitionRange, TopicPartition } from "../model.ts";
import { countRecords, type GapRecords } from "./count_records.ts";
import type { KafkaFacts } from "./judge.ts";

/** A person waits for the answer. */
const STARTUP_TIMEOUT_MS = 10_000;

/** Where the brokers are and how one gets in. */
export type ClusterAddress = Pick<KafkaOptions, "brokers" | "security">;

export class KafkaSide implements Disposable {
  readonly #client: KafkaClient;
  readonly clusterId: string;
  readonly #topics: ReadonlySet<string>;

  private constructor(client: KafkaClient, of: { clusterId: string; topics: readonly string[] }) {
    this.#client = client;
    this.clusterId = of.clusterId;
    this.#topics = new Set(of.topics);
  }

  /** @throws UserError with exit code 69 where no broker answers for 10 s. */
  static async connect(address: ClusterAddress): Promise<KafkaSide> {
    const options = {
      ...address,
      clientId: "kafka2parquet",
      // No group is joined.
      group: "",
      topics: [],
      startupTimeoutMs: STARTUP_TIMEOUT_MS,
    };
    const client = await KafkaClient.connect(options, new AbortController().signal);
    try {
      const [clusterId, topics] = await Promise.all([client.clusterId(), client.listTopics()]);
      return new KafkaSide(client, { clusterId, topics });
    } catch (error) {
      client.disconnect();
      throw unreachable(error);
    }
  }

  hasTopic(topic: string): boolean {
    return this.#topics.has(topic);
  }

  /** What a group has committed of all partitions of a topic, in order; read in one moment. */
  async committed(group: string, topic: string): Promise<CommittedOffset[]> {
    return await reached(async () => {
      const partitions = await this.#client.partitions(topic);
      const committed = await this.#client.committed(
        group,
        partitions.map((partition) => ({ topic, partition })),
      );
      return committed.sort((a, b) => a.partition - b.partition);
    });
  }

  /** Start and stable end of partitions, with what is committed, in the same order. */
  async facts(committed: readonly CommittedOffset[]): Promise<KafkaFacts[]> {
    const partitions = committed.map(({ topic, partition }): TopicPartition => ({ topic, partition }));
    const [starts, ends] = await reached(() =>
      Promise.all([
        this.#client.offsets(partitions, "earliest"),
        this.#client.offsets(partitions, "stable"),
      ])
    );
    return committed.map(({ offset, metadata }, index) => ({
      logStart: starts[index]!.offset,
      stableEnd: ends[index]!.offset,
      committed: offset,
      metadata: offset === undefined ? undefined : parseMetadata(metadata),
    }));
  }

  /** Counts the committed records of a range that lies in the log. @throws UserError where it cannot be read. */
  async count(range: PartitionRange): Promise<GapRecords> {
    return await countRecords(range, { read: (range, take) => this.#client.readRange(range, take) });
  }

  [Symbol.dispose](): void {
    this.#client.disconnect();
  }
}

async function reached<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw unreachable(error);
  }
}

/** Brokers that stop answering are as unreachable as those that never did. */
function unreachable(error: unknown): unknown {
  if (!(error instanceof UserError) || error.exitCode !== ExitCode.failure) return error;
  const { message, hint, cause } = error;
  return new UserError(message, {
    exitCode: ExitCode.unavailable,
    cause,
    ...hint === undefined ? {} : { hint },
  });
}
