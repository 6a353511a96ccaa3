/** Files and folders that survive a power cut: the few calls that the local sink is made of. */
import { dirname, join } from "node:path";

/**
 * Writes a file and waits until the disk has it; `written` is called in between. An error leaves a file that must not
 * be used.
 */
export async function writeDurably(
  path: string,
  bytes: Uint8Array,
  written?: () => Promise<void> | undefined,
): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  for (let count = 0; count < bytes.length;) count += await file.write(bytes.subarray(count));
  await written?.();
  await file.sync();
}

/** Waits until the disk has the folder's entries. */
export async function syncFolder(path: string): Promise<void> {
  using folder = await Deno.open(path, { read: true });
  await folder.sync();
}

/** Inodes of folders by their paths, whose names the disk is known to have. Those of checkpoints are not in here. */
const durable = new Map<string, number>();
const DURABLE_MAX = 1000;

/**
 * Makes a folder with its parents, and waits until the disk has their names. That is asked for once also where the
 * folder is there: who has made it may have died, or failed, before the disk had its name. A folder named by `below`
 * is not made, nor what it lies in: where it is missing, its disk may be.
 */
export async function makeFolder(path: string, below?: string): Promise<void> {
  const there = await statIfThere(path);
  if (there?.isDirectory) return await keepName(path, there.ino, below);
  if (path === below) throw new Deno.errors.NotFound(`${path} is not there any more`);
  const parent = dirname(path);
  if (parent !== path) await makeFolder(parent, below);
  try {
    await Deno.mkdir(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists) || !(await statIfThere(path))?.isDirectory) throw error;
  }
  await syncFolder(parent);
}

/** Waits until the disk has the name of a folder that is there, and those of its parents up to `below`. */
async function keepName(path: string, ino: number | null, below: string | undefined): Promise<void> {
  const parent = dirname(path);
  if (path === below || parent === path || ino === null || durable.get(path) === ino) return;
  try {
    await makeFolder(parent, below);
    await syncFolder(parent);
  } catch (error) {
    // Who may not look into the parent has not made this folder, nor has another process of the same user.
    if (!(error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable)) {
      throw error;
    }
  }
  if (durable.size >= DURABLE_MAX) durable.clear();
  durable.set(path, ino);
}

export async function statIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

export async function removeIfThere(path: string, options: Deno.RemoveOptions = {}): Promise<void> {
  try {
    await Deno.remove(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The `.parquet` files below folders, each once: one of them may lie within another. */
export async function* publishedFiles(folders: readonly string[], except: string): AsyncGenerator<string> {
  const seen = new Set<string>();
  for (const folder of folders) {
    for await (const path of parquetFiles(folder, except)) {
      if (!seen.has(path)) yield path;
      seen.add(path);
    }
  }
}

/** The `.parquet` files below a folder, without what lies in folders of the name `except`. */
async function* parquetFiles(folder: string, except: string): AsyncGenerator<string> {
  if (await statIfThere(folder) === undefined) return;
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory && entry.name !== except) yield* parquetFiles(path, except);
    else if (entry.isFile && entry.name.endsWith(".parquet")) yield path;
  }
}
