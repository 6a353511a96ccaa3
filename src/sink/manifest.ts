/** The manifest of a prepared checkpoint as JSON text. */
import type { Manifest } from "./sink.ts";

const FORMAT = 1;

export function formatManifest(manifest: Manifest): string {
  const ranges = manifest.ranges.map(({ partition, first, next }) => ({
    partition,
    first: first.toString(),
    next: next.toString(),
  }));
  return JSON.stringify({ format: FORMAT, ...manifest, ranges }, undefined, 1) + "\n";
}

/**
 * Reads {@link formatManifest} back. A manifest gets its name by a rename after fsync, so one that is there was
 * sealed: a text of another format (a newer version's) or a damaged one is "unreadable", never "none".
 */
export function parseManifest(text: string | undefined): Manifest | "none" | "unreadable" {
  if (text === undefined) return "none";
  try {
    const { format, ranges, ...rest } = JSON.parse(text) as StoredManifest;
    if (format !== FORMAT) return "unreadable";
    return {
      ...rest,
      ranges: ranges.map(({ partition, first, next }) => ({
        topic: rest.topic,
        partition,
        first: BigInt(first),
        next: BigInt(next),
      })),
    };
  } catch {
    return "unreadable";
  }
}

interface StoredManifest extends Omit<Manifest, "ranges"> {
  readonly format: number;
  readonly ranges: readonly { partition: number; first: string; next: string }[];
}
