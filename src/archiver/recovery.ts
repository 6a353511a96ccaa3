/** The start of a session: what was left prepared is settled, and every partition's position is known. */
import { getLogger } from "@logtape/logtape";
import {
  commitUntilKnown,
  formatMetadata,
  judge,
  parseMetadata,
  type PartitionPlan,
  planPartition,
  reportMissing,
} from "../checkpoint/mod.ts";
import { ExitCode, UserError } from "../errors.ts";
import { faultPoint } from "../fault.ts";
import { type Session, SessionOverError } from "../kafka/mod.ts";
import type { CommittedOffset, PartitionRange, TopicPartition } from "../model.ts";
import { type PreparedCheckpoint, problemLine, type Sink, SinkError } from "../sink/mod.ts";
import type { Trouble } from "../trouble.ts";
import { withBackoff } from "../wait.ts";
import { describeRanges, noun } from "../words.ts";

const log = getLogger(["kafka2parquet", "recovery"]);

/** Rounds of judging in one start: each completes a partial commit or is the last one. */
const JUDGE_ROUNDS_MAX = 10;

export interface RecoveryOptions {
  readonly session: Session;
  readonly sink: Sink;
  /** Nothing was archived in the sink before this program: told, where the group has archived elsewhere. */
  readonly isNewSink?: boolean;
  /** Whether a sink that fails is tried again, or ends the program. */
  readonly onSinkError: "retry" | "stop";
  /** Where it is noted, too, what the sink fails at. */
  readonly trouble?: Trouble;
  /** Aborted when the program's end has begun: then nothing is waited for. */
  readonly ending: AbortSignal;
  /** Tells what follows for these partitions, whose offsets another program has committed. */
  tellForeign(positions: readonly (TopicPartition & { readonly position: bigint })[]): Promise<void>;
  /**
   * The start policy's offsets, for partitions without a committed one.
   *
   * @throws UserError with exit code 78 where the policy must not be followed.
   */
  startOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, bigint>>;
}

/** A partition that is ready to be fetched. */
export interface ReadyPartition extends PartitionPlan {
  readonly position: bigint;
  readonly uncovered: bigint;
}

/** Checkpoints that wait for other members, by the key of each partition in them. */
export type Waiting = ReadonlyMap<string, string>;

export interface Recovery {
  readonly ready: readonly ReadyPartition[];
  /** Checkpoints that wait for other members, by the key of each partition in them: judge again soon. */
  readonly waiting: Waiting;
}

export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

/**
 * Publishes what was committed, discards what was not, and gives every partition of the session its position,
 * committed with our metadata before anything is fetched.
 *
 * @throws SessionOverError where the session ends meanwhile.
 * @throws UserError where the sink fails and it is to stop at once, or the program ends meanwhile.
 */
export async function recover(options: RecoveryOptions): Promise<Recovery> {
  const { session, sink } = options;
  const waiting = await settle(options);
  const committed = await session.committed(session.assignment);
  if (options.isNewSink) warnOfOtherStores(committed, sink.store);
  const plans = committed.map((entry) => {
    const plan = planPartition(entry, sink.store);
    const checkpoint = waiting.get(keyOf(plan));
    // What we commit next must go on naming it: once nobody does, it counts as never committed, and is deleted.
    return checkpoint === undefined
      ? plan
      : { ...plan, pending: new Map([...plan.pending, [sink.store, checkpoint]]) };
  });
  await faultPoint("offsets-read");
  return { ready: await commitPositions(plans, options), waiting };
}

/** An output folder that is new to a group that is not may be the mount point of a disk that is not there. */
function warnOfOtherStores(committed: readonly CommittedOffset[], store: string): void {
  const stores = committed.flatMap(({ metadata }) => parseMetadata(metadata)?.store ?? []);
  if (!stores.some((other) => other !== store)) return;
  log.warning(
    "The output folder is new, but the group has archived into another one: where that is a disk that should be " +
      "mounted here, stop the program and mount it",
  );
}

