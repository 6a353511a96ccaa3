/** A local folder as it is, before anything is archived into it: what it holds, and whether it would do. */
import { dirname, join } from "node:path";
import { statfs } from "node:fs/promises";
import { publishedFiles, readIfThere, removeIfThere, statIfThere, syncFolder } from "./files.ts";
import type { LocalSinkOptions } from "./local.ts";
import { HOME, homeOf, markOf, readStart, startOf, told } from "./place.ts";
import type { Sink } from "./sink.ts";
import { ALSO_INTO_FLAG, OUTPUT_FLAG, tryLink, usable } from "./try_folder.ts";

/** What an archive says of itself, read without making or changing anything. */
export type SinkLook = Pick<Sink, "holds" | "files" | "firstPartitions">;

/** Failure throws a SinkError. */
export function lookInto({ output, alsoInto = [], ...of }: LocalSinkOptions): SinkLook {
  const { home } = homeOf(output, of);
  return {
    holds: (topic) => told(output, async () => await statIfThere(markOf(home, topic)) !== undefined),
    firstPartitions: (topic, count) =>
      told(output, async () => {
        const path = startOf(home, topic);
        const text = await readIfThere(path);
        return text === undefined ? count : readStart(path, text.trim());
      }),
    files: () => publishedFiles([output, ...alsoInto], HOME),
  };
}

/** A folder that was tried out. */
export interface Trial {
  /** As it was asked for. */
  readonly folder: string;
  /** Where it was tried: the folder itself, or the nearest one above it that is there. */
  readonly tried: string;
  /** Bytes that this user may still write; undefined where the system does not tell. */
  readonly freeBytes: number | undefined;
}

/**
 * Does in the folders what {@link LocalSink.open} and publishing do, with a file of one byte, and leaves nothing behind:
 * make a folder, write, sync, rename, link, remove. Where a folder is not there yet, the nearest one above it is tried.
 *
 * @throws UserError where one of them would not do.
 */
export function tryOut({ output, alsoInto = [], ...of }: LocalSinkOptions): Promise<Trial[]> {
  return usable(output, OUTPUT_FLAG, async () => {
    // Where this group's checkpoints are prepared is not the output folder itself, and may have another owner.
    const home = await nearestFolder(homeOf(output, of).home);
    const scratch = join(home, `.try-${crypto.randomUUID()}`);
    const trials: Trial[] = [];
    try {
      await Deno.mkdir(`${scratch}.new`);
      await Deno.rename(`${scratch}.new`, scratch);
      await syncFolder(home);
      for (const folder of [output, ...alsoInto]) {
        const tried = await usable(
          folder,
          folder === output ? OUTPUT_FLAG : ALSO_INTO_FLAG,
          () => nearestFolder(folder),
        );
        await tryLink(scratch, tried, output);
        trials.push({ folder, tried, freeBytes: await freeBytes(tried) });
      }
    } finally {
      for (const path of [scratch, `${scratch}.new`]) await removeIfThere(path, { recursive: true });
    }
    return trials;
  });
}

/** The folder, or the nearest one above it that is there. */
async function nearestFolder(path: string): Promise<string> {
  const there = await statIfThere(path);
  if (there === undefined) return await nearestFolder(dirname(path));
  if (!there.isDirectory) throw new Error(`${path} is no folder`);
  return path;
}

async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
