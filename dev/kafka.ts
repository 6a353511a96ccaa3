/** Real Kafka on the local host: KRaft, one or more brokers, made for development and tests. */
import { ExitCode, UserError } from "../src/errors.ts";
import { KAFKA_VERSIONS, kafkaLib, type KafkaVersion } from "./download.ts";
import { kafkaClient } from "./kafka_client.ts";
import { type BrokerListener, brokerSettings, format, randomKafkaId } from "./kafka_folder.ts";
import { freePorts } from "./ports.ts";
import { ServerProcess } from "./server_process.ts";
import { findJava } from "./tools.ts";

/** Names another version than the default, so that all tests can run on it. */
export const KAFKA_VERSION_VARIABLE = "K2P_KAFKA_VERSION";

const READY_TIMEOUT_MS = 60_000;
const COORDINATOR_POLL_MS = 100;
const PORT_ATTEMPTS = 3;
const BROKERS_MAX = 5;

export interface KafkaOptions {
  /** What `K2P_KAFKA_VERSION` names, else `4.3.1`. */
  readonly version?: KafkaVersion;
  /** Broker settings, over our own. */
  readonly config?: Readonly<Record<string, string>>;
  /** 1 by default; the first one is the controller as well. */
  readonly brokers?: number;
  /** The port of the first broker; a free one by default. */
  readonly port?: number;
  /** Kept at the end; a temporary folder, removed at the end, by default. */
  readonly dataDir?: string;
  /** Further listeners of every broker, each on a free port. */
  readonly listeners?: readonly Omit<BrokerListener, "port">[];
  /** Users of SCRAM, as `SCRAM-SHA-256=[name=…,password=…]`. */
  readonly scram?: readonly string[];
  /** 256 MB by default. */
  readonly heapMb?: number;
}

/** One broker of a {@link KafkaServer}. */
export interface KafkaNode {
  readonly id: number;
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** `127.0.0.1:port` by the name of a further listener. */
  readonly listeners: ReadonlyMap<string, string>;
  readonly pid: number;
  readonly logFile: string;
  /** SIGKILL waits for the end of the process; other signals are only sent. */
  kill(signal?: Deno.Signal): Promise<void>;
  /** Ends the broker where it runs, and starts it again on the same port and data. */
  restart(): Promise<void>;
  /** Ends the broker in good order, its data kept for a restart. */
  shutdown(): Promise<void>;
}

export interface KafkaServer extends AsyncDisposable {
  /** `127.0.0.1:port` of all brokers, separated by commas. */
  readonly bootstrap: string;
  readonly clusterId: string;
  readonly nodes: readonly KafkaNode[];
  /** Of the first broker. */
  readonly pid: number;
  /** Of the first broker. */
  readonly logFile: string;
  /** A signal to all brokers. */
  kill(signal?: Deno.Signal): Promise<void>;
  /** All brokers again, on the same ports and data. */
  restart(): Promise<void>;
  /** Ends all brokers and removes their data, if the folder was not given. */
  stop(): Promise<void>;
}

/**
 * Starts Kafka and waits until all brokers answer.
 *
 * @throws {UserError} where Java or Maven is missing, or a broker does not come up: with the end of its log.
 */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const brokers = options.brokers ?? 1;
  if (!Number.isInteger(brokers) || brokers < 1 || brokers > BROKERS_MAX) {
    throw new RangeError(`Cannot start Kafka with ${brokers} brokers: 1 to ${BROKERS_MAX} are possible`);
  }
  for (let attempt = 1;; attempt++) {
    const cluster = await Cluster.create(options, brokers);
    try {
      await cluster.start();
      return cluster;
    } catch (error) {
      await cluster.stop();
      // A free port may be taken by another process before the broker has bound it.
      const portTaken = error instanceof UserError && /Address already in use/.test(error.message);
      if (!portTaken || options.port !== undefined || attempt >= PORT_ATTEMPTS) throw error;
    }
  }
}

/**
 * The version that is started where none is asked for.
 *
 * @throws {UserError} where the variable names one that we do not know.
 */
export function kafkaVersion(named = Deno.env.get(KAFKA_VERSION_VARIABLE)): KafkaVersion {
  if (!named) return KAFKA_VERSIONS[0];
  const version = KAFKA_VERSIONS.find((one) => one === named);
  if (version !== undefined) return version;
  throw new UserError(`There is no Kafka ${named} to start`, {
    hint: `Name one of these: ${KAFKA_VERSIONS.join(", ")}.`,
    exitCode: ExitCode.usage,
  });
}

interface BrokerFiles {
  readonly name: string;
  readonly command: readonly string[];
  readonly logFile: string;
  readonly scratchDir: string | undefined;
  readonly listeners: readonly BrokerListener[];
}

class Broker implements KafkaNode {
  readonly id: number;
  readonly address: string;
  readonly listeners: ReadonlyMap<string, string>;
  readonly logFile: string;
  readonly process: ServerProcess;

