/** The store's id: the file that tells whether a folder is still the one that the program has opened. */
import { dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import { readIfThere, removeIfThere, syncFolder, writeDurably } from "./files.ts";
import { SinkError } from "./problems.ts";

export const STORE = "store";

/** Reads the store's id in `root`, or makes it: then the archive is new. */
export async function makeStore(root: string): Promise<{ readonly store: string; readonly isNew: boolean }> {
  const path = join(root, STORE);
  const made = crypto.randomUUID().replaceAll("-", "");
  const store = await makeOnce(path, made);
  if (!/^[0-9a-f]{32}$/.test(store)) {
    throw new UserError(`${path} does not hold a store id but ${JSON.stringify(store.slice(0, 40))}`, {
      hint: "Restore the file from a backup, or move the archive's files to a new --output folder.",
    });
  }
  return { store, isNew: store === made };
}

/**
 * @throws SinkError where `root` is not what it was: the mount point of a disk that was taken away looks like a folder
 * in which nothing was ever prepared, and whoever believed that would take what is committed for published.
 */
export async function checkStore(root: string, store: string): Promise<void> {
  const found = (await readIfThere(join(root, STORE)))?.trim();
  if (found === store) return;
  const hint = "Mount its disk, or put the folder back, and the program goes on by itself. " +
    "To begin a new archive in what is there now, start the program again.";
  throw new SinkError(
    "gone",
    found === undefined
      ? `${dirname(root)} is gone, or another folder than before: it has no ${join(root, STORE)} any more`
      : `${dirname(root)} is another folder than before: ${join(root, STORE)} holds another id`,
    { hint },
  );
}

/** Makes a file of one line where it is not there; of several processes that do, one wins. @returns what it holds. */
export async function makeOnce(path: string, line: string): Promise<string> {
  if (await readIfThere(path) === undefined) {
    const temporary = `${path}.${crypto.randomUUID()}`;
    try {
      await writeDurably(temporary, new TextEncoder().encode(`${line}\n`));
      await Deno.link(temporary, path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    } finally {
      await removeIfThere(temporary);
    }
    await syncFolder(dirname(path));
  }
  return (await readIfThere(path) ?? "").trim();
}
