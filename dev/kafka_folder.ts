/** What a broker finds in its folder before its first start: settings, and data that is empty but formatted. */
import { UserError } from "../src/errors.ts";

/** A further way into a broker, beside the one without any security. */
export interface BrokerListener {
  /** In capital letters, such as `SECURE`. */
  readonly name: string;
  readonly protocol: "SSL" | "SASL_PLAINTEXT" | "SASL_SSL" | "PLAINTEXT";
  readonly port: number;
  /** Broker settings of this listener only, without its prefix. */
  readonly config: Readonly<Record<string, string>>;
  /** By the broker's number: the address that it tells clients, where that is not the one it listens on. */
  readonly advertised?: Readonly<Record<number, string>>;
}

export interface BrokerPlace {
  readonly listeners: readonly BrokerListener[];
  readonly id: number;
  readonly port: number;
  readonly controllerPort: number;
  readonly brokers: number;
  readonly dataDir: string;
  readonly config: Readonly<Record<string, string>>;
}

/** The broker's `server.properties`. */
export function brokerSettings(place: BrokerPlace): string {
  const isController = place.id === 1;
  const { listeners } = place;
  const broker = [{ name: "PLAINTEXT", port: place.port }, ...listeners]
    .map(({ name, port }) => `${name}://127.0.0.1:${port}`).join(",");
  const advertised = listeners.map(({ name, port, advertised }) =>
    `,${name}://${advertised?.[place.id] ?? `127.0.0.1:${port}`}`
  ).join("");
  const protocols = listeners.map(({ name, protocol }) => `,${name}:${protocol}`).join("");
  const settings: Record<string, string> = {
    "process.roles": isController ? "broker,controller" : "broker",
    "node.id": String(place.id),
    "controller.quorum.voters": `1@127.0.0.1:${place.controllerPort}`,
    "controller.listener.names": "CONTROLLER",
    "listeners": isController ? `${broker},CONTROLLER://127.0.0.1:${place.controllerPort}` : broker,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${place.port}${advertised}`,
    "listener.security.protocol.map": `PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT${protocols}`,
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": place.dataDir,
    "auto.create.topics.enable": "false",
    "default.replication.factor": String(place.brokers),
    "offsets.topic.replication.factor": String(place.brokers),
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": String(place.brokers),
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": String(place.brokers),
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    // A member that was killed is missed after a second: kill tests need not wait for the default of 6 s.
    "group.min.session.timeout.ms": "1000",
    // The default of 128 MB would take half the heap.
    "log.cleaner.dedupe.buffer.size": "4194304",
    // Tests that need a compacted log do not wait 15 s for it.
    "log.cleaner.backoff.ms": "1000",
    ...Object.fromEntries(
      listeners.flatMap(({ name, config }) =>
        Object.entries(config).map(([key, value]) => [`listener.name.${name.toLowerCase()}.${key}`, value])
      ),
    ),
    ...place.config,
  };
  return Object.entries(settings).map(([key, value]) => `${key}=${value}\n`).join("");
}

export interface FormatOptions {
  readonly jvm: readonly string[];
  readonly lib: string;
  readonly clusterId: string;
  readonly id: number;
  readonly settings: string;
  readonly dataDir: string;
  /** Users of SCRAM, as Kafka's tool wants them: `SCRAM-SHA-256=[name=…,password=…]`. */
  readonly scram?: readonly string[];
}

/**
 * Makes an empty data folder of the cluster; a folder that is in use already stays as it is.
 *
 * Kafka's own format tool costs a JVM start each time. What it writes besides the ids is the same for all clusters of
 * one version: it runs once, and its file is kept beside the jars.
 */
export async function format(options: FormatOptions): Promise<void> {
  const { dataDir, lib, clusterId, id } = options;
  const properties = `${dataDir}/meta.properties`;
  if (await exists(properties)) return;
  // Users are a part of what would be kept.
  if (options.scram !== undefined && options.scram.length > 0) return await formatWithTool(options);
  const kept = `${lib}/bootstrap.checkpoint`;
  if (!await exists(kept)) {
    await formatWithTool(options);
    // By rename, so that no other process ever copies half a file.
    const temporary = `${kept}.${crypto.randomUUID()}`;
    await Deno.copyFile(`${dataDir}/bootstrap.checkpoint`, temporary);
    await Deno.rename(temporary, kept);
    return;
  }
  await Deno.copyFile(kept, `${dataDir}/bootstrap.checkpoint`);
  const lines = ["version=1", `cluster.id=${clusterId}`, `node.id=${id}`, `directory.id=${randomKafkaId()}`];
  await Deno.writeTextFile(properties, lines.join("\n") + "\n");
}

async function formatWithTool(options: FormatOptions): Promise<void> {
  const [java = "java", ...flags] = options.jvm;
  const users = (options.scram ?? []).flatMap((user) => ["--add-scram", user]);
  const format = [
    "kafka.tools.StorageTool",
    "format",
    "-t",
    options.clusterId,
    "-c",
    options.settings,
    ...users,
  ];
  const { success, stdout, stderr } = await new Deno.Command(java, { args: [...flags, ...format] }).output();
  if (success) return;
  const text = new TextDecoder();
  throw new UserError(
    `Cannot format Kafka's data folder ${options.dataDir}: ${text.decode(stdout)}${text.decode(stderr)}`,
  );
}

/** 16 random bytes in the 22 characters that Kafka writes ids in. A leading dash would look like a flag. */
export function randomKafkaId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const id = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return id.replace(/^-/, "k");
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