/** Judges every checkpoint that is found prepared. @returns those that wait for other members' partitions. */
export async function settle(options: RecoveryOptions): Promise<Waiting> {
  for (let round = 0; round < JUDGE_ROUNDS_MAX; round++) {
    const outcome = await judgeAll(options);
    if (outcome !== "again") return outcome;
  }
  throw new Error(
    `Partly committed checkpoints are still there after ${JUDGE_ROUNDS_MAX} rounds of completing them`,
  );
}

async function judgeAll(options: RecoveryOptions): Promise<Waiting | "again"> {
  const { session, sink } = options;
  const prepared = await untilOver(() => sink.list(), options, "list what is prepared");
  const partitions = new Map<string, TopicPartition>();
  for (const { manifest } of prepared) {
    if (typeof manifest !== "string") {
      for (const range of manifest.ranges) partitions.set(keyOf(range), range);
    }
  }
  const committed = new Map<string, CommittedOffset>();
  if (partitions.size > 0) {
    const entries = await session.committed([...partitions.values()]);
    for (const entry of entries) committed.set(keyOf(entry), entry);
  }
  await faultPoint("before-judge");
  const owned = new Set(session.assignment.map(keyOf));
  const waiting = new Map<string, string>();
  let isAgain = false;
  for (const checkpoint of prepared) {
    const verdict = judge(checkpoint, {
      generation: session.generation,
      committed: (at) => committed.get(keyOf(at)),
      owns: (at) => owned.has(keyOf(at)),
    });
    switch (verdict.kind) {
      case "publish":
        await faultPoint("before-judge-publish");
        await publish(checkpoint, options);
        await faultPoint("after-judge-publish");
        break;
      case "complete":
        await faultPoint("before-judge-complete");
        await complete(checkpoint, verdict.ranges, options);
        await faultPoint("after-judge-complete");
        isAgain = true;
        break;
      case "wait":
        if (typeof checkpoint.manifest === "string") break;
        for (const range of checkpoint.manifest.ranges) waiting.set(keyOf(range), checkpoint.ref.id);
        break;
      case "discard":
        log.info("Discarding {checkpoint}: it was never committed, its records come again", {
          checkpoint: describe(checkpoint),
        });
        await faultPoint("before-judge-discard");
        await untilOver(() => sink.discard(checkpoint.ref), options, "discard what was never committed");
        await faultPoint("after-judge-discard");
        break;
      case "quarantine":
        log.error("Putting {checkpoint} into quarantine: {why}", {
          checkpoint: describe(checkpoint),
          why: verdict.why,
        });
        await faultPoint("before-judge-quarantine");
        await untilOver(() => sink.quarantine(checkpoint.ref), options, "move to quarantine");
        await faultPoint("after-judge-quarantine");
        break;
      case "leave":
        break;
    }
  }
  return isAgain ? "again" : waiting;
}

async function publish(checkpoint: PreparedCheckpoint, options: RecoveryOptions): Promise<void> {
  const { sink } = options;
  const published = await untilOver(
    () => sink.publish(checkpoint.ref),
    options,
    "publish what was committed",
  );
  if (!published.found) return;
  log.info("Recovered {checkpoint}: it was committed, and is published now", {
    checkpoint: describe(checkpoint),
  });
  reportMissing(published.missing, typeof checkpoint.manifest === "string" ? [] : checkpoint.manifest.ranges);
}

/** Commits the partitions of ours that a partly accepted commit has left behind. */
async function complete(
  checkpoint: PreparedCheckpoint,
  ranges: readonly PartitionRange[],
  { session, sink }: RecoveryOptions,
): Promise<void> {
  const store = typeof checkpoint.manifest === "string" ? sink.store : checkpoint.manifest.store;
  const plans = new Map(
    (await session.committed(ranges)).map((entry) => [keyOf(entry), planPartition(entry, store)]),
  );
  await commitOrThrow(
    ranges.map(({ topic, partition, first, next }) => ({
      topic,
      partition,
      offset: next,
      metadata: formatMetadata({
        store,
        checkpoint: checkpoint.ref.id,
        first,
        start: plans.get(keyOf({ topic, partition }))?.start,
        pending: plans.get(keyOf({ topic, partition }))?.pending ?? new Map(),
      }),
    })),
    session,
  );
}

