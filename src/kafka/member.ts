/** A member of the consumer group: joins, fetches, leaves, and keeps its handler's calls in order. */
import { getLogger } from "@logtape/logtape";
import { messageOf } from "../errors.ts";
import { faultPoint } from "../fault.ts";
import type { TopicPartition } from "../model.ts";
import { type FetchProblem, type MemberHandler, SessionOverError } from "./api.ts";
import type { Cluster } from "./cluster.ts";
import { Code, codeName, isCoordinatorAway } from "./codes.ts";
import { Fetcher, type FetcherOptions } from "./fetcher.ts";
import { Coordinator } from "./group.ts";
import { type Joined, joinOnce, type JoinStep } from "./join.ts";
import { type AssignmentCodec, ConnectionError } from "./kafkajs.ts";
import { describeProblem } from "./problems.ts";
import { MemberSession } from "./session.ts";
import { aborted, Backoff, sleep } from "../wait.ts";

const log = getLogger(["kafka2parquet", "kafka"]);

/** After this many refusals even a join that may come back at once waits. */
const QUICK_JOINS_MAX = 5;
const LEAVE_TIMEOUT_MS = 5_000;
/** A join that takes longer is waiting for another member, most likely one that died. */
const JOIN_QUIET_MS = 3_000;
/** What has failed where joining has. */
const JOIN = "join";

export interface MemberOptions extends FetcherOptions {
  readonly group: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly metadataMaxAgeMs: number;
}

export interface MemberContext {
  readonly cluster: Cluster;
  readonly codec: AssignmentCodec;
  readonly options: MemberOptions;
}

type Ending = { readonly kind: "rebalance" | "lost" | "stopping"; readonly code: string };

export class GroupMember {
  readonly #context: MemberContext;
  readonly #handler: MemberHandler;
  readonly #coordinator: Coordinator;
  readonly #stopping = new AbortController();
  readonly #abandoned = new AbortController();
  /** What the next join subscribes to. */
  #topics: readonly string[];
  #memberId = "";
  /** Who it was in a session that was lost, until the group has forgotten that. */
  #formerId = "";
  #session: MemberSession | undefined;

  constructor(context: MemberContext, handler: MemberHandler) {
    this.#context = context;
    this.#handler = handler;
    this.#topics = context.options.topics;
    this.#coordinator = new Coordinator(context.cluster, context.options.group);
  }

