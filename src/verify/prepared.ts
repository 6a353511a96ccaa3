/** Checkpoints that are not published: what they hold, and whether the group has committed them. */
import { type CommitMetadata, names } from "../checkpoint/mod.ts";
import { UserError } from "../errors.ts";
import type { PartitionRange } from "../model.ts";
import { readFooter } from "../parquet/mod.ts";
import type { FoundCheckpoint, Home, Manifest } from "../sink/mod.ts";
import { join } from "node:path";
import { type Finding, note } from "./findings.ts";

export interface Unpublished {
  readonly cluster: string;
  readonly group: string;
  readonly checkpoint: FoundCheckpoint;
  /** Undefined where it was never sealed, or its manifest cannot be read. */
  readonly manifest: Manifest | undefined;
  /** What its files account for. */
  readonly ranges: readonly (PartitionRange & { readonly start?: bigint | undefined })[];
}

export async function readUnpublished(homes: readonly Home[]): Promise<Unpublished[]> {
  const found: Unpublished[] = [];
  for (const { cluster, group, checkpoints } of homes) {
    for (const checkpoint of checkpoints) {
      const manifest = typeof checkpoint.manifest === "string" ? undefined : checkpoint.manifest;
      const ranges = manifest === undefined ? [] : await rangesOf(checkpoint.folder, manifest);
      found.push({ cluster, group, checkpoint, manifest, ranges });
    }
  }
  return found;
}

/**
 * From the footers: they may begin before the manifest's ranges, with records without rows that were committed alone.
 * A file that is gone is published meanwhile.
 */
async function rangesOf(folder: string, manifest: Manifest): Promise<Unpublished["ranges"]> {
  const ranges: Unpublished["ranges"][number][] = [...manifest.ranges];
  for (const { temporary } of manifest.files) {
    try {
      ranges.push(...(await readFooter(join(folder, temporary))).content?.ranges ?? []);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }
  return ranges;
}

/** Whether the group's offsets name a checkpoint; undefined where nobody was asked. */
export function isCommitted(
  { manifest }: Unpublished,
  metadataOf: (range: PartitionRange) => CommitMetadata | "none" | undefined,
): boolean | undefined {
  if (manifest === undefined) return undefined;
  const metadata = manifest.ranges.map(metadataOf);
  if (metadata.some((one) => typeof one === "object" && names(one, manifest.store, manifest.id))) return true;
  return metadata.includes(undefined) ? undefined : false;
}

export function describeUnpublished(of: Unpublished, committed: boolean | undefined): Finding {
  const { cluster, group, checkpoint, manifest, ranges } = of;
  const { ref, folder, isQuarantined } = checkpoint;
  const name = `checkpoint ${ref.id} of generation ${ref.generation}`;
  if (manifest === undefined) {
    const what = checkpoint.manifest === "none"
      ? "is being written, or was given up: the next start removes it, and its records come again"
      : "has a manifest that cannot be read";
    return note(isQuarantined ? "quarantine" : "prepared", {
      ...{ cluster, group, files: [folder] },
      text: `${name} ${what}`,
    });
  }
  const { topic } = manifest;
  const held = manifest.ranges.map(({ partition, first, next }) => `${partition} [${first}, ${next})`).join(
    ", ",
  );
  const state = isQuarantined
    ? "is in quarantine: nothing tells whether it was committed"
    : committed === undefined
    ? "is prepared, not published yet"
    : committed
    ? "is prepared and committed, not published yet: the next start publishes it"
    : "is prepared and not committed: its records come again, if nobody is about to commit it";
  return note(isQuarantined ? "quarantine" : "prepared", {
    ...{ cluster, group, topic, files: [folder] },
    text: `${name} ${state}: ${ranges.length === 0 ? "no offsets" : held}`,
  });
}
