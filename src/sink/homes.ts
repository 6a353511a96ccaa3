/**
 * What local sinks keep in their hidden folders, read from outside and without changing anything: the program may be
 * running, or the folder may be a copy on a disk that is read-only.
 */
import { join } from "node:path";
import { readIfThere } from "./files.ts";
import { CHECKPOINT_FOLDER, HOME, MANIFEST, QUARANTINE, TOPICS } from "./local.ts";
import { statIfThere } from "./files.ts";
import { parseManifest } from "./manifest.ts";
import type { PreparedCheckpoint } from "./sink.ts";

/** Output folders within output folders. */
const FOLDER_DEPTH_MAX = 64;

/** A checkpoint that is not published. */
export interface FoundCheckpoint extends PreparedCheckpoint {
  /** The folder that holds its files. */
  readonly folder: string;
  readonly isQuarantined: boolean;
}

/** What one cluster and group have in one output folder. */
export interface Home {
  readonly cluster: string;
  readonly group: string;
  /** Undefined where its file is not there. */
  readonly store: string | undefined;
  /** Topics of which something was published. */
  readonly topics: readonly string[];
  readonly checkpoints: readonly FoundCheckpoint[];
}

/** The homes of all output folders at and below `folder`. */
export async function* findHomes(folder: string, depth = 0): AsyncGenerator<Home> {
  for (const name of await foldersIn(folder)) {
    const path = join(folder, name);
    if (name === HOME) yield* homesIn(path);
    else if (depth < FOLDER_DEPTH_MAX) yield* findHomes(path, depth + 1);
  }
}

async function* homesIn(root: string): AsyncGenerator<Home> {
  const store = (await readIfThere(join(root, "store")))?.trim();
  for (const cluster of await foldersIn(root)) {
    for (const group of await foldersIn(join(root, cluster))) {
      const home = join(root, cluster, group);
      yield {
        cluster: decodeURIComponent(cluster),
        group: decodeURIComponent(group),
        store,
        topics: (await namesIn(join(home, TOPICS))).map(({ name }) => decodeURIComponent(name)).sort(),
        checkpoints: [
          ...await checkpointsIn(home, { isQuarantined: false }),
          ...await checkpointsIn(join(home, QUARANTINE), { isQuarantined: true }),
        ],
      };
    }
  }
}

async function checkpointsIn(
  parent: string,
  { isQuarantined }: { isQuarantined: boolean },
): Promise<FoundCheckpoint[]> {
  const found: FoundCheckpoint[] = [];
  for (const name of await foldersIn(parent)) {
    const match = CHECKPOINT_FOLDER.exec(name);
    if (!match) continue;
    const folder = join(parent, name);
    const manifest = parseManifest(await readIfThere(join(folder, MANIFEST)));
    const stat = await statIfThere(folder);
    // Gone since the folder was listed: it is published now, or was discarded.
    if (stat === undefined) continue;
    found.push({
      ref: { generation: Number(match[1]), id: match[2]! },
      manifest,
      ageMs: Date.now() - (stat.mtime?.getTime() ?? 0),
      folder,
      isQuarantined,
    });
  }
  return found;
}

async function foldersIn(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort();
}

/** Of a folder that may be gone. */
async function namesIn(folder: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
