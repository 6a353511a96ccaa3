/**
 * Where an attack is played: a job, a producer's log, programs, proxies and idle members, and the checker at the end.
 */
import { dirname } from "node:path";
import type { Type } from "avsc";
import { messageOf } from "../../src/errors.ts";
import type { FaultPoint } from "../../src/fault.ts";
import { KafkaClient, type MemberHandler } from "../../src/kafka/mod.ts";
import { event, type Job, TYPE } from "../integration/events.ts";
import { type Program, waitFor } from "../support/mod.ts";
import { type Decide, type KafkaProxy, startProxy } from "../support/proxy.ts";
import { check, COUNTERS, type LoggedRecord } from "./checker.ts";
import { run, type RunOptions, STEADY } from "./scenario.ts";

/** An idle member must not be lost on a machine that has much else to do. */
const IDLE_SESSION_TIMEOUT_MS = 6000;
/** Whatever a stage waits for may take this long. */
const PATIENCE_MS = 60_000;
/** Lines of each program that are shown where it was waited for in vain. */
const TAIL_LINES = 40;

export interface StageRun extends Omit<RunOptions, "tree"> {
  /** Another folder than the job's. */
  readonly output?: string;
  /** Where the program finds Kafka; directly by default. */
  readonly via?: KafkaProxy;
  /** Where it finds the registry. */
  readonly registry?: string;
}

export interface ProduceOptions {
  readonly transaction?: "commit" | "abort";
  /** Another schema than the job's: its id, its type, and what it adds to an event. */
  readonly schema?: { readonly id: number; readonly type: Type; readonly more: Record<string, unknown> };
}

/** A member of the job's group that holds its partitions and does nothing with them. */
export interface IdleMember {
  leave(): Promise<void>;
}

export class Stage implements AsyncDisposable {
  readonly job: Job;
  readonly #tree: string | undefined;
  readonly #log: LoggedRecord[] = [];
  readonly #archives = new Set<string>();
  readonly #nextOffsets = new Map<number, number>();
  #ids = 0;
  readonly #wrong: string[] = [];
  readonly #programs: Program[] = [];
  readonly #resources = new AsyncDisposableStack();

  /** @param tree where the program's source is, if not in the repository. */
  constructor(job: Job, tree?: string) {
    this.job = job;
    this.#tree = tree;
    this.#archives.add(job.output);
  }

  /** What the checker has found wrong so far. */
  get wrong(): readonly string[] {
    return this.#wrong;
  }

  run({ output, via, registry, ...options }: StageRun = {}): Program {
    let { flags } = this.job;
    if (output !== undefined) {
      this.#archives.add(output);
      flags = replaced(flags, "--output", output);
    }
    if (via !== undefined) flags = replaced(flags, "--brokers", via.bootstrap);
    if (registry !== undefined) flags = replaced(flags, "--registry", registry);
    const tree = this.#tree;
    const program = run({ ...this.job, flags }, { ...options, ...tree === undefined ? {} : { tree } });
    this.#resources.use(program);
    this.#programs.push(program);
    return program;
  }

  /** Runs until nothing is left to read. */
  async runToEnd(options: StageRun = {}): Promise<void> {
    const program = this.run({
      ...options,
      flags: ["--until-end", ...options.flags ?? []],
      env: { ...STEADY, ...options.env },
    });
    const { code } = await program.exit;
    if (code !== 0) throw new Error(`exit ${code}: ${program.stderr.join("\n")}`);
  }

  /** Runs until SIGKILL at a fault point. */
  async runUntilKilled(point: FaultPoint, options: StageRun = {}): Promise<void> {
    const program = this.run({ ...options, fault: `${point}:SIGKILL` });
    const { code } = await program.exit;
    if (code !== 137) throw new Error(`${point} was not passed: ${program.stderr.join("\n")}`);
  }

