/** The consumer's output as it grows. Files of earlier runs may be there: only new ones count. */
import { rowCount } from "./preview.ts";

export class OutputFolder {
  readonly path: string;
  readonly #before = new Set<string>();

  constructor(path: string) {
    this.path = path;
  }

  /** What is there now is not new any more. */
  async forgetPresentFiles(): Promise<void> {
    for (const path of await parquetFiles(this.path)) this.#before.add(path);
  }

  /** Paths of files that have appeared since. */
  async newFiles(): Promise<string[]> {
    return (await parquetFiles(this.path)).filter((path) => !this.#before.has(path));
  }

  /** How many new files there are, and the rows in them. */
  async count(): Promise<{ files: number; rows: number }> {
    const paths = await this.newFiles();
    let rows = 0;
    for (const path of paths) rows += await rowCount(path);
    return { files: paths.length, rows };
  }
}

/** The paths of all `*.parquet` below a folder, hidden folders included, sorted; none where there is no folder. */
export async function parquetFiles(folder: string): Promise<string[]> {
  const paths: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) paths.push(...await parquetFiles(path));
      else if (entry.name.endsWith(".parquet")) paths.push(path);
    }
  } catch (error) {
    // The program makes and removes its working folders while we look.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return paths.sort();
}
