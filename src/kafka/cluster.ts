/** The brokers of a cluster: who they are, who leads a partition, who coordinates a group. */
import { messageOf, type UserError } from "../errors.ts";
import { type KafkaSecurity, NO_KAFKA_SECURITY } from "../security.ts";
import type { Access } from "./access.ts";
import { Code, codeName, isDenied } from "./codes.ts";
import { type BrokerLink, ConnectionError, type Kafkajs } from "./kafkajs.ts";
import { explainHangUp } from "./mismatch.ts";
import { groupDenied } from "./problems.ts";
import type { Address, MetadataAnswer, Requests } from "./requests.ts";

const METADATA_TIMEOUT_MS = 10_000;
const DEFAULT_PORT = 9092;

/** The state of one topic as one broker saw it. */
export interface TopicMetadata {
  readonly errorCode: number;
  readonly isInternal: boolean;
  /** Partition → node id of its leader, -1 where there is none. */
  readonly leaders: ReadonlyMap<number, number>;
}

export interface ClusterMetadata {
  readonly clusterId: string | undefined;
  readonly topics: ReadonlyMap<string, TopicMetadata>;
}

/** Links to the brokers of a cluster. Each call is one attempt; the callers know how long to repeat it. */
export class Cluster {
  readonly #kafkajs: Kafkajs;
  readonly #clientId: string;
  readonly #access: Access;
  readonly #bootstrap: readonly Address[];
  readonly #nodes = new Map<number, BrokerLink>();
  /** Links to bootstrap addresses that are no node's advertised address. */
  readonly #seeds = new Map<string, BrokerLink>();

  constructor(
    kafkajs: Kafkajs,
    options: {
      readonly brokers: readonly string[];
      readonly clientId: string;
      readonly security?: KafkaSecurity;
    },
  ) {
    this.#kafkajs = kafkajs;
    this.#access = kafkajs.access(options.security ?? NO_KAFKA_SECURITY);
    this.#clientId = options.clientId;
    this.#bootstrap = options.brokers.map(parseAddress);
  }

  /**
   * Asks any broker for these topics, all topics where the list is empty, and learns the brokers' addresses.
   *
   * @throws {ConnectionError} where no broker answers.
   */
  async metadata(topics: readonly string[]): Promise<ClusterMetadata> {
    const answer = await this.ask("Metadata", { topics, allowAutoTopicCreation: false });
    this.#learn(answer);
    return readMetadata(answer);
  }

  /**
   * One request to any broker that answers.
   *
   * @throws {ConnectionError} where none does.
   */
  async ask<K extends keyof Requests>(api: K, args: Requests[K]["args"]): Promise<Requests[K]["answer"]> {
    let problem: unknown;
    for (const link of this.#candidates()) {
      try {
        return await link.request(api, args, { timeoutMs: METADATA_TIMEOUT_MS });
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        problem = error;
      }
    }
    throw problem;
  }

