/** One world: hosts, processes of the program, records, and what befalls them, all from one seed. */
import { Archiver } from "../../src/archiver/archiver.ts";
import { FileSealer } from "../../src/archiver/file_sealer.ts";
import { Schemas } from "../../src/archiver/schemas.ts";
import { Totals } from "../../src/archiver/totals.ts";
import { resolveConfig } from "../../src/cli/resolve.ts";
import type { Config } from "../../src/config.ts";
import { messageOf } from "../../src/errors.ts";
import { Cluster } from "../../src/kafka/cluster.ts";
import { GroupMember } from "../../src/kafka/member.ts";
import type { KafkaClient, MemberHandler, OffsetPosition } from "../../src/kafka/mod.ts";
import { readOffsets } from "../../src/kafka/offsets.ts";
import type { TopicPartition } from "../../src/model.ts";
import { LocalSink } from "../../src/sink/mod.ts";
import { Trouble as NotedTrouble } from "../../src/trouble.ts";
import { Disk, installDisks } from "./disk.ts";
import { encoder } from "./encoder.ts";
import { Group } from "./group.ts";
import { PartitionLog, SCHEMA_ID } from "./log.ts";
import { ClusterState, type NetworkTrouble, NODES, simulatedKafkajs } from "./network.ts";
import { DEAD_LETTER, indexOf, OUTPUT, Truth } from "./truth.ts";
import { install, type Process, World } from "./world.ts";

const SESSION_TIMEOUT_MS = 6_000;
const REBALANCE_TIMEOUT_MS = 6_000;
const CHAOS_MS_MIN = 10_000;
const CHAOS_MS_MAX = 40_000;
/** After the last trouble everything is archived within so long, or never. */
const CALM_MS_MAX = 120_000;
const POLL_MS = 500;
/** Sessions at the end that only tidy up. */
const SWEEPS_MAX = 3;
const SWEEP_MS = 4_000;
const CLUSTER = "model";
const GROUP = "g";
/** How a process may end by itself; any other end is a violation. */
const KNOWN_FAILURE = /^Kafka refused to commit offsets: .*UNKNOWN_TOPIC_OR_PARTITION/;

export interface Outcome {
  readonly steps: number;
  readonly violation: string | undefined;
  readonly trace: readonly string[] | undefined;
  readonly counts: Readonly<Record<string, number>>;
}

const TROUBLES = {
  kills: 5,
  stops: 4,
  terminations: 2,
  "network troubles": 4,
  "coordinator moves": 1,
  "disk troubles": 2,
  "power cuts": 2,
  "forgotten partitions": 1,
};
type Trouble = keyof typeof TROUBLES;

/** A place for one process, which is started again whenever it has ended. */
interface Slot {
  readonly name: string;
  readonly host: string;
  runs: number;
  process: Process | undefined;
  ending: AbortController | undefined;
  /** How often disks had failed when it was started last. */
  diskFailures: number;
}

/**
 * Lives through one world, now: nothing real happens meanwhile. To be called from a task, not from a promise's
 * reaction.
 */
export function live(seed: number, options: { readonly isTraced?: boolean } = {}): Outcome {
  const scenario = new Scenario(seed, options);
  const undo = [install(scenario.world), installDisks(scenario.world, (process) => scenario.diskOf(process))];
  try {
    return scenario.run();
  } finally {
    for (const step of undo) step();
  }
}

class Scenario {
  readonly world: World;
  readonly #disks = new Map<string, Disk>();
  readonly #topics = new Map<string, PartitionLog[]>();
  readonly #group: Group;
  readonly #cluster: ClusterState;
  readonly #truth: Truth;
  readonly #slots: Slot[] = [];
  readonly #config: Config;
  readonly #counts: Record<string, number> = {};
  /** How often each trouble comes. Many worlds are spared of some: what hides behind one shows where it is not. */
  readonly #weights: Record<Trouble, number>;
  #phase: "chaos" | "calm" | "end" | "sweep" | "over" = "chaos";

