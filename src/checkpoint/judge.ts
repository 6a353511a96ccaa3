/** The judge: what becomes of a checkpoint that is found prepared. A pure decision. */
import type { CommittedOffset, PartitionRange, TopicPartition } from "../model.ts";
import type { PreparedCheckpoint } from "../sink/mod.ts";
import { names, parseMetadata } from "./metadata.ts";

export interface JudgeFacts {
  /** The generation that we have joined. */
  readonly generation: number;
  /** What the coordinator holds for a partition, read after our join. */
  committed(at: TopicPartition): CommittedOffset | undefined;
  /** Whether a partition is assigned to us in this generation. */
  owns(at: TopicPartition): boolean;
}

export type Verdict =
  /** It is committed whole. */
  | { readonly kind: "publish" }
  /** It is committed in part, and these partitions of ours are to follow; then judge again. */
  | { readonly kind: "complete"; readonly ranges: readonly PartitionRange[] }
  /** It is committed in part, and the rest belongs to other members. */
  | { readonly kind: "wait" }
  /** It was never committed, and never can be. */
  | { readonly kind: "discard" }
  /** Its maker may be alive. */
  | { readonly kind: "leave" }
  | { readonly kind: "quarantine"; readonly why: string };

/** How long a checkpoint of a generation above ours may be somebody's work; the group was made again after that. */
const FOREIGN_GENERATION_AGE_MS = 60 * 60 * 1000;

export function judge(prepared: PreparedCheckpoint, facts: JudgeFacts): Verdict {
  const { ref, manifest } = prepared;
  const earlier = ref.generation < facts.generation;
  const abandoned = ref.generation > facts.generation && prepared.ageMs > FOREIGN_GENERATION_AGE_MS;
  if (manifest === "none") return { kind: earlier ? "discard" : "leave" };
  if (manifest === "unreadable") {
    return earlier ? { kind: "quarantine", why: "its manifest cannot be read" } : { kind: "leave" };
  }
  const committed = manifest.ranges.map((range) => facts.committed(range));
  // By the id of the store that has prepared it: the one of today is another where the file that holds it was lost.
  const metadata = committed.map((entry) =>
    entry?.offset === undefined ? undefined : parseMetadata(entry.metadata)
  );
  const named = metadata.map((entry) => entry !== undefined && names(entry, manifest.store, ref.id));
  if (named.includes(true)) {
    const behind = manifest.ranges.filter((range, index) =>
      !named[index] && committed[index]?.offset === range.first
    );
    if (behind.length === 0) return { kind: "publish" };
    const ours = behind.filter((range) => facts.owns(range));
    return ours.length > 0 ? { kind: "complete", ranges: ours } : { kind: "wait" };
  }
  if (abandoned) {
    return {
      kind: "quarantine",
      why: `its generation ${ref.generation} is above the group's ${facts.generation}`,
    };
  }
  // A commit that would have named it may have been replaced since: by another program's, or by the first of a group
  // that was deleted and began again behind it. Then today's offsets tell nothing of it, and its records may not come
  // again. No living peer's checkpoint is like that, in whatever generation: before it makes one, its partitions
  // carry our metadata, with a start that is not behind what it then reads.
  const replaced = manifest.ranges.find(({ first }, index) => {
    const entry = metadata[index];
    return entry === undefined || (entry.start !== undefined && entry.start > first);
  });
  if (replaced === undefined) return { kind: earlier ? "discard" : "leave" };
  return {
    kind: "quarantine",
    why: `the offset of ${replaced.topic}[${replaced.partition}] was deleted or set by others since, ` +
      "so nothing tells whether it was committed",
  };
}
