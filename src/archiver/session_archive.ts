/** Everything that lives as long as one session of the group: topics, positions, the tick. Dropped with it. */
import { Backlog, CheckpointPipeline, commitUntilKnown, formatMetadata } from "../checkpoint/mod.ts";
import type { Config } from "../config.ts";
import { faultPoint } from "../fault.ts";
import type { KafkaClient, Session } from "../kafka/mod.ts";
import type { FetchedRecords, TopicPartition } from "../model.ts";
import type { FileToPrepare, Sink } from "../sink/mod.ts";
import type { PartitionFacts } from "../status/mod.ts";
import { isWorthTelling, type LossAhead } from "./data_loss.ts";
import type { ErrorLimits } from "./error_limit.ts";
import { LossWatch } from "./loss_watch.ts";
import type { MemoryPlan } from "./memory.ts";
import type { FileSealer } from "./file_sealer.ts";
import { keyOf, type ReadyPartition } from "./recovery.ts";
import type { Schemas } from "./schemas.ts";
import type { PartitionState } from "./partition_state.ts";
import { TopicArchive } from "./topic.ts";
import type { Totals } from "./totals.ts";
import type { SessionReport } from "./vitals.ts";
import { nextTurn } from "../wait.ts";
import { describeRange } from "../words.ts";

export interface SessionOptions {
  readonly session: Session;
  readonly config: Config;
  readonly sink: Sink;
  readonly schemas: Schemas;
  readonly sealer: FileSealer;
  readonly totals: Totals;
  readonly errorLimits: ErrorLimits;
  readonly memory: MemoryPlan;
  readonly client: Pick<KafkaClient, "retention" | "offsets">;
  /** Where partitions of a bounded run end; undefined for a run without end. */
  readonly ends: ReadonlyMap<string, bigint> | undefined;
  randomUUID(): string;
  onPublished(files: readonly FileToPrepare[]): void;
  onFailure(error: unknown): void;
}

/** How often files are looked at for their age. */
const TICK_MS = 100;

export class SessionArchive {
  readonly session: Session;
  readonly #options: SessionOptions;
  readonly #topics = new Map<string, TopicArchive>();
  readonly #pending = new Map<string, ReadonlyMap<string, string>>();
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #backlog: Backlog;
  readonly #losses: LossWatch;
  #accepting = true;
  /** Records are being taken: what they bring is not held yet. */
  #taking = false;

