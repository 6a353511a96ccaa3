/** The wire between the program's processes and a cluster of two brokers, and what goes wrong on it. */
import { Code } from "../../src/kafka/codes.ts";
import { type BrokerLink, ConnectionError, type Kafkajs } from "../../src/kafka/kafkajs.ts";
import type { Address, Requests } from "../../src/kafka/requests.ts";
import { parseMetadata } from "../../src/checkpoint/mod.ts";
import type { Group } from "./group.ts";
import { encodeFetch, type PartitionLog } from "./log.ts";
import type { Process, Task, World } from "./world.ts";

type Api = keyof Requests;
type Reply = (answer: unknown) => void;
type Request = { [K in Api]: { readonly api: K; readonly args: Requests[K]["args"] } }[Api];

/** How likely each request meets each fate. */
export interface NetworkTrouble {
  /** The connection goes dead before or after the request has arrived. */
  readonly loss: number;
  /** The connection stands still; what was sent arrives much later, or also then, once more. */
  readonly hold: number;
  /** Commits are held, and the program hears soon that the connection is gone: it repeats them. */
  readonly holdCommit: number;
  /** Of this process only; otherwise of all. */
  readonly process?: Process;
}

const LATENCY_MS = 2;
const HELD_MS_MAX = 15_000;
const HANG_UP_MS_MAX = 100;
const BATCHES_MAX = 3;
/** At which the leaders and the coordinator are; the host is of no meaning. */
export const NODES: readonly Address[] = [{ host: "b0", port: 1 }, { host: "b1", port: 1 }];

export interface ClusterWatch {
  /** A commit was put on the wire: from now on it may be accepted. */
  commitSent(checkpoint: string): void;
  /** A partition is fetched for the first time, or from a lower offset than before. */
  fetched(topic: string, partition: number, offset: number): void;
}

/** The brokers' side: topics, leaders, and the coordinator's place. */
export class ClusterState {
  readonly world: World;
  readonly group: Group;
  readonly topics: ReadonlyMap<string, readonly PartitionLog[]>;
  readonly watch: ClusterWatch;
  coordinator = 0;
  trouble: NetworkTrouble | undefined;

  constructor(
    world: World,
    parts: { group: Group; topics: ReadonlyMap<string, readonly PartitionLog[]>; watch: ClusterWatch },
  ) {
    this.world = world;
    this.group = parts.group;
    this.topics = parts.topics;
    this.watch = parts.watch;
  }

  troubleOf(process: Process): NetworkTrouble | undefined {
    return (this.trouble?.process ?? process) === process ? this.trouble : undefined;
  }

  moveCoordinator(): void {
    this.coordinator = 1 - this.coordinator;
    this.group.move();
  }

  handle(node: number, request: Request, reply: Reply): void {
    const { group } = this;
    switch (request.api) {
      case "Metadata":
        return reply(this.#metadata(request.args));
      case "GroupCoordinator":
        return reply({
          errorCode: Code.NONE,
          coordinator: { nodeId: this.coordinator, ...NODES[this.coordinator] },
        });
      case "ListOffsets":
        return reply(this.#listOffsets(request.args));
      case "Fetch":
        return this.#fetch(request.args, reply);
    }
    if (node !== this.coordinator) return reply(notCoordinator(request));
    switch (request.api) {
      case "JoinGroup":
        return group.join(request.args, reply);
      case "SyncGroup":
        return group.sync(request.args, reply);
      case "Heartbeat":
        return group.heartbeat(request.args, reply);
      case "LeaveGroup":
        return group.leave(request.args, reply);
      case "OffsetCommit":
        return group.commit(request.args, reply);
      case "OffsetFetch":
        return group.fetchOffsets(request.args, reply);
    }
  }

  #metadata({ topics }: Requests["Metadata"]["args"]): Requests["Metadata"]["answer"] {
    return {
      clusterId: "model",
      brokers: NODES.map((address, nodeId) => ({ nodeId, ...address })),
      topicMetadata: topics.map((topic) => ({
        topic,
        topicErrorCode: Code.NONE,
        isInternal: false,
        partitionMetadata: this.topics.get(topic)!.map((_, partitionId) => ({
          partitionErrorCode: Code.NONE,
          partitionId,
          leader: partitionId % NODES.length,
        })),
      })),
    };
  }

  #listOffsets({ topics }: Requests["ListOffsets"]["args"]): Requests["ListOffsets"]["answer"] {
    return {
      responses: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, timestamp }) => ({
          partition,
          errorCode: Code.NONE,
          offset: `${timestamp === -2 ? 0 : this.topics.get(topic)![partition]!.end}`,
        })),
      })),
    };
  }

  #fetch(args: Requests["Fetch"]["args"], reply: Reply, isLast = false): void {
    let isEmpty = true;
    const topics = args.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition, fetchOffset }) => {
        this.watch.fetched(topic, partition, Number(fetchOffset));
        const part = this.topics.get(topic)![partition]!.read(Number(fetchOffset), BATCHES_MAX);
        if (part.batches.length > 0 || part.code !== Code.NONE) isEmpty = false;
        return { partition, ...part };
      }),
    }));
    if (isEmpty && !isLast) {
      this.world.after(args.maxWaitTime, undefined, () => this.#fetch(args, reply, true));
      return;
    }
    reply({ apiVersion: 5, payload: encodeFetch(topics) });
  }
}

