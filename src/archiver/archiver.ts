/**
 * What an archiver does with each session of the group: recover, take records, save, and end for one reason or
 * another.
 */
import { getLogger } from "@logtape/logtape";
import { join } from "node:path";
import { sleep } from "../wait.ts";
import type { Config } from "../config.ts";
import { messageOf } from "../errors.ts";
import { faultPoint } from "../fault.ts";
import {
  type FetchProblem,
  type GroupMember,
  type KafkaClient,
  type MemberHandler,
  type Session,
  SessionOverError,
} from "../kafka/mod.ts";
import type { FetchedRecords, TopicPartition } from "../model.ts";
import { loadParquetEncoder } from "../parquet/mod.ts";
import type { Registry } from "../registry/mod.ts";
import { type FileToPrepare, LocalSink, problemLine, type Sink } from "../sink/mod.ts";
import type { Report } from "../status/mod.ts";
import { noun } from "../words.ts";
import { describeAssignment, fetchError } from "./describe.ts";
import { FileLog } from "./file_log.ts";
import { ErrorLimits } from "./error_limit.ts";
import { tellForeignOffsets } from "./foreign_offsets.ts";
import { judgeWhileAlive } from "./judging.ts";
import { sweepQuarantine } from "./quarantine.ts";
import { FileSealer, type SealedFile } from "./file_sealer.ts";
import { planMemory } from "./memory.ts";
import type { Summary } from "./messages.ts";
import {
  keyOf,
  type ReadyPartition,
  recover,
  type Recovery,
  type RecoveryOptions,
  settle,
  type Waiting,
} from "./recovery.ts";
import { type Schemas, schemasOf } from "./schemas.ts";
import { SessionArchive } from "./session_archive.ts";
import { offsetMap, startOffsets } from "./start_offsets.ts";
import { currentTopics, isPattern } from "./topics.ts";
import type { Totals } from "./totals.ts";

const log = getLogger(["kafka2parquet", "archiver"]);

const OTHERS_POLL_MS = 1000;
/** Offset ranges named where something could not be saved. */
const HELD_RANGES_TOLD = 10;

/** What {@link Archiver.create} finds out and connects. */
export interface ArchiverParts {
  readonly topics: readonly string[];
  readonly partitions: readonly TopicPartition[];
  readonly partitionsAtStart: ReadonlyMap<string, number>;
  readonly cluster: string;
  readonly client: KafkaClient;
  readonly sink: Sink;
  readonly isNewSink?: boolean;
  readonly totals: Totals;
  readonly ending: AbortController;
  readonly schemas: Schemas;
  readonly sealer: FileSealer;
  readonly ends: ReadonlyMap<string, bigint> | undefined;
}

/** One archiver: turns what its member is assigned into files. */
export class Archiver implements MemberHandler {
  readonly #config: Config;
  /** Those that were there when the program started. */
  readonly #partitions: readonly TopicPartition[];
  /** How many of them each topic had. */
  readonly #partitionsAtStart: ReadonlyMap<string, number>;
  readonly #cluster: string;
  readonly #client: KafkaClient;
  readonly #sink: Sink;
  readonly #schemas: Schemas;
  readonly #sealer: FileSealer;
  readonly #totals: Totals;
  readonly #errorLimits: ErrorLimits;
  /** Aborted when the end has begun: a signal, the end of a bounded run, or a failure. */
  readonly #ending: AbortController;
  readonly #ends: ReadonlyMap<string, bigint> | undefined;
  readonly #files: FileLog;
  readonly #member: GroupMember;
  #current: SessionArchive | undefined;
  /** Until the first session has told what that means. */
  #isNewSink: boolean;
  #failure: { readonly error: unknown } | undefined;
  #failureTimer: ReturnType<typeof setTimeout> | undefined;
  /** What the last session has left unsaved. */
  #unsaved: string[] = [];

