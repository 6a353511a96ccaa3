/**
 * What local sinks keep in their hidden folders, read from outside and without changing anything: the program may be
 * running, or the folder may be a copy on a disk that is read-only.
 */
import { dirname, join } from "node:path";
import { messageOf } from "../errors.ts";
import { readIfThere, statIfThere } from "./files.ts";
import { EXCHANGE_FOLDER, SOURCE } from "./exchange.ts";
import { type ExchangeManifest, parseExchange } from "./exchange_manifest.ts";
import { CHECKPOINT_FOLDER, EXCHANGES, HOME, MANIFEST, QUARANTINE, TOPICS } from "./place.ts";
import { parseManifest } from "./manifest.ts";
import type { PreparedCheckpoint } from "./sink.ts";
import { STORE } from "./store.ts";

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

/** An exchange of a dead-letter file that has not come to its end. */
export interface FoundExchange {
  /** The folder that holds its files. */
  readonly folder: string;
  /** What final names are relative to. */
  readonly output: string;
  /** Undefined where it was never prepared whole. */
  readonly manifest: ExchangeManifest | undefined;
  /** Whether its files stand in for the source, though not yet under their names. */
  readonly isCommitted: boolean;
}

/** What is there and cannot be read, and why. */
export interface Unreadable {
  readonly path: string;
  readonly reason: string;
}

export interface FoundHomes {
  readonly homes: readonly Home[];
  readonly exchanges: readonly FoundExchange[];
  /** What may be in there is not among the homes. */
  readonly unreadable: readonly Unreadable[];
}

/** The homes of all output folders at and below `folder`. */
export async function findHomes(folder: string): Promise<FoundHomes> {
  const reader = new HomeReader();
  const homes = await Array.fromAsync(reader.findIn(folder));
  return { homes, exchanges: reader.exchanges, unreadable: reader.unreadable };
}

/** Goes on where something cannot be read, and keeps in mind what that was. */
class HomeReader {
  readonly unreadable: Unreadable[] = [];
  readonly exchanges: FoundExchange[] = [];

  async *findIn(folder: string, depth = 0): AsyncGenerator<Home> {
    for (const name of await this.#foldersIn(folder)) {
      const path = join(folder, name);
      if (name === HOME) yield* this.#homesIn(path);
      else if (depth < FOLDER_DEPTH_MAX) yield* this.findIn(path, depth + 1);
    }
  }

  async *#homesIn(root: string): AsyncGenerator<Home> {
    const clusters = await this.#namedFoldersIn(root);
    await this.#findExchanges(root);
    const store = (await this.#try(join(root, STORE), readIfThere))?.trim();
    for (const { folder: ofCluster, name: cluster } of clusters) {
      if (cluster === EXCHANGES) continue;
      for (const { folder: home, name: group } of await this.#namedFoldersIn(ofCluster)) {
        const checkpoints = await this.#checkpointsIn(home, { isQuarantined: false });
        const topics = await this.#namesIn(join(home, TOPICS));
        yield {
          cluster,
          group,
          store,
          topics: topics.flatMap(({ name }) => decoded(name) ?? []).sort(),
          checkpoints: [
            ...checkpoints,
            ...await this.#checkpointsIn(join(home, QUARANTINE), { isQuarantined: true }),
          ],
        };
      }
    }
  }

  async #findExchanges(root: string): Promise<void> {
    for (const name of await this.#foldersIn(join(root, EXCHANGES))) {
      if (!EXCHANGE_FOLDER.test(name)) continue;
      const folder = join(root, EXCHANGES, name);
      const manifest = parseExchange(await this.#try(join(folder, MANIFEST), readIfThere));
      const isCommitted = await this.#try(join(folder, SOURCE), statIfThere) !== undefined;
      this.exchanges.push({
        folder,
        output: dirname(root),
        manifest: typeof manifest === "string" ? undefined : manifest,
        isCommitted,
      });
    }
  }

  async #checkpointsIn(
    parent: string,
    { isQuarantined }: { isQuarantined: boolean },
  ): Promise<FoundCheckpoint[]> {
    const found: FoundCheckpoint[] = [];
    for (const name of await this.#foldersIn(parent)) {
      const match = CHECKPOINT_FOLDER.exec(name);
      if (!match) continue;
      const folder = join(parent, name);
      const manifest = parseManifest(await this.#try(join(folder, MANIFEST), readIfThere));
      const stat = await this.#try(folder, statIfThere);
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

  /** The folders that stand for a cluster or group: ours always have names that can be decoded. */
  async #namedFoldersIn(parent: string): Promise<{ folder: string; name: string }[]> {
    return (await this.#foldersIn(parent)).flatMap((entry) => {
      const name = decoded(entry);
      return name === undefined ? [] : [{ folder: join(parent, entry), name }];
    });
  }

  async #foldersIn(folder: string): Promise<string[]> {
    return (await this.#namesIn(folder)).filter(({ isDirectory }) => isDirectory).map(({ name }) => name)
      .sort();
  }

  async #namesIn(folder: string): Promise<Deno.DirEntry[]> {
    return await this.#try(folder, readDirIfThere) ?? [];
  }

  /** What `read` gives; undefined where there is nothing, or nothing that can be read. */
  async #try<T>(path: string, read: (path: string) => Promise<T | undefined>): Promise<T | undefined> {
    try {
      return await read(path);
    } catch (error) {
      // Of what lies in a folder that cannot be read there is no more to say.
      const isTold = this.unreadable.some((one) => one.path === dirname(path));
      if (!isTold) this.unreadable.push({ path, reason: reasonOf(error) });
      return undefined;
    }
  }
}

async function readDirIfThere(folder: string): Promise<Deno.DirEntry[] | undefined> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The system's own words repeat the path. */
function reasonOf(error: unknown): string {
  const isDenied = error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
  return isDenied ? "permission denied" : messageOf(error);
}

/** Undefined where it is no name that was encoded. */
function decoded(name: string): string | undefined {
  try {
    return decodeURIComponent(name);
  } catch {
    return undefined;
  }
}
