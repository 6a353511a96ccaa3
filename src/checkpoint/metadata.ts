/**
 * The metadata string of our offset commits, one line:
 *
 *     k1 <store> <checkpoint or -> <first> [@<start>] [<store>:<checkpoint> …]
 *
 * `first` is where the committed range begins, `start` where the group's archive of the partition does. The tail
 * carries checkpoints that other stores have committed for this partition and that we cannot see published.
 */

export interface CommitMetadata {
  readonly store: string;
  /** Undefined where the commit published nothing: an initial position, or records that made no row. */
  readonly checkpoint: string | undefined;
  readonly first: bigint;
  /**
   * The offset at which the group began; undefined where no commit of the partition has told, as one that was made by
   * other means may not.
   */
  readonly start: bigint | undefined;
  /** Checkpoint by store. */
  readonly pending: ReadonlyMap<string, string>;
}

/** Entries of 66 bytes in the tail: the line stays under 3 KB, the broker's limit being 4096 bytes by default. */
const PENDING_MAX = 44;
const ID = /^[0-9a-f]{32}$/;
const OFFSET = /^\d{1,19}$/;

/** @throws RangeError where more stores are pending than a metadata line holds. */
export function formatMetadata(metadata: CommitMetadata): string {
  if (metadata.pending.size > PENDING_MAX) {
    throw new RangeError(
      `${metadata.pending.size} other stores have checkpoints pending, more than the ${PENDING_MAX} that a commit holds`,
    );
  }
  const head = `k1 ${metadata.store} ${metadata.checkpoint ?? "-"} ${metadata.first}`;
  const start = metadata.start === undefined ? [] : [`@${metadata.start}`];
  return [head, ...start, ...[...metadata.pending].map(([store, checkpoint]) => `${store}:${checkpoint}`)]
    .join(" ");
}

/** @returns undefined for a metadata string that is not ours. */
export function parseMetadata(text: string): CommitMetadata | undefined {
  const [version, store, checkpoint, first, ...tail] = text.split(" ");
  if (version !== "k1" || !ID.test(store ?? "") || !OFFSET.test(first ?? "")) return undefined;
  if (checkpoint !== "-" && !ID.test(checkpoint ?? "")) return undefined;
  const start = tail[0]?.startsWith("@") ? tail.shift()!.slice(1) : undefined;
  if (start !== undefined && !OFFSET.test(start)) return undefined;
  const pending = new Map<string, string>();
  for (const entry of tail) {
    const [otherStore, otherCheckpoint, ...rest] = entry.split(":");
    if (!ID.test(otherStore ?? "") || !ID.test(otherCheckpoint ?? "") || rest.length > 0) return undefined;
    pending.set(otherStore!, otherCheckpoint!);
  }
  return {
    store: store!,
    checkpoint: checkpoint === "-" ? undefined : checkpoint!,
    first: BigInt(first!),
    start: start === undefined ? undefined : BigInt(start),
    pending,
  };
}

/** Whether a committed metadata string names this checkpoint of this store, as its own or as pending. */
export function names(metadata: CommitMetadata, store: string, checkpoint: string): boolean {
  return (metadata.store === store && metadata.checkpoint === checkpoint) ||
    metadata.pending.get(store) === checkpoint;
}