/** Gives the partitions without our metadata a committed position. */
async function commitPositions(
  plans: readonly PartitionPlan[],
  options: RecoveryOptions,
): Promise<ReadyPartition[]> {
  const { session, sink, startOffsets, tellForeign } = options;
  const unknown = plans.filter((plan) => plan.position === undefined);
  const starts = unknown.length > 0
    ? await untilOver(() => startOffsets(unknown), options, "ask for start offsets")
    : new Map<string, bigint>();
  const foreign = plans.flatMap((plan) =>
    plan.commitFirst && plan.position !== undefined ? [{ ...plan, position: plan.position }] : []
  );
  if (foreign.length > 0) await untilOver(() => tellForeign(foreign), options, "look into the archive");
  const ready = plans.map((plan) => {
    const position = plan.position ?? starts.get(keyOf(plan));
    if (position === undefined) {
      throw new Error(`Kafka named no start offset for ${plan.topic}[${plan.partition}]`);
    }
    const start = plan.position === undefined ? position : plan.start;
    return { ...plan, position, uncovered: plan.uncovered ?? position, start };
  });
  const uncommitted = ready.filter((plan) => plan.commitFirst);
  if (uncommitted.length > 0) {
    await faultPoint("before-initial-commit");
    await commitOrThrow(
      uncommitted.map(({ topic, partition, position, start, pending }) => ({
        topic,
        partition,
        offset: position,
        metadata: formatMetadata({
          store: sink.store,
          checkpoint: undefined,
          first: position,
          start,
          pending,
        }),
      })),
      session,
    );
    await faultPoint("after-initial-commit");
  }
  return ready;
}

async function commitOrThrow(offsets: Parameters<Session["commit"]>[0], session: Session): Promise<void> {
  const commit = (wanted: typeof offsets) => session.commit(wanted);
  const certainty = await commitUntilKnown(offsets, { session: session.signal, commit });
  if (certainty === "repeated") session.renew();
  if (certainty !== "committed") throw new SessionOverError();
}

/**
 * Tries until it works, or the session's or the program's end begins; heartbeats go on meanwhile.
 *
 * @throws UserError where the program ended before it worked; at once where the configuration is what is wrong, or
 * the sink and it is to stop.
 */
async function untilOver<T>(
  attempt: () => Promise<T>,
  { session, ending, onSinkError, trouble: noted }: RecoveryOptions,
  what: string,
): Promise<T> {
  let result: { value: T } | undefined;
  let trouble: unknown;
  await withBackoff(async () => {
    result = { value: await attempt() };
  }, {
    isFinal: (error) =>
      error instanceof UserError &&
      (error.exitCode === ExitCode.config || (error instanceof SinkError && onSinkError === "stop")),
    signal: AbortSignal.any([session.leaving, ending]),
    onError(error) {
      trouble = error;
      if (error instanceof SinkError) noted?.failed(what, problemLine(error));
      log.warning("Cannot {what}, trying again: {reason}", { what, reason: problemLine(error) });
    },
  });
  noted?.over(what);
  if (result === undefined) {
    // The program ends, and something that only it can do is not done: that is no clean end.
    if (ending.aborted && trouble instanceof SinkError) {
      throw new UserError(`Could not ${what}: ${trouble.message}`, {
        hint: "Nothing is lost: the next start does it, once the cause is gone.",
        cause: trouble,
      });
    }
    throw new SessionOverError();
  }
  if (trouble !== undefined) log.info("It could {what} at last", { what, recovered: true });
  return result.value;
}

function describe({ ref, manifest }: PreparedCheckpoint): string {
  const name = `checkpoint ${ref.id.slice(0, 8)} of generation ${ref.generation}`;
  if (typeof manifest === "string") return name;
  const count = manifest.files.length;
  return `${name} (${count} ${noun(count, "file")}, ${describeRanges(manifest.ranges)})`;
}
