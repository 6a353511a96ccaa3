/** What the start of a session does with one partition: a pure decision over what the coordinator holds. */
import type { CommittedOffset, TopicPartition } from "../model.ts";
import { parseMetadata } from "./metadata.ts";

export interface PartitionPlan extends TopicPartition {
  /** The committed offset; undefined where the start policy decides. */
  readonly position: bigint | undefined;
  /**
   * Where the next file's range begins: before the position where the records in between made no row and stand in
   * no file yet. Undefined along with `position`.
   */
  readonly uncovered: bigint | undefined;
  /** Where the group's archive of the partition begins; undefined along with `position`, and where nobody has told. */
  readonly start: bigint | undefined;
  /** Checkpoints of our store that are committed, and published unless they are still prepared. */
  readonly publish: readonly string[];
  /** Checkpoints of other stores, to be carried in every commit for this partition. */
  readonly pending: ReadonlyMap<string, string>;
  /** Whether the offset must be committed with our metadata before the first fetch. */
  readonly commitFirst: boolean;
}

/** Steps 2 and 3 of a session's start for one partition; `store` is ours. */
export function planPartition(committed: CommittedOffset, store: string): PartitionPlan {
  const { topic, partition, offset } = committed;
  const metadata = offset === undefined ? undefined : parseMetadata(committed.metadata);
  if (metadata === undefined) {
    return {
      topic,
      partition,
      position: offset,
      uncovered: offset,
      start: offset,
      publish: [],
      pending: new Map(),
      commitFirst: true,
    };
  }
  const publish: string[] = [];
  const pending = new Map(metadata.pending);
  const ours = pending.get(store);
  if (ours !== undefined) publish.push(ours);
  pending.delete(store);
  if (metadata.checkpoint !== undefined) {
    if (metadata.store === store) publish.push(metadata.checkpoint);
    else pending.set(metadata.store, metadata.checkpoint);
  }
  const covered = metadata.checkpoint !== undefined || metadata.first > offset!;
  return {
    topic,
    partition,
    position: offset!,
    uncovered: covered ? offset! : metadata.first,
    start: metadata.start,
    publish,
    pending,
    commitFirst: false,
  };
}