  /** So many records with new ids, each partition's in order, noted in the producer's log. */
  async produce(partition: number, count: number, options: ProduceOptions = {}): Promise<void> {
    const { transaction, schema } = options;
    const { servers, topic, schemaId } = this.job;
    const first = this.#nextOffsets.get(partition) ?? 0;
    const ids = Array.from({ length: count }, () => this.newId());
    await servers.produceAvro(topic, ids.map((id) => ({ ...event(id), ...schema?.more })), {
      schemaId: schema?.id ?? schemaId,
      type: schema?.type ?? TYPE,
      partition,
      ...transaction === undefined ? {} : { transaction },
    });
    const outcome = transaction === "abort" ? "aborted" : "committed";
    for (const [i, id] of ids.entries()) this.note({ partition, offset: first + i, id, outcome });
    this.#nextOffsets.set(partition, first + count + (transaction === undefined ? 0 : 1));
  }

  /** An id that no record has yet. */
  newId(): number {
    return this.#ids++;
  }

  /** Puts a record into the producer's log that was not produced by {@link produce}. */
  note(record: Omit<LoggedRecord, "topic">): void {
    this.#log.push({ topic: this.job.topic, ...record });
  }

  proxy(decide: Decide): KafkaProxy {
    return this.#resources.use(startProxy(this.job.servers.brokers, decide));
  }

  /** @param clientId begins the member's id: members get partitions in the order of their ids. */
  async idleMember(clientId: string): Promise<IdleMember> {
    const { servers, group, topic } = this.job;
    const closing = new AbortController();
    const client = await KafkaClient.connect({
      brokers: servers.brokers.split(","),
      clientId,
      group,
      topics: [topic],
      sessionTimeoutMs: IDLE_SESSION_TIMEOUT_MS,
    }, closing.signal);
    const joined = Promise.withResolvers<void>();
    const nothing = () => Promise.resolve();
    const handler: MemberHandler = {
      joined: () => Promise.resolve(joined.resolve()),
      records: nothing,
      revoked: nothing,
      lost: nothing,
    };
    const member = client.createMember(handler);
    const running = member.run();
    let isGone = false;
    const leave = async () => {
      if (isGone) return;
      isGone = true;
      member.stop();
      await running;
      await client.disconnect();
    };
    this.#resources.defer(leave);
    await joined.promise;
    return { leave };
  }

  /** Waits until the group has committed a partition up to here. */
  async untilCommitted(partition: number, offset: bigint): Promise<void> {
    const { servers, group, topic } = this.job;
    await this.#waitFor(
      async () => (await servers.committed(group, topic)).get(partition)?.offset === offset,
      `offset ${offset} of partition ${partition} to be committed`,
    );
  }

  /** Waits until the group has no members. */
  async untilEmpty(): Promise<void> {
    const { servers, group } = this.job;
    await this.#waitFor(
      () =>
        servers.admin(async (admin) => (await admin.describeGroups([group])).groups[0]?.state === "Empty"),
      "an empty group",
    );
  }

  /** Waits for a line that comes `times` times. */
  async untilSaid(program: Program, pattern: RegExp, times = 1): Promise<void> {
    await this.#waitFor(
      () => program.stderr.filter((line) => pattern.test(line)).length >= times,
      `${times} lines like ${pattern}`,
    );
  }

  /** Lets the checker judge; `isGrowing` where not all is archived yet. */
  async judge({ isGrowing = false } = {}): Promise<void> {
    const { servers, group, output } = this.job;
    const log = `${dirname(dirname(output))}/producer.ndjson`;
    await Deno.writeTextFile(log, this.#log.map((record) => `${JSON.stringify(record)}\n`).join(""));
    const archives = [...this.#archives];
    const { counts, details } = await check({
      log,
      archives,
      deadLetters: archives.map((folder) => `${dirname(folder)}/dead_letter`),
      brokers: servers.brokers,
      groups: [group],
      isGrowing,
    });
    if (COUNTERS.some((name) => counts[name] > 0)) this.#wrong.push(...details);
  }

  /** @throws {Error} with the last lines of all programs: what is waited for in vain shows there. */
  async #waitFor(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    try {
      await waitFor(condition, { what, deadlineMs: PATIENCE_MS });
    } catch (cause) {
      const said = this.#programs.map((program, i) =>
        program.stderr.slice(-TAIL_LINES).map((line) => `${i + 1} | ${line}`).join("\n")
      );
      throw new Error([messageOf(cause), ...said].join("\n"), { cause });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** Flags with another value for one that they have: a repeated flag may add to a list. */
function replaced(flags: readonly string[], name: string, value: string): string[] {
  return flags.with(flags.indexOf(name) + 1, value);
}
