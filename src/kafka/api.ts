/** What the rest of the program sees of Kafka: sessions, outcomes and the handler's contract. */
import type { KafkaSecurity } from "../security.ts";
import type { Trouble } from "../trouble.ts";
import type { CommittedOffset, FetchedRecords, OffsetToCommit, TopicPartition } from "../model.ts";

export interface KafkaOptions {
  /** `host:port` of the bootstrap brokers. */
  readonly brokers: readonly string[];
  /** Plain text and no credentials by default. */
  readonly security?: KafkaSecurity;
  readonly clientId: string;
  readonly group: string;
  readonly topics: readonly string[];
  /** Without a heartbeat for this long the group takes a member for dead. 45 s by default. */
  readonly sessionTimeoutMs?: number;
  /** How long the group waits for its members to rejoin. 60 s by default. */
  readonly rebalanceTimeoutMs?: number;
  /** Between two heartbeats. 3 s by default, never above a third of the session timeout. */
  readonly heartbeatMs?: number;
  /** How long a broker may hold a fetch that has no data. 1 s by default. */
  readonly fetchWaitMs?: number;
  /** Bytes of one fetch response; a single larger record batch still comes whole. 8 MiB by default. */
  readonly fetchMaxBytes?: number;
  /** Bytes of one partition in a fetch response. 2 MiB by default. */
  readonly partitionMaxBytes?: number;
  /** How often the group's leader looks for new partitions. 30 s by default. */
  readonly metadataMaxAgeMs?: number;
  /** How long {@link KafkaClient.connect} waits for a broker. 60 s by default. */
  readonly startupTimeoutMs?: number;
  /** Where it is noted what cannot be reached. */
  readonly trouble?: Trouble;
}

/**
 * Where {@link KafkaClient.offsets} looks: `stable` is the end of what a reader of committed records may see, a time
 * (milliseconds since the epoch) the first record at or after it, or `stable` where there is none.
 */
export type OffsetPosition = "earliest" | "latest" | "stable" | { readonly atMs: number };

/** The offset of one partition. */
export interface PartitionOffset extends TopicPartition {
  readonly offset: bigint;
}

/** By what a topic's brokers delete its records; undefined where they never do so by that. */
export interface Retention {
  /** Milliseconds since the record's timestamp. */
  readonly ms: number | undefined;
  /** Size of one partition. */
  readonly bytes: number | undefined;
}

/** Why one partition of an offset commit was refused; `code` is Kafka's name of the error. */
export interface PartitionRefusal extends TopicPartition {
  readonly code: string;
}

/**
 * What became of one attempt to commit.
 *
 * - `committed`: the coordinator has stored all offsets.
 * - `session-over`: refused, or not sent: this generation or member has no say any more. An earlier attempt
 *   whose outcome was `retry` may still have been stored.
 * - `rebalance`: refused because the next generation is being formed; the session is as good as over.
 * - `retry`: the answer is unknown, or the coordinator is away; the same request may be sent again.
 * - `failed`: the coordinator stored `committed` and will never store `refused`.
 */
export type CommitOutcome =
  | { readonly kind: "committed" }
  | { readonly kind: "session-over" | "rebalance"; readonly code: string }
  | { readonly kind: "retry"; readonly code: string; readonly message: string }
  | {
    readonly kind: "failed";
    readonly refused: readonly PartitionRefusal[];
    readonly committed: readonly TopicPartition[];
  };

/** One generation of one membership, as captured when the group was joined. */
export interface Session {
  readonly generation: number;
  readonly memberId: string;
  readonly assignment: readonly TopicPartition[];
  /** Aborted when the session is over: nothing can be committed in it any more. */
  readonly signal: AbortSignal;
  /** Aborted when a rebalance or the end has begun, at the latest with `signal`: what waits should come to its end. */
  readonly leaving: AbortSignal;

  /**
   * Ends this session as a lost one, and joins anew under another member id. To be called once a commit that had no
   * answer was repeated: until the coordinator has forgotten this member, the first attempt may still arrive and take
   * the offsets back.
   */
  renew(): void;

  /**
   * What the coordinator holds for these partitions. Errors are retried while the session lives, never read as
   * "nothing was committed".
   *
   * @throws {SessionOverError} when the session ends before the coordinator has answered.
   * @throws {UserError} where the answer can never come, such as a lack of rights.
   */
  committed(partitions: readonly TopicPartition[]): Promise<CommittedOffset[]>;

  /** ONE attempt, with the generation and member id of this session. Never throws for an answer of the broker. */
  commit(offsets: readonly OffsetToCommit[]): Promise<CommitOutcome>;

  /**
   * Starts to fetch a partition of the assignment at this offset, or moves it there. Records that were fetched
   * before and not handed over yet are dropped. Resumes a paused partition.
   */
  fetchFrom(partition: TopicPartition, offset: bigint): void;

  /** After this returns, `records` is not called for the partition until {@link resume} or {@link fetchFrom}. */
  pause(partition: TopicPartition): void;

  /** Goes on where the partition was paused. */
  resume(partition: TopicPartition): void;
}

/** Why a partition is not fetched any more. */
export type FetchProblem =
  /** The position is outside of what the broker holds, `[logStart, logEnd]`. */
  | {
    readonly kind: "out-of-range";
    readonly position: bigint;
    readonly logStart: bigint;
    readonly logEnd: bigint;
  }
  /** The record batch that holds this offset is damaged: wrong checksum, or what it holds cannot be read. */
  | { readonly kind: "corrupt"; readonly offset: bigint; readonly reason: string }
  /** A compression codec or a message format that this program does not know. */
  | { readonly kind: "unsupported"; readonly offset: bigint; readonly reason: string }
  /** The topic or the partition does not exist any more. */
  | { readonly kind: "topic-gone" };

/**
 * What a member does with its sessions. Calls never overlap, with one exception: `lost` may follow at once on a
 * `revoked` that was cut short. An error that a call throws ends {@link GroupMember.run} with that error; a
 * {@link SessionOverError} in a session that is over does not.
 *
 * joined → (records | fetchFailed)* → revoked → joined … or → lost → joined …
 */
export interface MemberHandler {
  /** Awaited before anything is fetched; heartbeats go on. Starts partitions with `fetchFrom`, others later. */
  joined(session: Session): Promise<void>;

  /**
   * Records of one partition, in the order of offsets. While this runs, at most one more response per broker is
   * held. `fetched` may hold no record, but always moves the position forward.
   */
  records(session: Session, fetched: FetchedRecords): Promise<void>;

  /**
   * The group rebalances, or the member stops: the last chance to commit in this session. Heartbeats go on. For a
   * rebalance the session's signal aborts after half of the rebalance timeout; return soon after it.
   */
  revoked(session: Session, reason: "rebalance" | "stopping"): Promise<void>;

  /** The group has excluded this member: others may own its partitions already, nothing can be committed. */
  lost(session: Session): Promise<void>;

  /** The partition rests until `fetchFrom`. Where this is absent, the member ends with a {@link UserError}. */
  fetchFailed?(session: Session, partition: TopicPartition, problem: FetchProblem): Promise<void>;
}

/** A call needed a session that has ended. */
export class SessionOverError extends Error {
  override readonly name = "SessionOverError";
}
