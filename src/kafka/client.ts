/** The door to a cluster: connecting, topics, offsets, and members of the group. */
import { getLogger } from "@logtape/logtape";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import type { CommittedOffset, FetchedRecords, PartitionRange, TopicPartition } from "../model.ts";
import { nearest } from "../nearest.ts";
import { NO_KAFKA_SECURITY } from "../security.ts";
import { Trouble } from "../trouble.ts";
import type { KafkaOptions, MemberHandler, OffsetPosition, PartitionOffset, Retention } from "./api.ts";
import { Cluster, connectionCause } from "./cluster.ts";
import { Code, codeName } from "./codes.ts";
import { Coordinator, readCommitted } from "./group.ts";
import { ConnectionError, type Kafkajs, loadKafkajs } from "./kafkajs.ts";
import { GroupMember } from "./member.ts";
import { readOffsets } from "./offsets.ts";
import { readRetention } from "./retention.ts";
import { readRange } from "./range_reader.ts";
import { abortable, Backoff, sleep } from "../wait.ts";

const log = getLogger(["kafka2parquet", "kafka"]);

/** A topic that was just made takes a moment to be known to all brokers. */
const NEW_TOPIC_WAIT_MS = 3_000;
const NEW_TOPIC_PAUSE_MS = 250;
/** Brokers restart and coordinators move: for so long it is worth asking again. */
const RETRY_FOR_MS = 30_000;

/** `KafkaOptions` without gaps. */
type Settings = Required<KafkaOptions>;

const DEFAULTS = {
  sessionTimeoutMs: 45_000,
  rebalanceTimeoutMs: 60_000,
  heartbeatMs: 3_000,
  fetchWaitMs: 1_000,
  fetchMaxBytes: 8 * 1024 * 1024,
  partitionMaxBytes: 2 * 1024 * 1024,
  metadataMaxAgeMs: 30_000,
  startupTimeoutMs: 60_000,
  security: NO_KAFKA_SECURITY,
} as const;

export class KafkaClient {
  readonly #settings: Settings;
  readonly #kafkajs: Kafkajs;
  readonly #cluster: Cluster;
  readonly #closing = new AbortController();

  private constructor(settings: Settings, kafkajs: Kafkajs, cluster: Cluster) {
    this.#settings = settings;
    this.#kafkajs = kafkajs;
    this.#cluster = cluster;
  }

  /**
   * Waits for a broker, up to `startupTimeoutMs`.
   *
   * @throws {UserError} with exit code 69 where none answers.
   * @throws the signal's reason where it aborts first.
   */
  static async connect(options: KafkaOptions, signal: AbortSignal): Promise<KafkaClient> {
    const settings = { ...DEFAULTS, trouble: new Trouble(), ...options };
    const heartbeatMs = Math.min(settings.heartbeatMs, settings.sessionTimeoutMs / 3);
    const kafkajs = await loadKafkajs();
    const cluster = new Cluster(kafkajs, options);
    const client = new KafkaClient({ ...settings, heartbeatMs }, kafkajs, cluster);
    try {
      await client.#waitForBroker(signal);
    } catch (error) {
      client.disconnect();
      throw error;
    }
    return client;
  }