function notCoordinator(request: Request): unknown {
  const errorCode = Code.NOT_COORDINATOR;
  if (request.api !== "OffsetCommit" && request.api !== "OffsetFetch") {
    return {
      errorCode,
      memberId: "",
      memberAssignment: new Uint8Array(),
      members: [],
      generationId: -1,
      leaderId: "",
    };
  }
  const topics: Requests["OffsetFetch"]["args"]["topics"] = request.args.topics;
  return {
    responses: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode, offset: "-1", metadata: "" })),
    })),
  };
}

/** One socket. Requests arrive in the order in which they were sent, and the broker answers one after the other. */
interface Connection {
  arriveMs: number;
  answerMs: number;
  /** Nothing arrives any more. */
  isDead: boolean;
  /** No answer arrives any more. */
  isDeaf: boolean;
  isClosed: boolean;
  isBusy: boolean;
  readonly waiting: (() => void)[];
  readonly fail: Set<(message: string) => void>;
}

/** What the program takes for kafkajs, in one process. */
export function simulatedKafkajs(cluster: ClusterState, process: Process): Kafkajs {
  const simulated: Partial<Kafkajs> = {
    link: (address) => new SimulatedLink(cluster, process, address) as unknown as BrokerLink,
    // Opaque to the program, and never seen by anybody else: no need for bytes.
    assignments: {
      encodeSubscription: (topics) => topics.join() as unknown as Uint8Array,
      decodeSubscription: (bytes) => (bytes as unknown as string).split(","),
      encodeAssignment: (partitions) => JSON.stringify([...partitions]) as unknown as Uint8Array,
      decodeAssignment: (bytes) =>
        new Map(bytes.length === 0 ? [] : JSON.parse(bytes as unknown as string) as [string, number[]][]),
    },
  };
  // Of who logs in how there is nothing in here.
  return { access: () => undefined, ...simulated } as Kafkajs;
}

class SimulatedLink {
  readonly address: string;
  readonly #cluster: ClusterState;
  readonly #process: Process;
  readonly #node: number;
  /** One for fetches, one for everything else. */
  readonly #connections = new Map<boolean, Connection>();

  constructor(cluster: ClusterState, process: Process, { host, port }: Address) {
    this.address = `${host}:${port}`;
    this.#cluster = cluster;
    this.#process = process;
    this.#node = NODES.findIndex((node) => node.host === host);
  }

  get isConnected(): boolean {
    return this.#connections.size > 0;
  }