  static async create(
    config: Config,
    { client, registry, totals, ending }: {
      client: KafkaClient;
      registry: Registry;
      totals: Totals;
      ending: AbortController;
    },
  ): Promise<Archiver> {
    const topics = await currentTopics(config.topics, client);
    const partitionsAtStart = new Map<string, number>();
    const partitions: TopicPartition[] = [];
    for (const topic of topics) {
      const numbers = await client.partitions(topic);
      partitionsAtStart.set(topic, numbers.length);
      for (const partition of numbers) partitions.push({ topic, partition });
    }
    const cluster = await client.clusterId();
    const { group, output, deadLetter } = config;
    const sink = await LocalSink.open({ output, alsoInto: [deadLetter], cluster, group });
    const counted = noun(partitions.length, "partition");
    log.info(`Archiving {topics} ({partitions} ${counted}) of {brokers} as group {group} into {output}`, {
      topics: topics.join(", ") || `no topic yet that matches ${config.topics.join(", ")}`,
      partitions: partitions.length,
      brokers: config.brokers.join(","),
      group,
      output,
    });
    return new Archiver(config, {
      topics,
      partitions,
      partitionsAtStart,
      cluster,
      client,
      sink,
      isNewSink: sink.isNew,
      totals,
      ending,
      schemas: schemasOf(config, (id) => registry.schema(id)),
      sealer: new FileSealer({
        config,
        cluster,
        encoder: await loadParquetEncoder(),
        randomUUID: () => crypto.randomUUID(),
      }),
      ends: config.untilEnd ? offsetMap(await client.offsets(partitions, "stable")) : undefined,
    });
  }

  constructor(config: Config, parts: ArchiverParts) {
    this.#config = config;
    this.#partitions = parts.partitions;
    this.#partitionsAtStart = parts.partitionsAtStart;
    this.#cluster = parts.cluster;
    this.#client = parts.client;
    this.#sink = parts.sink;
    this.#isNewSink = parts.isNewSink ?? false;
    this.#totals = parts.totals;
    this.#errorLimits = new ErrorLimits(config.maxErrors);
    this.#ending = parts.ending;
    this.#schemas = parts.schemas;
    this.#sealer = parts.sealer;
    this.#ends = parts.ends;
    this.#files = new FileLog(config.rows);
    this.#member = parts.client.createMember(this);
    this.#member.subscribe(parts.topics);
  }

