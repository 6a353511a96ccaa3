/** Where in the archive rows of a topic belong. */
import { join } from "node:path";

/**
 * The folder of a topic's data files: its own, where it has one or others have; else the archive itself.
 *
 * One topic's files lie in the archive's folder, those of several in a folder each: what is there tells which it is.
 */
export async function dataFolderOf(output: string, topic: string): Promise<string> {
  const own = join(output, topic);
  let hasFolders = false;
  let hasFiles = false;
  for await (const { name, isDirectory, isFile } of Deno.readDir(output)) {
    if (isDirectory && name === topic) return own;
    if (isDirectory && !name.startsWith(".")) hasFolders = true;
    if (isFile && name.endsWith(".parquet")) hasFiles = true;
  }
  return hasFolders && !hasFiles ? own : output;
}
