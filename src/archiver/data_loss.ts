/** How long until Kafka deletes records that are not archived yet. Pure: what was seen, and when, are arguments. */
import type { Retention } from "../kafka/mod.ts";

/** Two looks at a partition must be so far apart to tell whether it moves. */
const TREND_MS_MIN = 4_000;
/** A loss so near, with so little of the retention left, is warned of. */
const WARN_SECONDS = 3_600;
const WARN_SHARE = 1 / 4;
/** A loss so near, with so little of the retention left, is told among the figures. */
const TELL_SECONDS = 24 * 3_600;
const TELL_SHARE = 1 / 2;

/** Where a partition stood at one moment; offsets as doubles. */
export interface Standing {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** The timestamp of the first record that is not committed, or one before it; undefined where none was seen. */
  readonly oldestMs: number | undefined;
  readonly committed: number;
  /** The first record that the broker holds. */
  readonly logStart: number;
  /** One past the last record. */
  readonly end: number;
}

/** A loss that comes if all goes on as it does. */
export interface Loss {
  /** Until the first record is deleted; 0 where that may be at any moment. */
  readonly seconds: number;
  /** How much of the retention is left, from 0 to 1. */
  readonly share: number;
  /** The topic's setting that deletes. */
  readonly by: "retention.ms" | "retention.bytes";
}

/** A loss that comes, and where. */
export interface LossAhead extends Loss {
  readonly topic: string;
  readonly partition: number;
  /** Records `[first, next)` are not committed. */
  readonly first: number;
  readonly next: number;
}

/**
 * The nearer of the losses by age and by size, or `undefined` where none is to be seen: the archiver keeps up or
 * catches up, nothing is ever deleted, or the partition was not looked at for long enough.
 *
 * Brokers delete whole segments, and look every few minutes: it may take longer, but not less.
 */
export function lossOf(history: readonly Standing[], retention: Retention): Loss | undefined {
  const first = history[0];
  const now = history.at(-1);
  if (first === undefined || now === undefined || now.atMs - first.atMs < TREND_MS_MIN) return undefined;
  if (now.committed >= now.end) return undefined;
  return nearer(byAge(first, now, retention.ms), bySize(first, now, retention.bytes));
}

/** The nearer one of two. */
export function nearer<L extends Loss>(one: L | undefined, other: L | undefined): L | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.seconds < one.seconds ? other : one;
}

export function isUrgent({ seconds, share }: Loss): boolean {
  return seconds < WARN_SECONDS && share < WARN_SHARE;
}

export function isWorthTelling({ seconds, share }: Loss): boolean {
  return seconds < TELL_SECONDS && share < TELL_SHARE;
}

/** The first record that is not committed gets older by the difference between the clock and its timestamps. */
function byAge(first: Standing, now: Standing, retentionMs: number | undefined): Loss | undefined {
  if (retentionMs === undefined || now.oldestMs === undefined || first.oldestMs === undefined) {
    return undefined;
  }
  const elapsedMs = now.atMs - first.atMs;
  const agingMs = elapsedMs - (now.oldestMs - first.oldestMs);
  if (agingMs <= 0) return undefined;
  const leftMs = Math.max(0, now.oldestMs + retentionMs - now.atMs);
  return {
    seconds: leftMs * elapsedMs / agingMs / 1_000,
    share: retentionMs === 0 ? 0 : leftMs / retentionMs,
    by: "retention.ms",
  };
}

/**
 * A broker that has deleted records before holds as much as it may: its log then loses at the start what it gains at
 * the end. Where it has deleted none yet, how much room there is left is not known.
 */
function bySize(first: Standing, now: Standing, retentionBytes: number | undefined): Loss | undefined {
  if (retentionBytes === undefined || now.logStart <= 0) return undefined;
  const elapsedMs = now.atMs - first.atMs;
  const deleted = Math.max(now.logStart - first.logStart, now.end - first.end);
  const approach = deleted - (now.committed - first.committed);
  if (approach <= 0) return undefined;
  const left = Math.max(0, now.committed - now.logStart);
  return {
    seconds: left * elapsedMs / approach / 1_000,
    share: left / Math.max(1, now.end - now.logStart),
    by: "retention.bytes",
  };
}