  get progress() {
    const current = this.#current;
    // Without a session the lag and the partitions are not known, which is not the same as none.
    return current === undefined ? this.#totals.with({ bufferedRows: 0 }) : this.#totals.with({
      bufferedRows: current.bufferedRows,
      lag: current.lag,
      ...(current.loss !== undefined && { loss: current.loss }),
      held: current.held(HELD_RANGES_TOLD),
      partitions: current.session.assignment.length,
    });
  }

  get report(): Report {
    return this.#totals.vitals.report(this.#current?.report);
  }

  /** @throws whatever ended the work, after what was held has been saved as far as possible. */
  async run(): Promise<Summary> {
    const stop = () => this.#member.stop();
    this.#ending.signal.addEventListener("abort", stop, { once: true });
    if (this.#ending.signal.aborted) stop();
    void this.#watchTopics();
    try {
      await this.#member.run();
    } finally {
      clearTimeout(this.#failureTimer);
      // Where the member was given up, nobody has asked before.
      if (this.#current !== undefined) this.#unsaved = this.#current.held(HELD_RANGES_TOLD);
      this.#drop();
      this.#files.flush();
    }
    if (this.#failure) {
      if (this.#unsaved.length === 0) log.info("Everything that was read is saved");
      else {
        log.error("Not saved: {unsaved}. It was not committed, and comes again at the next start.", {
          unsaved: this.#unsaved.join("; "),
        });
      }
      throw this.#failure.error;
    }
    return { ...this.progress, unsaved: this.#unsaved };
  }

  async joined(session: Session): Promise<void> {
    this.#drop();
    this.#totals.vitals.joined();
    log.info("Joined group {group}, generation {generation}: {assignment}", {
      group: this.#config.group,
      generation: session.generation,
      assignment: describeAssignment(session.assignment),
    });
    await faultPoint("joined");
    const { group } = this.#config;
    const recovery: RecoveryOptions = {
      session,
      sink: this.#sink,
      isNewSink: this.#isNewSink,
      onSinkError: this.#config.onSinkError,
      trouble: this.#totals.vitals.sink.publish,
      ending: this.#ending.signal,
      tellForeign: (positions) =>
        tellForeignOffsets(positions, { sink: this.#sink, cluster: this.#cluster, group }),
      startOffsets: (partitions) =>
        startOffsets(partitions, {
          session,
          config: this.#config,
          cluster: this.#cluster,
          client: this.#client,
          sink: this.#sink,
          partitionsAtStart: (topic) => this.#partitionsAtStart.get(topic) ?? 0,
        }),
    };
    const recovered = await this.#recover(recovery);
    if (recovered === undefined) return;
    // What was held before comes again in this session, and what was committed is published.
    this.#unsaved = [];
    this.#isNewSink = false;
    const { ready, waiting } = recovered;
    await faultPoint("session-ready");
    const current = this.#current = new SessionArchive({
      session,
      config: this.#config,
      sink: this.#sink,
      schemas: this.#schemas,
      sealer: this.#sealer,
      totals: this.#totals,
      errorLimits: this.#errorLimits,
      memory: planMemory(this.#config.maxMemoryBytes / this.#config.workers),
      client: this.#client,
      ends: this.#ends,
      randomUUID: () => crypto.randomUUID(),
      onPublished: (files) => this.#published(files),
      onFailure: (error) => this.#fail(error),
    });
    current.start(ready);
    await this.#refuseBeyondEnd(session, ready);
    if (current.done) this.#ending.abort();
    if (this.#ends !== undefined && session.assignment.length === 0) {
      void this.#awaitOthers(session, this.#ends);
    }
    void this.#judgeAgain(recovery, waiting);
  }

  /** @returns undefined where the end of the session has begun meanwhile: there is nothing to save yet. */
  async #recover(options: RecoveryOptions): Promise<Recovery | undefined> {
    try {
      return await recover(options);
    } catch (error) {
      const isEnding = this.#ending.signal.aborted || options.session.leaving.aborted;
      if (error instanceof SessionOverError && isEnding) return undefined;
      throw error;
    }
  }

  async records(session: Session, fetched: FetchedRecords): Promise<void> {
    const current = this.#current;
    if (current?.session !== session || this.#failure) return;
    try {
      await current.accept(fetched);
    } catch (error) {
      // A wait that the end has cut short: what is held is saved, the record that waited comes again.
      if (error !== this.#ending.signal.reason) this.#fail(error);
    }
    if (current.done) this.#ending.abort();
  }

  async revoked(session: Session, reason: "rebalance" | "stopping"): Promise<void> {
    const current = this.#current;
    if (current?.session !== session) return;
    if (reason === "rebalance") {
      log.info("The group rebalances: saving what is held ({rows} rows)", { rows: current.bufferedRows });
    }
    try {
      await faultPoint("before-revoke-flush");
      await current.flush();
      await faultPoint("after-revoke-flush");
    } finally {
      // A rebalance may be the last that this member sees of the group, if it is told to stop meanwhile.
      this.#unsaved = current.held(HELD_RANGES_TOLD);
    }
  }

  lost(session: Session): Promise<void> {
    if (this.#current?.session === session) {
      log.warning("Lost the place in group {group}: {rows} rows that were held are dropped and come again", {
        group: this.#config.group,
        rows: this.#current.bufferedRows,
      });
      this.#unsaved = this.#current.held(HELD_RANGES_TOLD);
      this.#drop();
    }
    return Promise.resolve();
  }

  async fetchFailed(session: Session, partition: TopicPartition, problem: FetchProblem): Promise<void> {
    const { onOutOfRange } = this.#config;
    const current = this.#current;
    if (problem.kind !== "out-of-range" || onOutOfRange === "stop" || current?.session !== session) {
      this.#fail(fetchError(partition, problem));
      return;
    }
    try {
      const at = onOutOfRange === "earliest" ? "earliest" : "stable";
      const [to] = await this.#client.offsets([partition], at);
      if (to === undefined || !await current.moveTo(partition, to.offset)) return;
      log.error("{problem}. Going on at offset {offset}, as --on-out-of-range {onOutOfRange} says", {
        problem: fetchError(partition, problem).message,
        offset: to.offset.toString(),
        onOutOfRange,
      });
      if (current.done) this.#ending.abort();
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * A bounded run would take a position behind the end for one that has arrived there. It is what a topic leaves that
   * was made again, or an offset set by hand, and is treated as it is while fetching: as out of range.
   */
  async #refuseBeyondEnd(session: Session, ready: readonly ReadyPartition[]): Promise<void> {
    const beyond = ready.filter((plan) => plan.position > (this.#ends?.get(keyOf(plan)) ?? plan.position));
    if (beyond.length === 0) return;
    const starts = offsetMap(await this.#client.offsets(beyond, "earliest"));
    const ends = offsetMap(await this.#client.offsets(beyond, "latest"));
    for (const plan of beyond) {
      const logEnd = ends.get(keyOf(plan));
      if (logEnd === undefined || plan.position <= logEnd) continue;
      const logStart = starts.get(keyOf(plan)) ?? 0n;
      await this.fetchFailed(session, plan, {
        kind: "out-of-range",
        position: plan.position,
        logStart,
        logEnd,
      });
    }
  }

  /** Ends a bounded run of a member without partitions when the others have come to the end of theirs. */
  async #awaitOthers(session: Session, ends: ReadonlyMap<string, bigint>): Promise<void> {
    try {
      while (!session.leaving.aborted) {
        const committed = await session.committed(this.#partitions);
        const isOver = committed.every((at) => (at.offset ?? -1n) >= (ends.get(keyOf(at)) ?? 0n));
        if (isOver) return this.#ending.abort();
        await sleep(OTHERS_POLL_MS, session.leaving);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Subscribes to new topics that match a pattern. */
  async #watchTopics(): Promise<void> {
    const { signal } = this.#ending;
    if (this.#config.untilEnd || !this.#config.topics.some(isPattern)) return;
    while (!signal.aborted) {
      await sleep(this.#config.metadataMaxAgeMs, signal);
      if (signal.aborted) return;
      try {
        this.#member.subscribe(await currentTopics(this.#config.topics, this.#client));
      } catch (error) {
        log.warning("Cannot look for new topics, trying again: {reason}", { reason: messageOf(error) });
      }
    }
  }

  /** Ends the program with this error, after saving what is held. */
  #fail(error: unknown): void {
    if (error instanceof SessionOverError) return;
    if (this.#failure) {
      log.debug("Another failure while stopping: {reason}", { reason: messageOf(error) });
      return;
    }
    this.#failure = { error };
    // The error itself is told once, as the program's last words.
    log.info("Saving what is held, then stopping because of an error");
    // The failure may be what keeps the saving from its end, such as a full disk.
    this.#failureTimer = setTimeout(() => this.#member.abandon(), this.#config.shutdownTimeoutMs);
    this.#ending.abort();
  }

  /** Gives up the session's state; what is held comes again. */
  #drop(): void {
    this.#current?.drop();
    this.#current = undefined;
    // The next session finds out anew.
    for (const trouble of Object.values(this.#totals.vitals.sink)) trouble.allOver();
  }

  #published(files: readonly FileToPrepare[]): void {
    for (const { final, rows, bytes, kind } of files as readonly SealedFile[]) {
      this.#files.add({ path: join(this.#config.output, final), rows, bytes: bytes.length, kind });
    }
  }

  /** Judges again while the session lives, and looks after the quarantine. */
  async #judgeAgain(recovery: RecoveryOptions, waiting: Waiting): Promise<void> {
    const { session } = recovery;
    const { signal } = session;
    try {
      await judgeWhileAlive({
        waiting,
        signal,
        settle: () => settle(recovery),
        onSettled: () => {
          if (this.#current?.session === session) this.#current.forgetWaiting();
        },
        sweep: () => this.#sweep(signal),
      });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What cannot be looked at now is looked at the next time: nothing depends on it. */
  async #sweep(signal: AbortSignal): Promise<void> {
    try {
      await sweepQuarantine(this.#sink, { cluster: this.#cluster, group: this.#config.group, signal });
    } catch (error) {
      log.warning("Cannot look into quarantine: {reason}", { reason: problemLine(error) });
    }
  }
}
