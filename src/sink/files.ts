/** Files and folders that survive a power cut: the few calls that the local sink is made of. */
import { dirname } from "node:path";

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

/** Makes a folder with its parents, and waits until the disk has what was made. Nothing happens where it is there. */
export async function makeFolder(path: string): Promise<void> {
  if ((await statIfThere(path))?.isDirectory) return;
  const parent = dirname(path);
  if (parent !== path) await makeFolder(parent);
  try {
    await Deno.mkdir(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists) || !(await statIfThere(path))?.isDirectory) throw error;
  }
  await syncFolder(parent);
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
