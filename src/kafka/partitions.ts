/** The partitions that a session fetches: where each is, what was asked for, and what came. */
import type { FetchedRecords, TopicPartition } from "../model.ts";
import { AbortedFilter } from "./aborted.ts";
import type { FetchProblem } from "./api.ts";
import type { PartitionAnswer } from "./fetch_response.ts";
import { parseRecordSet } from "./record_batch.ts";

export interface PartitionState extends TopicPartition {
  position: bigint;
  /** Grows with each seek: what was fetched before it is dropped. */
  epoch: number;
  /** `resting` until `fetchFrom`: not started yet, or failed. */
  state: "resting" | "fetching" | "paused";
  leader: number | undefined;
  /** Since when the cluster says that it does not know the partition. */
  unknownSinceMs: number | undefined;
  /** Since when the broker has sent nothing although it says that it holds more, or when that was last said. */
  silentSinceMs: number | undefined;
}

/**
 * A broker that cannot read its own log, because the length of a batch is damaged, sends nothing for ever and calls it
 * no error. Without this line nobody would know why the partition stands still. Slow storage may take a while.
 */
const SILENT_TOO_LONG_MS = 30_000;

/** A partition in a request, with what it was asked for. */
export interface Asked {
  readonly state: PartitionState;
  readonly epoch: number;
  readonly position: bigint;
}

export type Item =
  & { readonly asked: Asked }
  & (
    | { readonly fetched: FetchedRecords }
    | { readonly problem: FetchProblem }
  );

export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

export function isCurrent({ state, epoch }: Asked): boolean {
  return state.epoch === epoch;
}

/** Judges an answer without records: whether it is time to say that the partition stands still. */
export function standsStill(
  state: Pick<PartitionState, "position" | "silentSinceMs">,
  options: { readonly lastStableOffset: bigint; readonly nowMs: number },
): boolean {
  const { lastStableOffset, nowMs } = options;
  if (lastStableOffset <= state.position) {
    state.silentSinceMs = undefined;
    return false;
  }
  state.silentSinceMs ??= nowMs;
  if (nowMs - state.silentSinceMs < SILENT_TOO_LONG_MS) return false;
  state.silentSinceMs = nowMs;
  return true;
}

/** Reads the records of one partition and moves its position. */
export function readRecords(answer: PartitionAnswer, asked: Asked, items: Item[]): void {
  const { topic, partition, highWatermark, lastStableOffset, logStartOffset } = answer;
  const { state, position } = asked;
  state.silentSinceMs = undefined;
  const { problem, nextOffset: next, ...records } = parseRecordSet(answer.records, {
    fetchedOffset: Number(position),
    aborted: new AbortedFilter(answer.aborted),
  });
  const nextOffset = BigInt(next);
  if (nextOffset > position) {
    state.position = nextOffset;
    items.push({
      asked,
      fetched: {
        topic,
        partition,
        fetchedOffset: position,
        nextOffset,
        highWatermark,
        lastStableOffset,
        logStartOffset,
        ...records,
      },
    });
  }
  if (problem === undefined) return;
  state.state = "resting";
  items.push({ asked, problem: { ...problem, offset: nextOffset } });
}

/** The asked partitions as a fetch request wants them. Their order decides who is served first. */
export function requestTopics(
  asked: readonly Asked[],
  maxBytes: number,
): { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[] {
  const topics: ReturnType<typeof requestTopics> = [];
  for (const { state: { topic, partition }, position } of asked) {
    const entry = { partition, fetchOffset: position.toString(), maxBytes };
    const last = topics.at(-1);
    // Only neighbours share an entry, or the order would be lost.
    if (last?.topic === topic) last.partitions.push(entry);
    else topics.push({ topic, partitions: [entry] });
  }
  return topics;
}
