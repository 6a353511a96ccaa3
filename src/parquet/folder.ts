/** The Parquet files of a folder, and work on several of them at once. */
import { join } from "node:path";
import { messageOf, UserError } from "../errors.ts";

const FOLDER_DEPTH_MAX = 64;

/** A file, or a folder that cannot be read. */
export interface FoundPath {
  readonly path: string;
  readonly error?: UserError;
}

/**
 * All `*.parquet` below a folder in the order of their names, hidden folders included, as `**` of other readers finds
 * them.
 */
export async function* parquetPaths(folder: string, depth = 0): AsyncGenerator<FoundPath> {
  let entries: Deno.DirEntry[];
  try {
    if (depth > FOLDER_DEPTH_MAX) throw new Error(`it is deeper than ${FOLDER_DEPTH_MAX} folders`);
    entries = await Array.fromAsync(Deno.readDir(folder));
  } catch (cause) {
    // A checkpoint's folder may go while it is published.
    if (depth > 0 && cause instanceof Deno.errors.NotFound) return;
    const error = new UserError(`Cannot read the folder ${folder}: ${messageOf(cause)}`, { cause });
    return yield { path: folder, error };
  }
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    const path = join(folder, name);
    if (isDirectory) yield* parquetPaths(path, depth + 1);
    else if (name.endsWith(".parquet")) yield { path };
  }
}

/**
 * What `begin` gives for each item, in their order; the next `atOnce` are begun while one is looked at. `begin` must
 * not reject. Where the caller stops early, `discard` gets what was begun.
 */
export async function* inOrder<A, B>(
  items: AsyncIterable<A>,
  options: {
    readonly begin: (item: A) => Promise<B>;
    readonly atOnce: number;
    readonly discard?: (of: B) => void;
  },
): AsyncGenerator<B> {
  const { begin, atOnce, discard } = options;
  const waiting: Promise<B>[] = [];
  try {
    for await (const item of items) {
      waiting.push(begin(item));
      if (waiting.length >= atOnce) yield await waiting.shift()!;
    }
    while (waiting.length > 0) yield await waiting.shift()!;
  } finally {
    for (const begun of await Promise.all(waiting)) discard?.(begun);
  }
}
