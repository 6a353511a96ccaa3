/** What the program keeps beside the visible files: nothing but its marks, once everything is settled. */
import { entriesOf } from "./footers.ts";

/** A checkpoint that is prepared, or was put aside. */
export interface KeptCheckpoint {
  readonly path: string;
  readonly where: "prepared" | "quarantine";
  /** Of its manifest; `undefined` where that is missing or cannot be read. */
  readonly ranges: readonly ManifestRange[] | undefined;
}

export interface ManifestRange {
  readonly topic: string;
  readonly partition: number;
  readonly first: bigint;
  readonly next: bigint;
}

export interface Home {
  readonly checkpoints: readonly KeptCheckpoint[];
  /** Paths of what was made on the way to something else, and forgotten there. */
  readonly strays: readonly string[];
}

const HOME = ".kafka2parquet";
const CHECKPOINT = /^\d+-[0-9a-f]{32}$/;
/** Names that are there to stay. */
const KEPT_FILE = /^store$/;
const KEPT_FOLDERS = ["topics", "starts"];

/** Looks through the home of an archive folder; only what belongs to these groups. */
export function readHome(archive: string, groups: readonly string[]): Home {
  const checkpoints: KeptCheckpoint[] = [];
  const strays: string[] = entriesOf(archive)
    .filter((entry) => entry.isFile && !entry.name.endsWith(".parquet"))
    .map((entry) => `${archive}/${entry.name}`);
  const root = `${archive}/${HOME}`;
  const names = groups.map(encodeURIComponent);
  for (const entry of entriesOf(root)) {
    if (entry.isFile) {
      if (!KEPT_FILE.test(entry.name)) strays.push(`${root}/${entry.name}`);
      continue;
    }
    for (const one of entriesOf(`${root}/${entry.name}`)) {
      if (names.includes(one.name)) readGroup(`${root}/${entry.name}/${one.name}`, { checkpoints, strays });
    }
  }
  return { checkpoints, strays };
}

function readGroup(folder: string, into: { checkpoints: KeptCheckpoint[]; strays: string[] }): void {
  for (const entry of entriesOf(folder)) {
    const path = `${folder}/${entry.name}`;
    if (CHECKPOINT.test(entry.name)) into.checkpoints.push(keptAt(path, "prepared"));
    else if (entry.name === "quarantine") {
      for (const one of entriesOf(path)) into.checkpoints.push(keptAt(`${path}/${one.name}`, "quarantine"));
    } else if (!KEPT_FOLDERS.includes(entry.name)) into.strays.push(path);
  }
}

function keptAt(path: string, where: KeptCheckpoint["where"]): KeptCheckpoint {
  return { path, where, ranges: readRanges(`${path}/manifest.json`) };
}

function readRanges(path: string): ManifestRange[] | undefined {
  try {
    const { topic, ranges } = JSON.parse(Deno.readTextFileSync(path)) as {
      topic: string;
      ranges: { partition: number; first: string; next: string }[];
    };
    return ranges.map(({ partition, first, next }) => ({
      topic,
      partition,
      first: BigInt(first),
      next: BigInt(next),
    }));
  } catch {
    // Missing, half removed or damaged: in any case it says nothing.
    return undefined;
  }
}