  /**
   * Shows that at least one node can be reached under the address that the cluster advertises.
   *
   * @throws {ConnectionError} that names the advertised addresses.
   */
  async reachNode(topics: readonly string[]): Promise<void> {
    for (const link of this.#nodes.values()) {
      try {
        const args = { topics, allowAutoTopicCreation: false } as const;
        await link.request("Metadata", args, { timeoutMs: METADATA_TIMEOUT_MS });
        return;
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
      }
    }
    const names = [...this.#nodes.values()].map((link) => link.address).join(", ");
    throw new ConnectionError(
      names,
      `it answers, but its brokers cannot be reached as they advertise: ${names}`,
    );
  }

  /** The link to a node, or `undefined` where the last metadata did not name it. */
  node(nodeId: number): BrokerLink | undefined {
    return this.#nodes.get(nodeId);
  }

  /** The ids of all nodes that the last metadata named. */
  get nodeIds(): number[] {
    return [...this.#nodes.keys()];
  }

  /**
   * A link of its own to the group's coordinator, so that a join or a commit that waits does not hold up others.
   * The caller closes it.
   *
   * @throws {ConnectionError} where no broker answers, or the coordinator is not available yet.
   * @throws {UserError} where we may not use the group.
   */
  async coordinator(groupId: string): Promise<BrokerLink> {
    let problem: unknown;
    for (const link of this.#candidates()) {
      try {
        const answer = await link.request("GroupCoordinator", { groupId }, {
          timeoutMs: METADATA_TIMEOUT_MS,
        });
        if (answer.errorCode === Code.NONE) return this.link(answer.coordinator);
        if (isDenied(answer.errorCode)) throw groupDenied(groupId, answer.errorCode);
        problem = new ConnectionError(
          link.address,
          `${link.address} cannot name the coordinator of group "${groupId}": ${codeName(answer.errorCode)}`,
        );
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        problem = error;
      }
    }
    throw problem;
  }

  link(address: Address): BrokerLink {
    return this.#kafkajs.link(address, { clientId: this.#clientId, access: this.#access });
  }

  /**
   * Why a broker hangs up on us at once, where one of those that we start from can be made to tell.
   *
   * @returns undefined where it stays unknown.
   */
  async explainHangUp(): Promise<UserError | undefined> {
    for (const address of this.#bootstrap) {
      const reason = await explainHangUp(address, this.#access);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  close(): void {
    for (const link of this.#nodes.values()) link.close();
    for (const link of this.#seeds.values()) link.close();
    this.#nodes.clear();
    this.#seeds.clear();
  }

  /** Connected nodes first, then the others, then the bootstrap addresses: nodes may all have moved. */
  #candidates(): BrokerLink[] {
    const nodes = [...this.#nodes.values()];
    const known = new Set(nodes.map((link) => link.address));
    const candidates = [
      ...nodes.filter((link) => link.isConnected),
      ...nodes.filter((link) => !link.isConnected),
    ];
    for (const address of this.#bootstrap) {
      const name = `${address.host}:${address.port}`;
      if (known.has(name)) continue;
      let link = this.#seeds.get(name);
      if (link === undefined) this.#seeds.set(name, link = this.link(address));
      candidates.push(link);
    }
    return candidates;
  }

  #learn(answer: MetadataAnswer): void {
    const present = new Set<number>();
    for (const { nodeId, host, port } of answer.brokers) {
      present.add(nodeId);
      const address = `${host}:${port}`;
      const known = this.#nodes.get(nodeId);
      if (known?.address === address) continue;
      known?.close();
      const seed = this.#seeds.get(address);
      this.#seeds.delete(address);
      this.#nodes.set(nodeId, seed ?? this.link({ host, port }));
    }
    for (const [nodeId, link] of this.#nodes) {
      if (present.has(nodeId)) continue;
      link.close();
      this.#nodes.delete(nodeId);
    }
    // The advertised addresses work from here on; an idle seed connection would only hold a socket.
    for (const link of this.#seeds.values()) link.close();
  }
}

function readMetadata(answer: MetadataAnswer): ClusterMetadata {
  const topics = new Map<string, TopicMetadata>();
  for (const { topic, topicErrorCode, isInternal, partitionMetadata } of answer.topicMetadata) {
    const leaders = new Map<number, number>();
    for (const { partitionId, leader } of partitionMetadata) leaders.set(partitionId, leader);
    topics.set(topic, { errorCode: topicErrorCode, isInternal, leaders });
  }
  return { clusterId: answer.clusterId ?? undefined, topics };
}

/** `host`, `host:port`, `[::1]:port`; the port is 9092 where it is left out. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw new TypeError(`Cannot read the broker address "${text}": expected host:port`);
  return { host, port: match?.[3] === undefined ? DEFAULT_PORT : Number(match[3]) };
}

/** The message of a connection problem without the library's prefix. */
export function connectionCause(error: unknown): string {
  return messageOf(error).replace(/^Connection error: /, "");
}