  async #waitForBroker(signal: AbortSignal): Promise<void> {
    const { brokers, topics, startupTimeoutMs, trouble } = this.#settings;
    const broker = brokers.join(", ");
    // A broker that takes a request and does not answer it must not make the waiting longer than it may be.
    const waiting = AbortSignal.any([signal, AbortSignal.timeout(startupTimeoutMs)]);
    const backoff = new Backoff();
    let last: ConnectionError | undefined;
    while (!waiting.aborted) {
      try {
        await abortable(this.#cluster.metadata(topics), waiting);
        await abortable(this.#cluster.reachNode(topics), waiting);
        return trouble.over(broker);
      } catch (error) {
        if (waiting.aborted) break;
        if (!(error instanceof ConnectionError)) throw error;
        if (error.hungUp) {
          const reason = await abortable(this.#cluster.explainHangUp(), waiting).catch(() => undefined);
          if (reason !== undefined) throw reason;
        }
        last = error;
        trouble.failed(broker, connectionCause(error));
        log.warn("Waiting for Kafka at {broker}: {cause}", { broker, cause: connectionCause(error) });
      }
      await backoff.wait(waiting);
    }
    signal.throwIfAborted();
    throw new UserError(`Cannot reach Kafka at ${broker}: ${last ? connectionCause(last) : "no answer"}`, {
      exitCode: ExitCode.unavailable,
      hint:
        "Check --brokers, that Kafka is running, and that its advertised.listeners can be reached from here.",
      cause: last,
    });
  }

  /** @throws {UserError} where no broker answers for 30 s, or the cluster has no id. */
  async clusterId(): Promise<string> {
    const { clusterId } = await this.#retry(
      "read the cluster id",
      () => this.#cluster.metadata(this.#settings.topics),
    );
    if (clusterId === undefined) {
      throw new UserError("The cluster has no id", { hint: "Use Kafka 0.11 or later." });
    }
    return clusterId;
  }

  /** Names of all topics that may be read, Kafka's own left out, sorted. */
  async listTopics(): Promise<string[]> {
    const { topics } = await this.#retry("list topics", () => this.#cluster.metadata([]));
    return [...topics].filter(([, { isInternal }]) => !isInternal).map(([name]) => name).sort();
  }

  /**
   * The partitions of a topic, sorted.
   *
   * @throws {UserError} with exit code 78 where there is no such topic, also not after a few seconds.
   */
  async partitions(topic: string): Promise<number[]> {
    const deadlineMs = performance.now() + NEW_TOPIC_WAIT_MS;
    for (;;) {
      const { topics } = await this.#retry("read metadata", () => this.#cluster.metadata([topic]));
      const found = topics.get(topic);
      if (found?.errorCode === Code.NONE && found.leaders.size > 0) {
        return [...found.leaders.keys()].sort((a, b) => a - b);
      }
      if (performance.now() > deadlineMs) throw await this.#unknownTopic(topic, found?.errorCode);
      await sleep(NEW_TOPIC_PAUSE_MS, this.#closing.signal);
    }
  }

  async #unknownTopic(topic: string, errorCode: number | undefined): Promise<UserError> {
    const exitCode = ExitCode.config;
    if (errorCode !== undefined && errorCode !== Code.UNKNOWN_TOPIC_OR_PARTITION) {
      return new UserError(`Cannot read the topic "${topic}": ${codeName(errorCode)}`, {
        exitCode,
        hint: "Check the topic's name, and the rights on it.",
      });
    }
    const topics = await this.listTopics();
    const meant = nearest(topic, topics);
    return new UserError(`There is no topic "${topic}"`, {
      exitCode,
      hint: meant === undefined
        ? "Make the topic, or name another one with --topic."
        : `Did you mean "${meant}"?`,
    });
  }

  /** In the order of the partitions. @throws {UserError} where their leaders do not answer for 30 s. */
  offsets(partitions: readonly TopicPartition[], at: OffsetPosition): Promise<PartitionOffset[]> {
    return readOffsets(this.#cluster, partitions, { at, signal: this.#closing.signal });
  }

  /** By what the brokers delete records of these topics; without those of which no broker tells it. Never throws. */
  retention(topics: readonly string[]): Promise<Map<string, Retention>> {
    return readRetention(this.#cluster, topics);
  }

  /**
   * What a group has committed. An error is never read as "nothing".
   *
   * @throws {UserError} where the coordinator does not answer for 30 s.
   */
  async committed(group: string, partitions: readonly TopicPartition[]): Promise<CommittedOffset[]> {
    const coordinator = new Coordinator(this.#cluster, group);
    try {
      return await this.#retry("read committed offsets", () => readCommitted(coordinator, partitions));
    } finally {
      coordinator.forget();
    }
  }

  /**
   * Hands over the committed records of a range that lies before the partition's stable end, in the order of offsets
   * and without joining a group. The last call may hold records behind the range. Ends early where `take` returns
   * "enough".
   *
   * @throws {UserError} where the range cannot be read, or its broker sends nothing for a minute.
   */
  async readRange(
    range: PartitionRange,
    take: (fetched: FetchedRecords) => "more" | "enough",
  ): Promise<void> {
    await readRange(this.#cluster, range, { options: this.#settings, take });
  }

  createMember(handler: MemberHandler): GroupMember {
    const context = { cluster: this.#cluster, codec: this.#kafkajs.assignments, options: this.#settings };
    return new GroupMember(context, handler);
  }

  /** Closes all connections. Members should have ended. */
  disconnect(): void {
    this.#closing.abort();
    this.#cluster.close();
  }

  async #retry<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const backoff = new Backoff();
    const deadlineMs = performance.now() + RETRY_FOR_MS;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        if (performance.now() > deadlineMs || this.#closing.signal.aborted) {
          throw new UserError(`Cannot ${what}: ${messageOf(error)}`, {
            hint: "Check that Kafka is running.",
            cause: error,
          });
        }
        await backoff.wait(this.#closing.signal);
      }
    }
  }
}