  constructor(
    id: number,
    port: number,
    files: BrokerFiles,
  ) {
    this.id = id;
    this.address = `127.0.0.1:${port}`;
    this.listeners = new Map(files.listeners.map((one) => [one.name, `127.0.0.1:${one.port}`]));
    this.logFile = files.logFile;
    this.process = new ServerProcess({
      ...files,
      readyTimeoutMs: READY_TIMEOUT_MS,
      ready: () => answers(this.address, id),
    });
  }

  get pid(): number {
    return this.process.pid;
  }

  async kill(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    if (signal === "SIGKILL") await this.process.kill();
    else this.process.signal(signal);
  }

  async restart(): Promise<void> {
    await this.process.stop();
    this.process.launch();
    await this.process.untilReady();
  }

  async shutdown(): Promise<void> {
    await this.process.stop();
  }
}

class Cluster implements KafkaServer {
  readonly clusterId: string;
  readonly nodes: readonly Broker[];
  readonly #removeAtEnd: string | undefined;

  private constructor(clusterId: string, nodes: readonly Broker[], removeAtEnd: string | undefined) {
    this.clusterId = clusterId;
    this.nodes = nodes;
    this.#removeAtEnd = removeAtEnd;
  }

  static async create(options: KafkaOptions, brokers: number): Promise<Cluster> {
    const version = options.version ?? kafkaVersion();
    const java = await findJava();
    const lib = await kafkaLib(version);
    const folder = options.dataDir ?? await Deno.makeTempDir({ prefix: "kafka2parquet-kafka-" });
    const [controllerPort = 0, ...brokerPorts] = freePorts(brokers + 1);
    if (options.port !== undefined) brokerPorts[0] = options.port;
    const clusterId = randomKafkaId();
    const jvm = [
      java,
      "-cp",
      `${lib}/*`,
      `-Xmx${options.heapMb ?? 256}m`,
      "-Xms64m",
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
    ];
    const scratchDir = options.dataDir === undefined ? folder : undefined;
    const nodes: Broker[] = [];
    for (const [index, port] of brokerPorts.entries()) {
      const id = index + 1;
      const home = `${folder}/broker-${id}`;
      await Deno.mkdir(`${home}/data`, { recursive: true });
      const settings = `${home}/server.properties`;
      const further = options.listeners ?? [];
      const ports = freePorts(further.length);
      const listeners = further.map((listener, i) => ({ ...listener, port: ports[i]! }));
      await Deno.writeTextFile(
        settings,
        brokerSettings({
          id,
          port,
          controllerPort,
          brokers,
          dataDir: `${home}/data`,
          listeners,
          config: options.config ?? {},
        }),
      );
      await format({
        jvm,
        lib,
        clusterId,
        id,
        settings,
        dataDir: `${home}/data`,
        ...(options.scram !== undefined && { scram: options.scram }),
      });
      nodes.push(
        new Broker(id, port, {
          name: brokers === 1 ? `Kafka ${version}` : `Kafka ${version}, broker ${id},`,
          logFile: `${home}/server.log`,
          scratchDir,
          listeners,
          command: [...jvm, "-Dorg.slf4j.simpleLogger.showDateTime=true", "kafka.Kafka", settings],
        }),
      );
    }
    return new Cluster(clusterId, nodes, scratchDir);
  }

  get bootstrap(): string {
    return this.nodes.map((node) => node.address).join(",");
  }

  get pid(): number {
    return this.#first.pid;
  }

  get logFile(): string {
    return this.#first.logFile;
  }

  get #first(): Broker {
    return this.nodes[0]!;
  }

  async start(): Promise<void> {
    for (const node of this.nodes) node.process.launch();
    for (const node of this.nodes) await node.process.untilReady();
    await findCoordinator(this.bootstrap);
  }

  async kill(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill(signal)));
  }

  async restart(): Promise<void> {
    await this.#end();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.#end();
    if (this.#removeAtEnd !== undefined) await Deno.remove(this.#removeAtEnd, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** The controller last: brokers that leave in good order report to it. */
  async #end(): Promise<void> {
    await Promise.all(this.nodes.slice(1).map((node) => node.shutdown()));
    await this.#first.shutdown();
  }
}

/** Throws until the broker serves requests and knows itself as a member of the cluster. */
async function answers(address: string, id: number): Promise<void> {
  const kafka = kafkaClient(address, {
    connectionTimeout: 1_000,
    requestTimeout: 5_000,
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { brokers, controller } = await admin.describeCluster();
    if (controller === null || !brokers.some((broker) => broker.nodeId === id)) {
      throw new Error(`broker ${id} is not registered yet`);
    }
  } finally {
    await admin.disconnect();
  }
}

/**
 * The first group makes Kafka create the topic of the offsets: it is there before anybody else asks for it. Until its
 * partitions have a leader the answers are errors, of which kafkajs does not try all again.
 */
async function findCoordinator(brokers: string): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  const admin = kafkaClient(brokers).admin();
  try {
    await admin.connect();
    for (;;) {
      try {
        await admin.fetchOffsets({ groupId: "kafka2parquet-dev-coordinator" });
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, COORDINATOR_POLL_MS));
    }
  } finally {
    await admin.disconnect();
  }
}