  request<K extends Api>(
    api: K,
    args: Requests[K]["args"],
    { timeoutMs }: { timeoutMs: number },
  ): Promise<unknown> {
    const connection = this.#connect(api === "Fetch");
    return new Promise((resolve, reject) => {
      const done = () => {
        timer.isCancelled = true;
        connection.fail.delete(fail);
      };
      const fail = (message: string) => {
        done();
        reject(new ConnectionError(this.address, message));
      };
      const timer: Task = this.#cluster.world.timer(() => {
        fail(`${this.address} did not answer ${api}`);
        this.close();
      }, timeoutMs);
      connection.fail.add(fail);
      this.#send(connection, { api, args } as Request, (answer) => {
        done();
        resolve(answer);
      });
    });
  }

  close(): void {
    for (const connection of this.#connections.values()) {
      connection.isClosed = true;
      for (const fail of connection.fail) fail("closed");
    }
    this.#connections.clear();
  }

  #connect(isFetch: boolean): Connection {
    let connection = this.#connections.get(isFetch);
    if (connection === undefined) {
      connection = {
        arriveMs: 0,
        answerMs: 0,
        isDead: false,
        isDeaf: false,
        isClosed: false,
        isBusy: false,
        waiting: [],
        fail: new Set(),
      };
      this.#connections.set(isFetch, connection);
    }
    return connection;
  }

  /** The program hears that a connection is gone, or has to wait for its own timeout. */
  #hangUpSoon(connection: Connection, { api }: Request): void {
    const { world } = this.#cluster;
    if (world.random.chance(0.3)) return;
    world.after(world.random.next() * HANG_UP_MS_MAX, this.#process, () => {
      if (this.#connections.get(api === "Fetch") === connection) this.close();
    });
  }

  #send(connection: Connection, request: Request, answer: Reply): void {
    const { world, watch } = this.#cluster;
    const trouble = this.#cluster.troubleOf(this.#process);
    const { random } = world;
    const isCommit = request.api === "OffsetCommit";
    if (isCommit) {
      for (const checkpoint of checkpointsOf(request.args)) {
        watch.commitSent(checkpoint);
      }
    }
    world.say(() => `${request.api} to ${this.address}`);
    if (connection.isDead) return;
    let latencyMs = random.next() * LATENCY_MS;
    let isRepeated = false;
    if (trouble !== undefined && random.chance(trouble.loss)) {
      world.say(() => `${request.api}: the connection dies`);
      connection.isDeaf = true;
      this.#hangUpSoon(connection, request);
      connection.isDead = random.chance(0.5);
      if (connection.isDead) return;
    } else if (
      trouble !== undefined && random.chance(Math.max(trouble.hold, isCommit ? trouble.holdCommit : 0))
    ) {
      world.say(() => `${request.api}: held`);
      latencyMs += random.next() ** 2 * HELD_MS_MAX;
      connection.isDeaf = random.chance(0.8);
      if (connection.isDeaf) {
        isRepeated = random.chance(0.3);
        this.#hangUpSoon(connection, request);
      }
    }
    connection.arriveMs = Math.max(connection.arriveMs, world.nowMs + latencyMs);
    const arrive = (reply: Reply) => {
      const next = () => {
        connection.isBusy = true;
        this.#cluster.handle(this.#node, request, (value) => {
          connection.isBusy = false;
          reply(value);
          connection.waiting.shift()?.();
        });
      };
      if (connection.isBusy) connection.waiting.push(next);
      else next();
    };
    world.after(connection.arriveMs - world.nowMs, undefined, () =>
      arrive((value) => {
        if (connection.isDeaf || connection.isClosed) return;
        connection.answerMs = Math.max(connection.answerMs, world.nowMs + random.next() * LATENCY_MS);
        world.after(connection.answerMs - world.nowMs, this.#process, () => {
          if (connection.isClosed) return;
          world.say(() => `${request.api} is answered ${(value as { errorCode?: number }).errorCode ?? ""}`);
          answer(value);
        });
      }));
    // What is not answered may arrive twice.
    if (isRepeated) world.after(random.next() * LATENCY_MS, undefined, () => arrive(() => {}));
  }
}

function* checkpointsOf({ topics }: Requests["OffsetCommit"]["args"]): Generator<string> {
  for (const { partitions } of topics) {
    for (const { metadata } of partitions) {
      const checkpoint = parseMetadata(metadata)?.checkpoint;
      if (checkpoint !== undefined) yield checkpoint;
    }
  }
}