  constructor(seed: number, options: { readonly isTraced?: boolean }) {
    const world = this.world = new World(seed, options);
    const { random } = world;
    const hosts = random.chance(0.5) ? ["A"] : ["A", "B"];
    for (const host of hosts) {
      this.#disks.set(host, new Disk(host, world));
      for (let i = 1 + random.below(hosts.length === 1 ? 3 : 2); i > 0; i--) {
        this.#slots.push({
          name: `${host}${i}`,
          host,
          runs: 0,
          process: undefined,
          ending: undefined,
          diskFailures: 0,
        });
      }
    }
    this.#weights = { ...TROUBLES };
    for (const kind of Object.keys(TROUBLES) as Trouble[]) {
      if (random.chance(0.4)) this.#weights[kind] *= random.chance(0.5) ? 0 : 5;
    }
    // A commit that is accepted in part can only be mended by those that see the same folder.
    if (hosts.length > 1) this.#weights["forgotten partitions"] = 0;
    this.#addTopic("a", 1 + random.below(3));
    if (random.chance(0.5)) this.#addTopic("b", 1 + random.below(2));
    this.#group = new Group(world, {
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      accepted: (commit) => this.#truth.accepted(commit),
    });
    this.#truth = new Truth(world, {
      disks: this.#disks,
      topics: this.#topics,
      generation: () => this.#group.generation,
    });
    for (const disk of this.#disks.values()) disk.watch = this.#truth;
    this.#cluster = new ClusterState(world, { group: this.#group, topics: this.#topics, watch: this.#truth });
    this.#config = {
      ...resolveConfig({ flags: new Map(), env: {}, terminal: false }),
      topics: [...this.#topics.keys()],
      group: GROUP,
      output: OUTPUT,
      deadLetter: DEAD_LETTER,
      from: random.chance(0.5) ? "earliest" : "latest",
      rows: 1 + random.below(6),
      ageMs: 100 + random.below(2_000),
      fetchWaitMs: 500,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
    };
  }

  diskOf({ host }: Process): Disk {
    return this.#disks.get(host)!;
  }

  run(): Outcome {
    const { world } = this;
    const { random } = world;
    for (const slot of this.#slots) this.#startSoon(slot, 3_000);
    const chaosMs = CHAOS_MS_MIN + random.below(CHAOS_MS_MAX - CHAOS_MS_MIN);
    const isSlow = random.chance(0.3);
    this.#produce(isSlow ? 1_000 + random.below(4_000) : 50 + random.below(300), isSlow ? 0.6 : 0.1);
    // From ten troubles a second to one in ten seconds.
    this.#upset(100 * 100 ** random.next());
    world.after(chaosMs, undefined, () => this.#calm());
    while (this.#phase !== "over" && world.violation === undefined) {
      if (!world.step()) world.violate("progress: nothing happens any more");
    }
    return { steps: world.steps, violation: world.violation, trace: world.trace, counts: this.#counts };
  }

  #addTopic(topic: string, partitions: number): void {
    this.#topics.set(
      topic,
      Array.from({ length: partitions }, (_, i) => new PartitionLog(indexOf(topic, i))),
    );
  }

  #produce(everyMs: number, skippedBatches: number): void {
    this.world.after(this.world.random.next() * 2 * everyMs, undefined, () => {
      if (this.#phase !== "chaos") return;
      const { random } = this.world;
      random.pick(random.pick([...this.#topics.values()])).produce(this.world, { skippedBatches });
      this.#produce(everyMs, skippedBatches);
    });
  }

  #startSoon(slot: Slot, withinMs: number): void {
    this.world.after(this.world.random.next() * withinMs, undefined, () => {
      if (slot.process === undefined && (this.#phase === "chaos" || this.#phase === "calm")) {
        this.#start(slot);
      }
    });
  }

  #start(slot: Slot): void {
    const { world } = this;
    const process = slot.process = world.spawn(`${slot.name}.${++slot.runs}`, slot.host);
    const ending = slot.ending = new AbortController();
    slot.diskFailures = this.#diskFailures();
    this.#count("starts");
    world.as(process, () => {
      this.#archive(process, ending).then(
        () => this.#ended(slot, process, undefined),
        (error) => this.#ended(slot, process, error),
      );
    });
  }

  /** How often any disk has failed so far. */
  #diskFailures(): number {
    return [...this.#disks.values()].reduce((sum, disk) => sum + disk.failures, 0);
  }

  #ended(slot: Slot, process: Process, error: unknown): void {
    const { world } = this;
    world.say(() => `ends: ${error === undefined ? "ok" : messageOf(error)}`);
    process.state = "dead";
    slot.process = undefined;
    // It may end for a disk that has failed it, also where that works again by now.
    const hasDiskFailed = this.#diskFailures() > slot.diskFailures;
    if (error !== undefined && !KNOWN_FAILURE.test(messageOf(error)) && !hasDiskFailed) {
      world.violate(`exit: ${slot.name} ends by itself: ${error instanceof Error ? error.stack : error}`);
    }
    this.#startSoon(slot, 3_000);
  }

  /** What `archive.ts` does, with the model's parts. */
  async #archive(process: Process, ending: AbortController): Promise<void> {
    const config = this.#config;
    const kafkajs = simulatedKafkajs(this.#cluster, process);
    const brokers = NODES.map(({ host, port }) => `${host}:${port}`);
    const cluster = new Cluster(kafkajs, { brokers, clientId: "model" });
    const closing = new AbortController();
    const client = {
      partitions: (topic: string) => Promise.resolve([...this.#topics.get(topic)!.keys()]),
      offsets: (partitions: readonly TopicPartition[], at: OffsetPosition) =>
        readOffsets(cluster, partitions, { at, signal: closing.signal }),
      createMember: (handler: MemberHandler) =>
        new GroupMember({
          cluster,
          codec: kafkajs.assignments,
          options: {
            group: GROUP,
            topics: [],
            sessionTimeoutMs: SESSION_TIMEOUT_MS,
            rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
            heartbeatMs: SESSION_TIMEOUT_MS / 3,
            metadataMaxAgeMs: 30_000,
            fetchWaitMs: config.fetchWaitMs,
            fetchMaxBytes: 1_000_000,
            partitionMaxBytes: 1_000_000,
            trouble: new NotedTrouble(),
          },
        }, handler),
    } as unknown as KafkaClient;
    const partitions = [...this.#topics].flatMap(([topic, logs]) =>
      logs.map((_, partition) => ({ topic, partition }))
    );
    const sink = await LocalSink.open({
      output: OUTPUT,
      alsoInto: [DEAD_LETTER],
      cluster: CLUSTER,
      group: GROUP,
    });
    const archiver = new Archiver(config, {
      topics: [...this.#topics.keys()],
      partitions,
      partitionsAtStart: new Map([...this.#topics].map(([topic, logs]) => [topic, logs.length])),
      cluster: CLUSTER,
      client,
      sink,
      totals: new Totals(),
      ending,
      schemas: new Schemas({
        separator: config.separator,
        lookup: () =>
          Promise.resolve({
            kind: "found",
            id: SCHEMA_ID,
            schemaType: "AVRO",
            text: `"long"`,
            references: [],
          }),
      }),
      sealer: new FileSealer({ config, cluster: CLUSTER, encoder, randomUUID: () => crypto.randomUUID() }),
      ends: undefined,
    });
    try {
      await archiver.run();
    } finally {
      closing.abort();
      cluster.close();
    }
  }

  /** Lets trouble come, again and again. */
  #upset(everyMs: number): void {
    this.world.after(this.world.random.next() * 2 * everyMs, undefined, () => {
      if (this.#phase !== "chaos") return;
      this.#trouble();
      this.#upset(everyMs);
    });
  }

  #trouble(): void {
    const { world } = this;
    const { random } = world;
    const slot = random.pick(this.#slots);
    let left = random.next() * Object.values(this.#weights).reduce((sum, weight) => sum + weight, 0);
    const kind = Object.entries(this.#weights).find(([, weight]) => (left -= weight) < 0)?.[0];
    switch (kind as Trouble | undefined) {
      case "kills":
        return this.#count("kills", () => this.#kill(slot));
      case "stops":
        return this.#count("stops", () => this.#freeze(slot));
      case "terminations":
        return this.#count("terminations", () => this.#terminate(slot));
      case "network troubles":
        return this.#count("network troubles", () => this.#disturbNetwork(slot));
      case "coordinator moves":
        return this.#count("coordinator moves", () => this.#cluster.moveCoordinator());
      case "disk troubles":
        return this.#count("disk troubles", () => this.#disturbDisk(slot.host));
      case "power cuts":
        return this.#count("power cuts", () => this.#cutPower(slot.host));
      case "forgotten partitions":
        return this.#count("forgotten partitions", () => this.#forget());
    }
  }

  #kill(slot: Slot): void {
    if (slot.process === undefined) return;
    const { process } = slot;
    this.world.say(() => `SIGKILL ${process.name}`);
    this.world.kill(process);
    slot.process = undefined;
    // Soon, or after the group has forgotten it.
    this.#startSoon(slot, this.world.random.chance(0.5) ? 500 : 2 * SESSION_TIMEOUT_MS);
  }

  #freeze({ process }: Slot): void {
    if (process?.state !== "running") return;
    this.world.say(() => `SIGSTOP ${process.name}`);
    this.world.stop(process);
    const ms = this.world.random.chance(0.5) ? 500 : 2 * SESSION_TIMEOUT_MS;
    this.world.after(this.world.random.next() * ms, undefined, () => {
      this.world.say(() => `SIGCONT ${process.name}`);
      this.world.resume(process);
    });
  }

  #terminate({ process, ending }: Slot): void {
    if (process === undefined) return;
    this.world.say(() => `SIGTERM ${process.name}`);
    this.world.after(0, process, () => ending!.abort());
  }

  /** A little for all, commits that come late, or so much for one process that it may be cut off. */
  #disturbNetwork({ process }: Slot): void {
    const { world } = this;
    const { random } = world;
    const trouble = random.pick<NetworkTrouble>([
      { loss: random.next() * 0.1, hold: random.next() * 0.1, holdCommit: 0 },
      { loss: 0, hold: 0, holdCommit: random.next() },
      { loss: random.next(), hold: random.next(), holdCommit: 0, ...(process !== undefined && { process }) },
    ]);
    this.#cluster.trouble = trouble;
    world.say(() =>
      `the network is disturbed${trouble.process === undefined ? "" : ` for ${trouble.process.name}`}`
    );
    world.after(random.next() * 2 * SESSION_TIMEOUT_MS, undefined, () => this.#cluster.trouble = undefined);
  }

  #disturbDisk(host: string): void {
    const { random } = this.world;
    const disk = this.#disks.get(host)!;
    disk.trouble = { chance: random.next() ** 2, codes: random.chance(0.5) ? ["ENOSPC"] : ["EIO"] };
    this.world.say(() => `the disk of ${host} is disturbed`);
    this.world.after(random.next() * 2_000, undefined, () => disk.trouble = undefined);
  }

  #cutPower(host: string): void {
    this.world.say(() => `power cut at ${host}`);
    for (const slot of this.#slots) if (slot.host === host) this.#kill(slot);
    // What the kernel had begun is not done either: nothing of it comes after the crash.
    this.#disks.get(host)!.crash();
    this.#truth.crashed(host);
  }

  #forget(): void {
    const { random } = this.world;
    const [topic, logs] = random.pick([...this.#topics]);
    const key = `${topic}/${random.below(logs.length)}`;
    this.#group.unknown.add(key);
    this.world.after(random.next() * 1_000, undefined, () => this.#group.unknown.delete(key));
  }

  /** All trouble ends; what is owed must now be archived. */
  #calm(): void {
    const { world } = this;
    world.say(() => "calm");
    this.#phase = "calm";
    this.#cluster.trouble = undefined;
    this.#group.unknown.clear();
    for (const disk of this.#disks.values()) disk.trouble = undefined;
    for (const slot of this.#slots) {
      if (slot.process === undefined) this.#startSoon(slot, 1_000);
      else world.resume(slot.process);
    }
    this.#await(world.nowMs + CALM_MS_MAX, () => this.#truth.isComplete(), () => this.#end());
  }

  /** All end in good order, then a last session of each host tidies up after those that have not. */
  #end(): void {
    this.#phase = "end";
    for (const slot of this.#slots) this.#terminate(slot);
    this.#await(this.world.nowMs + CALM_MS_MAX, () => this.#isQuiet(), () => this.#sweep(0));
  }

  #sweep(round: number): void {
    const hosts = [...this.#disks.keys()];
    if (round === SWEEPS_MAX * hosts.length) {
      this.#phase = "over";
      this.#truth.checkEnd();
      return;
    }
    this.#phase = "sweep";
    const slot = this.#slots.find(({ host }) => host === hosts[round % hosts.length])!;
    this.#start(slot);
    this.world.after(SWEEP_MS, undefined, () => this.#terminate(slot));
    this.world.after(
      SWEEP_MS,
      undefined,
      () => this.#await(this.world.nowMs + CALM_MS_MAX, () => this.#isQuiet(), () => this.#sweep(round + 1)),
    );
  }

  #isQuiet(): boolean {
    return this.#slots.every(({ process }) => process === undefined);
  }

  #await(deadlineMs: number, condition: () => boolean, then: () => void): void {
    const { world } = this;
    world.after(POLL_MS, undefined, () => {
      if (condition()) return then();
      if (world.nowMs < deadlineMs) return this.#await(deadlineMs, condition, then);
      this.#truth.checkEnd();
      world.violate(`progress: not done ${CALM_MS_MAX / 1000} s after the last trouble (${this.#phase})`);
    });
  }

  #count(what: string, body?: () => void): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
    body?.();
  }
}