  /**
   * Joins and fetches until {@link stop}; resolves when the handler has drained and the group was left.
   *
   * @throws whatever the handler threw, or a {@link UserError} where the group or a topic cannot be used.
   */
  async run(): Promise<void> {
    const abandoned = aborted(this.#abandoned.signal);
    try {
      await Promise.race([this.#run(), abandoned.promise]);
    } finally {
      abandoned.release();
      this.#session?.close();
      this.#coordinator.forget();
    }
  }

  /** Subscribes to other topics: the group rebalances if they differ from the present ones. */
  subscribe(topics: readonly string[]): void {
    const isSame = topics.length === this.#topics.length &&
      topics.every((topic) => this.#topics.includes(topic));
    this.#topics = topics;
    if (!isSame) this.#session?.rebalance("NEW_TOPICS");
  }

  /** Asks for a clean end: `revoked` with "stopping", then the group is left. Do not await `run` in the handler. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Ends at once: nothing is drained, the group finds out by the session timeout. */
  abandon(): void {
    this.#abandoned.abort();
    this.#stopping.abort();
    this.#session?.lose("ABANDONED");
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopping.signal.aborted) {
        const joined = await this.#join();
        if (joined === undefined) break;
        await this.#live(joined);
        this.#forgetLost();
      }
    } finally {
      if (!this.#abandoned.signal.aborted) await this.#leave();
    }
  }

  /**
   * After a session that was lost, the next one has another member id. With the old id a follower may be given the very
   * same generation again, and then a commit of the lost session that arrives late would still be accepted.
   */
  #forgetLost(): void {
    if (this.#session?.isLost !== true) return;
    this.#formerId = this.#memberId;
    this.#memberId = "";
  }

  /** Joins, however long it takes; `undefined` when the member is to stop. */
  async #join(): Promise<Joined | undefined> {
    const { signal } = this.#stopping;
    const backoff = new Backoff();
    // A join may wait for the other members for a minute, which a member that is to stop does not.
    const interrupted = aborted(signal);
    try {
      let quickJoins = 0;
      while (!signal.aborted) {
        let cause: string;
        try {
          const step = await Promise.race([this.#tryToJoin(), interrupted.promise]);
          if (step === undefined) return undefined;
          this.#memberId = step.memberId;
          if (step.kind === "joined") {
            this.#context.options.trouble.over(JOIN);
            return step;
          }
          cause = step.code;
          // At once, whatever went before: an id that waits longer than the session timeout is forgotten again, and a
          // member that pauses between the two halves of joining never comes in.
          if (step.when === "named") continue;
          if (step.when === "soon" && quickJoins++ < QUICK_JOINS_MAX) continue;
        } catch (error) {
          if (!(error instanceof ConnectionError)) throw error;
          cause = messageOf(error);
        }
        if (signal.aborted) return undefined;
        const { group, trouble } = this.#context.options;
        trouble.failed(JOIN, cause);
        log.warn("Cannot join group {group}, trying again: {cause}", { group, cause });
        await backoff.wait(signal);
      }
      return undefined;
    } finally {
      interrupted.release();
      // What still runs on the connection would hold up the request to leave.
      if (signal.aborted) this.#coordinator.forget();
    }
  }

  /** One attempt, which says what it is waiting for where that takes long. */
  async #tryToJoin(): Promise<JoinStep> {
    const { options } = this.#context;
    const { group, sessionTimeoutMs } = options;
    const { signal } = this.#stopping;
    const quiet = setTimeout(() => {
      if (signal.aborted) return;
      log.info("Waiting to join group {group}: a member that died may hold it for up to {seconds} s", {
        group,
        seconds: sessionTimeoutMs / 1_000,
      });
    }, JOIN_QUIET_MS);
    const context = { ...this.#context, coordinator: this.#coordinator };
    try {
      const code = await this.#leaveFormer();
      if (isCoordinatorAway(code)) {
        this.#coordinator.forget();
        return { kind: "again", memberId: this.#memberId, when: "later", code: codeName(code) };
      }
      return await joinOnce(context, this.#memberId, { ...options, topics: this.#topics, signal });
    } finally {
      clearTimeout(quiet);
    }
  }

  /**
   * A member that the group has not forgotten holds up the join until its session timeout: the one that it was before
   * is taken out first. When its session was lost the coordinator was most likely not there to be told.
   *
   * @returns the answer's error code.
   */
  async #leaveFormer(): Promise<number> {
    if (this.#formerId === "") return Code.NONE;
    const args = { groupId: this.#context.options.group, memberId: this.#formerId };
    const { errorCode } = await this.#coordinator.request("LeaveGroup", args, LEAVE_TIMEOUT_MS);
    if (!isCoordinatorAway(errorCode)) this.#formerId = "";
    return errorCode;
  }

  /** One generation, from the handler's `joined` to its `revoked` or `lost`. */
  async #live(joined: Joined): Promise<void> {
    const { cluster, options } = this.#context;
    const { group } = options;
    const { generation, assignment } = joined;
    const session = this.#session = new MemberSession(this.#coordinator, joined, options);
    const fatal = Promise.withResolvers<never>();
    fatal.promise.catch(() => {});
    const fetcher = new Fetcher(cluster, assignment, {
      options,
      sink: {
        records: (fetched) => this.#call(session, () => this.#handler.records(session, fetched)),
        failed: (partition, problem) => this.#call(session, () => this.#failed(session, partition, problem)),
        fatal: fatal.reject,
      },
    });
    session.controlBy(fetcher);
    session.keepAlive().catch(fatal.reject);
    if (joined.dealtOut !== undefined) {
      this.#watchPartitions(session, joined.dealtOut).catch(fatal.reject);
    }
    log.debug("Joined group {group}, generation {generation}: {partitions} partitions", {
      group,
      generation,
      partitions: assignment.length,
    });
    const stop = aborted(this.#stopping.signal);
    // Also while the handler is still in `joined`: what it waits for, such as a disk, must not hold up the others.
    void session.ending.then(() => session.leave());
    try {
      await this.#call(session, () => this.#handler.joined(session));
      fetcher.start();
      const ending: Ending = await Promise.race([
        session.ending,
        stop.promise.then((): Ending => ({ kind: "stopping", code: "" })),
        fatal.promise,
      ]);
      await this.#end(session, { fetcher, ending, fatal: fatal.promise });
    } finally {
      stop.release();
      session.close();
      await fetcher.stop();
    }
  }

  async #end(
    session: MemberSession,
    { fetcher, ending, fatal }: { fetcher: Fetcher; ending: Ending; fatal: Promise<never> },
  ): Promise<void> {
    const { group, rebalanceTimeoutMs } = this.#context.options;
    const { generation } = session;
    session.leave();
    log.debug("Generation {generation} of group {group} ends: {kind} {code}", {
      generation,
      group,
      ...ending,
    });
    if (ending.kind !== "lost" && !session.isLost) {
      const reason = ending.kind;
      // The other half of the time is for joining: who comes too late is excluded.
      const timer = reason === "rebalance"
        ? setTimeout(() => session.close(), rebalanceTimeoutMs / 2)
        : undefined;
      try {
        await Promise.race([fetcher.stop(), fatal]);
        await this.#call(session, () => Promise.race([this.#handler.revoked(session, reason), fatal]));
      } finally {
        clearTimeout(timer);
      }
    }
    if (!session.isLost || this.#abandoned.signal.aborted) return;
    log.warn("Lost the session in group {group}, generation {generation}: {code}", {
      group,
      generation,
      code: session.lostCode,
    });
    await fetcher.stop();
    await this.#call(session, () => this.#handler.lost(session));
  }

  /** A handler that was surprised by the end of its session has done nothing wrong. */
  async #call(session: MemberSession, call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      if (!(session.signal.aborted && error instanceof SessionOverError)) throw error;
    }
  }

  async #failed(session: MemberSession, partition: TopicPartition, problem: FetchProblem): Promise<void> {
    if (this.#handler.fetchFailed === undefined) throw describeProblem(partition, problem);
    await this.#handler.fetchFailed(session, partition, problem);
  }

  /** For the group's leader: new partitions call for a new assignment. */
  async #watchPartitions(session: MemberSession, dealtOut: ReadonlyMap<string, number>): Promise<void> {
    const { cluster, options } = this.#context;
    for (;;) {
      await sleep(options.metadataMaxAgeMs, session.signal);
      if (session.signal.aborted) return;
      try {
        const metadata = await cluster.metadata([...dealtOut.keys()]);
        for (const [topic, count] of dealtOut) {
          const now = metadata.topics.get(topic)?.leaders.size ?? 0;
          if (now <= count) continue;
          log.info("{topic} has {now} partitions instead of {count}: rebalancing", { topic, now, count });
          return session.rebalance("NEW_PARTITIONS");
        }
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
      }
    }
  }

  /** So that the others need not wait for the session timeout; if it fails, they do. */
  async #leave(): Promise<void> {
    const memberId = this.#memberId || this.#formerId;
    if (memberId === "") return;
    const args = { groupId: this.#context.options.group, memberId };
    const done = new AbortController();
    await faultPoint("before-leave");
    try {
      await Promise.race([
        this.#coordinator.request("LeaveGroup", args, LEAVE_TIMEOUT_MS),
        // The coordinator may have to be found first, and nobody may answer.
        sleep(LEAVE_TIMEOUT_MS, AbortSignal.any([done.signal, this.#abandoned.signal])),
      ]);
    } catch (error) {
      log.debug("Could not leave the group: {cause}", { cause: messageOf(error) });
    } finally {
      done.abort();
    }
    await faultPoint("after-leave");
  }
}