  constructor(options: SessionOptions) {
    this.session = options.session;
    this.#options = options;
    this.#backlog = new Backlog(options.memory.backlogBytesMax);
    const { session, client } = options;
    this.#losses = new LossWatch({
      signal: session.signal,
      partitions: () =>
        this.#states().map(({ topic, state }) => ({
          topic: topic.topic,
          partition: state.partition,
          committed: state.committed,
          end: state.end,
        })),
      retention: (topics) => client.retention(topics),
      offsets: (partitions, at) => client.offsets(partitions, at),
    });
  }

  /** Starts to fetch the partitions from their positions. */
  start(ready: readonly ReadyPartition[]): void {
    for (const plan of ready) {
      this.#pending.set(keyOf(plan), plan.pending);
      // A partition that a bounded run did not see at its start has nothing for it.
      const end = this.#options.ends === undefined
        ? undefined
        : this.#options.ends.get(keyOf(plan)) ?? plan.position;
      this.#topic(plan.topic).partitions.set(plan.partition, {
        partition: plan.partition,
        position: plan.position,
        checkpointed: plan.position,
        committed: plan.position,
        uncovered: plan.uncovered,
        start: plan.start,
        aheadSinceMs: undefined,
        end,
        highWatermark: undefined,
      });
      if (end === undefined || plan.position < end) this.session.fetchFrom(plan, plan.position);
    }
    void this.#losses.run();
  }

  /** Takes what was fetched if it continues the partition's position, and otherwise fetches from there again. */
  async accept(fetched: FetchedRecords): Promise<void> {
    const topic = this.#topics.get(fetched.topic);
    const state = topic?.partitions.get(fetched.partition);
    if (!this.#accepting || topic === undefined || state === undefined) return;
    if (fetched.fetchedOffset !== state.position) {
      this.session.fetchFrom(fetched, state.position);
      return;
    }
    this.#losses.note(fetched, Date.now());
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    this.#taking = true;
    try {
      await topic.accept(fetched, state);
      await this.#relieve();
    } finally {
      this.#taking = false;
    }
    if (isDone(state)) this.session.pause(fetched);
    // Decoding is synchronous and fetched records may wait already: without a turn of the event loop in between, a
    // checkpoint's ten or so steps would each wait for a whole fetch response.
    if (!topic.pipeline.idle) await nextTurn();
  }

  /**
   * Goes on elsewhere in a partition, after saving what is held of its topic.
   *
   * @returns false where the session ended before the new position was committed.
   */
  async moveTo(at: TopicPartition, position: bigint): Promise<boolean> {
    const topic = this.#topics.get(at.topic);
    const state = topic?.partitions.get(at.partition);
    if (topic === undefined || state === undefined) return false;
    await topic.flush();
    if (!topic.unsettled) await topic.cover();
    if (topic.unsettled) return false;
    const { session, sink } = this.#options;
    // Backwards where the topic was made again.
    const start = state.start !== undefined && position < state.start ? position : state.start;
    const metadata = formatMetadata({
      store: sink.store,
      checkpoint: undefined,
      first: position,
      start,
      pending: this.#pending.get(keyOf(at)) ?? new Map(),
    });
    const offsets = [{ topic: at.topic, partition: at.partition, offset: position, metadata }];
    const commit = (wanted: typeof offsets) => session.commit(wanted);
    await faultPoint("before-move-commit");
    const certainty = await commitUntilKnown(offsets, { session: session.signal, commit });
    await faultPoint("after-move-commit");
    if (certainty === "repeated") session.renew();
    if (certainty !== "committed") return false;
    state.position =
      state.checkpointed =
      state.committed =
      state.uncovered =
        position;
    state.start = start;
    state.aheadSinceMs = undefined;
    if (!isDone(state)) session.fetchFrom(at, position);
    return true;
  }

  /** Whether a bounded run has come to the end of every partition of this session, which has at least one. */
  get done(): boolean {
    const states = this.#states();
    return this.#options.ends !== undefined && states.length > 0 &&
      states.every(({ state }) => isDone(state));
  }

  get bufferedRows(): number {
    let rows = 0;
    for (const topic of this.#topics.values()) rows += topic.bufferedRows;
    return rows;
  }

  /** Records between positions and high watermarks, where those are known. */
  get lag(): number {
    let lag = 0n;
    for (const { state } of this.#states()) {
      if (state.highWatermark !== undefined && state.highWatermark > state.position) {
        lag += state.highWatermark - state.position;
      }
    }
    return Number(lag);
  }

  /** The nearest loss by retention that is to be seen. */
  get loss(): LossAhead | undefined {
    return this.#losses.ahead;
  }

  /** What metrics and the status page show of this session. */
  get report(): SessionReport {
    let bufferedBytes = this.#backlog.bytes;
    for (const topic of this.#topics.values()) bufferedBytes += topic.openBytes;
    return {
      bufferedBytes,
      partitions: this.#states().map(({ topic: { topic }, state }): PartitionFacts => {
        const { partition, position, committed, highWatermark } = state;
        const { end, loss } = this.#losses.seen({ topic, partition });
        // Each is asked for at another time, and the log only grows.
        const logEnd = Math.max(end ?? -1, Number(highWatermark ?? -1n));
        return {
          topic,
          partition,
          position: Number(position),
          committed: Number(committed),
          ...(logEnd >= 0 && { logEnd }),
          ...(loss !== undefined && isWorthTelling(loss) && { lossSeconds: loss.seconds }),
        };
      }),
    };
  }

  /** Accepts nothing more, and saves what is held; resolves when it is published or the session is over. */
  async flush(): Promise<void> {
    this.#stopAccepting();
    const flushes = await Promise.allSettled([...this.#topics.values()].map((topic) => topic.flush()));
    // One topic that cannot be saved does not keep the others from it.
    for (const flush of flushes) if (flush.status === "rejected") throw flush.reason;
  }

  /** Offset ranges that are held and in no visible file, at most so many, in words. */
  held(limit: number): string[] {
    const ranges = this.#states().filter(({ state }) => state.position > state.committed);
    const words = ranges.map(({ topic: { topic }, state }) =>
      describeRange({ topic, partition: state.partition, first: state.committed, next: state.position })
    );
    for (const { pipeline } of this.#topics.values()) {
      for (const range of pipeline.unpublished) {
        if (range.first === range.next) continue;
        words.push(`${describeRange(range)} (committed; the next start moves the files to their place)`);
      }
    }
    return words.length > limit ? [...words.slice(0, limit), `and ${words.length - limit} more`] : words;
  }

  /** No checkpoint of our store waits for other members any more: commits need not name it. */
  forgetWaiting(): void {
    for (const [key, pending] of this.#pending) {
      this.#pending.set(key, new Map([...pending].filter(([store]) => store !== this.#options.sink.store)));
    }
  }

  /** Gives up what is held. */
  drop(): void {
    this.#stopAccepting();
    for (const topic of this.#topics.values()) topic.drop();
  }

  #stopAccepting(): void {
    this.#accepting = false;
    clearInterval(this.#timer);
  }

  /** Closes the largest open files until all together are within their limit, and waits for room behind them. */
  async #relieve(): Promise<void> {
    const { openBytesMax } = this.#options.memory;
    let open = [...this.#topics.values()].map((topic) => ({ topic, bytes: topic.openBytes }));
    let held = open.reduce((sum, { bytes }) => sum + bytes, 0);
    if (held <= openBytesMax) return;
    open = open.toSorted((a, b) => b.bytes - a.bytes);
    for (const { topic, bytes } of open) {
      if (held <= openBytesMax) return;
      topic.sealForMemory();
      held -= bytes;
      await topic.pipeline.room();
    }
  }

  #states(): { topic: TopicArchive; state: PartitionState }[] {
    return [...this.#topics.values()].flatMap((topic) =>
      [...topic.partitions.values()].map((state) => ({ topic, state }))
    );
  }

  #topic(name: string): TopicArchive {
    let topic = this.#topics.get(name);
    if (topic !== undefined) return topic;
    const { session, config, sink, schemas, sealer, totals, memory, randomUUID, onFailure } = this.#options;
    const { errorLimits } = this.#options;
    const pipeline = new CheckpointPipeline({
      topic: name,
      generation: session.generation,
      session: session.signal,
      commit: (offsets) => session.commit(offsets),
      sink,
      onSinkError: config.onSinkError,
      troubles: totals.vitals.sink,
      onStage: (stage, ms) => totals.vitals.stage(stage, ms, Date.now()),
      backlog: this.#backlog,
      pending: (partition) => this.#pending.get(keyOf({ topic: name, partition })) ?? new Map(),
      start: (partition) => topic!.partitions.get(partition)?.start,
      randomId: () => randomUUID().replaceAll("-", ""),
      leaving: session.leaving,
      // Who leaves the group anyway is forgotten by it as well.
      onUncertain: () => this.#accepting ? session.renew() : undefined,
      onCommitted: (ranges) => topic!.committed(ranges),
      onPublished: (files) => {
        topic!.published(files);
        this.#options.onPublished(files);
      },
      onFailure,
    });
    topic = new TopicArchive({
      topic: name,
      leaving: session.leaving,
      config,
      fileBytesMax: memory.fileBytesMax,
      schemas,
      pipeline,
      sealer,
      totals,
      errorLimit: errorLimits.of(name),
    });
    this.#topics.set(name, topic);
    return topic;
  }

  #tick(): void {
    try {
      for (const topic of this.#topics.values()) topic.tick();
      if (this.#taking || [...this.#topics.values()].some((topic) => topic.needsTick)) return;
      // An idle archiver is woken by what it fetches, not ten times a second.
      clearInterval(this.#timer);
      this.#timer = undefined;
    } catch (error) {
      this.#options.onFailure(error);
    }
  }
}

function isDone(state: PartitionState): boolean {
  return state.end !== undefined && state.position >= state.end;
}
