/** One generation of a membership: its heartbeats, its commits, and how it ends. */
import { getLogger } from "@logtape/logtape";
import { messageOf } from "../errors.ts";
import type { CommittedOffset, OffsetToCommit, TopicPartition } from "../model.ts";
import { type CommitOutcome, type Session, SessionOverError } from "./api.ts";
import type { Trouble } from "../trouble.ts";
import { commitOffsets, type Coordinator, readCommitted, sendHeartbeat } from "./group.ts";
import type { Joined } from "./join.ts";
import { ConnectionError } from "./kafkajs.ts";
import { Backoff, sleep } from "../wait.ts";

const log = getLogger(["kafka2parquet", "kafka"]);

/**
 * The first heartbeats of a session come sooner, each pause twice the last, up to the ordinary interval: members that
 * start together do not join in the same instant, and the first of them hears of the others by its heartbeat only.
 */
const FIRST_HEARTBEAT_MS = 250;
/** A heartbeat without an answer is repeated after this, not after the ordinary interval. */
const HEARTBEAT_RETRY_MS = 500;
/** What has failed where heartbeats or commits have. */
const COORDINATOR = "coordinator";

export interface SessionOptions {
  readonly heartbeatMs: number;
  readonly sessionTimeoutMs: number;
  readonly trouble: Trouble;
}

/** What moves partitions; the session hands the handler's wishes on. */
export interface PartitionControl {
  fetchFrom(partition: TopicPartition, offset: bigint): void;
  pause(partition: TopicPartition): void;
  resume(partition: TopicPartition): void;
}

/** How a session came to its end. */
export interface SessionEnd {
  readonly kind: "rebalance" | "lost";
  readonly code: string;
}

export class MemberSession implements Session {
  readonly generation: number;
  readonly memberId: string;
  readonly assignment: readonly TopicPartition[];
  readonly #coordinator: Coordinator;
  readonly #options: SessionOptions;
  readonly #over = new AbortController();
  readonly #leaving = new AbortController();
  readonly #ending = Promise.withResolvers<SessionEnd>();
  #lostCode: string | undefined;
  #partitions: PartitionControl | undefined;
  /** When the coordinator last heard of us for certain. */
  #lastAliveMs = performance.now();

  constructor(coordinator: Coordinator, joined: Joined, options: SessionOptions) {
    this.#coordinator = coordinator;
    this.generation = joined.generation;
    this.memberId = joined.memberId;
    this.assignment = joined.assignment;
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  renew(): void {
    this.lose("RENEWED");
  }

  /** A rebalance or the end has begun. */
  leave(): void {
    this.#leaving.abort();
  }

  /** Resolves when the group wants to rebalance or has excluded us, whichever comes first. */
  get ending(): Promise<SessionEnd> {
    return this.#ending.promise;
  }

  /** The group has excluded us; may become true after {@link ending} said `rebalance`. */
  get isLost(): boolean {
    return this.#lostCode !== undefined;
  }

  /** Why it has; undefined while it has not. */
  get lostCode(): string | undefined {
    return this.#lostCode;
  }

  controlBy(partitions: PartitionControl): void {
    this.#partitions = partitions;
  }

  fetchFrom(partition: TopicPartition, offset: bigint): void {
    this.#partitions?.fetchFrom(partition, offset);
  }

  pause(partition: TopicPartition): void {
    this.#partitions?.pause(partition);
  }

  resume(partition: TopicPartition): void {
    this.#partitions?.resume(partition);
  }

  async committed(partitions: readonly TopicPartition[]): Promise<CommittedOffset[]> {
    const backoff = new Backoff();
    while (!this.signal.aborted) {
      try {
        return await readCommitted(this.#coordinator, partitions);
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        const cause = messageOf(error);
        log.warn("Cannot read committed offsets, trying again: {cause}", { cause });
        await backoff.wait(this.signal);
      }
    }
    throw new SessionOverError(`Generation ${this.generation} ended before its offsets were read`);
  }

  async commit(offsets: readonly OffsetToCommit[]): Promise<CommitOutcome> {
    if (this.signal.aborted) return { kind: "session-over", code: "NOT_SENT" };
    const outcome = await commitOffsets(this.#coordinator, this, offsets);
    // The coordinator takes a commit for a sign of life.
    if (outcome.kind === "committed" || outcome.kind === "failed") this.#lastAliveMs = performance.now();
    else if (outcome.kind === "retry") this.#options.trouble.failed(COORDINATOR, outcome.message);
    else if (outcome.kind === "session-over") this.lose(outcome.code);
    else if (outcome.kind === "rebalance") this.rebalance(outcome.code);
    return outcome;
  }

  /** A new generation is wanted; this one may still commit. */
  rebalance(code: string): void {
    this.#ending.resolve({ kind: "rebalance", code });
  }

  /** Excluded: nothing can be committed any more. */
  lose(code: string): void {
    if (this.signal.aborted) return;
    this.#lostCode = code;
    this.#ending.resolve({ kind: "lost", code });
    this.close();
  }

  /** Over in good order, or out of time. Heartbeats stop. */
  close(): void {
    // Whether the coordinator can be reached is then a matter of the next join.
    this.#options.trouble.over(COORDINATOR);
    this.#leaving.abort();
    this.#over.abort();
  }

  /**
   * Heartbeats until the session is over. One that was not heard of for the session timeout is lost: the
   * coordinator has given the partitions to others, even if it cannot tell us.
   *
   * @throws {UserError} where the rights on the group were taken away.
   */
  async keepAlive(): Promise<void> {
    const { heartbeatMs, sessionTimeoutMs, trouble } = this.#options;
    let regularMs = Math.min(FIRST_HEARTBEAT_MS, heartbeatMs);
    let pauseMs = regularMs;
    for (;;) {
      await sleep(pauseMs, this.signal);
      if (this.signal.aborted) return;
      if (performance.now() - this.#lastAliveMs > sessionTimeoutMs) return this.lose("SESSION_TIMEOUT");
      const sentMs = performance.now();
      const { kind, code } = await sendHeartbeat(this.#coordinator, this);
      if (this.signal.aborted) return;
      log.debug("Heartbeat in generation {generation}: {code}", { generation: this.generation, code });
      if (kind === "unknown") trouble.failed(COORDINATOR, code);
      else trouble.over(COORDINATOR);
      if (kind === "over") return this.lose(code);
      if (kind === "rebalance") this.rebalance(code);
      if (kind !== "unknown") this.#lastAliveMs = sentMs;
      regularMs = Math.min(regularMs * 2, heartbeatMs);
      pauseMs = kind === "unknown" ? Math.min(HEARTBEAT_RETRY_MS, heartbeatMs) : regularMs;
    }
  }
}
