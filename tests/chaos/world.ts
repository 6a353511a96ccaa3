/** Everything that takes part in a chaos run, started and ended together. */
import { type KafkaServer, type RegistryServer, startKafka, startRegistry } from "../../dev/mod.ts";
import { seededRandom } from "../../dev/random.ts";
import { SCHEMA } from "../integration/events.ts";
import { type KafkaProxy, startProxy } from "../support/proxy.ts";
import { ROOT, TestServers } from "../support/mod.ts";
import { CommitFates } from "./commits.ts";
import { Consumer, type ConsumerEnd, type Place } from "./consumers.ts";
import { type Disk, mountDisk } from "./disk.ts";
import { Ids, produce, ProducerLog } from "./producers.ts";

export interface WorldOptions {
  /** An empty folder for all that is written. */
  readonly root: string;
  readonly seed: number;
  readonly brokers: number;
  readonly binary: string | undefined;
  onEnd(end: ConsumerEnd): void;
}

export interface World extends AsyncDisposable {
  readonly kafka: KafkaServer;
  readonly registry: RegistryServer;
  readonly proxy: KafkaProxy;
  readonly fates: CommitFates;
  /** Undefined where there is no user namespace to mount it in. */
  readonly disk: Disk | undefined;
  /** The command that is the program. */
  readonly program: readonly string[];
  readonly topics: readonly string[];
  readonly groups: readonly string[];
  readonly consumers: readonly Consumer[];
  /** Data folders, each with a home of its own, as they are reached from here. */
  readonly archives: readonly string[];
  readonly deadLetters: readonly string[];
  readonly log: ProducerLog;
  readonly ids: Ids;
  /** Resolves when the last producer has said what it knows. */
  stopProducers(): Promise<void>;
}

const PARTITIONS = 4;
const HEAP_MB = 320;
/** Plain and transactional ones, for each topic. */
const PRODUCERS = [false, true];

/**
 * Two groups on a topic each. Of the first, two members share a folder with one of the second, and a third has its
 * own; the second one's other member writes to a disk that can be full.
 */
export async function buildWorld(options: WorldOptions): Promise<World> {
  const { root, seed } = options;
  await using stack = new AsyncDisposableStack();
  const starting = [startServers(options), startRegistry({ dataDir: `${root}/registry` })] as const;
  // Both are waited for, so that one that fails does not leave the other behind.
  for (const one of await Promise.allSettled(starting)) {
    if (one.status === "fulfilled") stack.use<AsyncDisposable>(one.value);
  }
  const [kafka, registry] = await Promise.all(starting);
  const fates = new CommitFates();
  const proxy = stack.use(startProxy(kafka.bootstrap, (request) => fates.decide(request)));
  const disk = await mountDisk(`${archivesIn(root)}/disk`);
  if (disk !== undefined) stack.use(disk);
  const servers = new TestServers({ brokers: kafka.bootstrap, registry: registry.url });
  const topics = ["orders", "payments"];
  const stop = new AbortController();
  stack.defer(() => stop.abort());
  const log = stack.use(new ProducerLog(`${root}/intents.ndjson`));
  const ids = new Ids();
  const producing: Promise<void>[] = [];
  for (const topic of topics) {
    await servers.createTopic(topic, { partitions: PARTITIONS, replicationFactor: options.brokers });
    const schemaId = await servers.registerSchema(`${topic}-value`, SCHEMA);
    for (const isTransactional of PRODUCERS) {
      const random = seededRandom(seed + producing.length + 1);
      const { kafka } = servers;
      producing.push(
        produce({
          kafka,
          topic,
          partitions: PARTITIONS,
          schemaId,
          isTransactional,
          random,
          ids,
          log,
          stop: stop.signal,
        }),
      );
    }
  }
  const program = options.binary === undefined
    ? [Deno.execPath(), "run", "-A", "--quiet", `${ROOT}/main.ts`]
    : [options.binary];
  const places = placesIn(archivesIn(root), disk);
  const consumers = places.map((place, slot) =>
    new Consumer({
      seed,
      slot,
      place,
      brokers: proxy.bootstrap,
      registry: registry.url,
      program,
      hasFaults: options.binary === undefined,
      logFile: `${root}/${place.name}.log`,
      onEnd: options.onEnd,
    })
  );
  stack.defer(async () => {
    await Promise.all(consumers.map((consumer) => consumer.close()));
  });
  const archives = archivesIn(root);
  const folders = [`${archives}/shared`, `${archives}/own`, disk?.outside ?? `${archives}/disk`];
  const held = stack.move();
  return {
    kafka,
    registry,
    proxy,
    fates,
    disk,
    program,
    topics,
    groups: [...new Set(places.map(({ group }) => group))],
    consumers,
    archives: folders.map((folder) => `${folder}/data`),
    deadLetters: folders.map((folder) => `${folder}/dead_letter`),
    log,
    ids,
    async stopProducers() {
      stop.abort();
      await Promise.all(producing);
    },
    [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
  };
}

/** The folder of all archives; once the small disk's content is copied to its place, all of them are below it. */
export function archivesIn(root: string): string {
  return `${root}/archives`;
}

function startServers({ root, brokers }: WorldOptions): Promise<KafkaServer> {
  return startKafka({
    brokers,
    heapMb: HEAP_MB,
    dataDir: `${root}/kafka`,
    config: {
      "min.insync.replicas": String(Math.min(2, brokers)),
      "transaction.state.log.min.isr": String(Math.min(2, brokers)),
      // A transaction that was left open ends within a second of its timeout.
      "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
      // A broker that was killed is missed sooner than after 9 s.
      "broker.session.timeout.ms": "5000",
      "broker.heartbeat.interval.ms": "1000",
    },
  });
}

function placesIn(archives: string, disk: Disk | undefined): Place[] {
  const place = (name: string, topic: string, folder: string): Place => ({
    name,
    topic,
    group: `${topic}-archive`,
    output: `${folder}/data`,
    deadLetter: `${folder}/dead_letter`,
    enter: (command) => command,
  });
  const onDisk = place("payments-disk", "payments", `${archives}/disk`);
  return [
    place("orders-shared-1", "orders", `${archives}/shared`),
    place("orders-shared-2", "orders", `${archives}/shared`),
    place("orders-own", "orders", `${archives}/own`),
    place("payments-shared", "payments", `${archives}/shared`),
    disk === undefined ? onDisk : { ...onDisk, enter: (command) => disk.enter(command) },
  ];
}
