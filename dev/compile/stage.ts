/**
 * The folder from which the binary is compiled: the program and its packages alone, with nothing in it that says
 * where and when it was made. Deno embeds whole packages with the times of their files, and, where it takes a license
 * for a program, an error message with the file's path.
 */
import { dirname, join, relative } from "node:path";

import type { Package } from "./packages.ts";

/** What can be loaded. Types, sources, source maps and texts cannot. */
const LOADABLE = /\.(js|mjs|cjs|json|wasm|css)$/;
/** Loadable, large, and for browsers and bundlers only. */
const UNUSED = /(^|\/)(parquet-wasm\/[^/]+\/(bundler|esm)\/|apache-arrow\/[^/]+\/Arrow\.[^/]+\.min\.js$)/;
/** Every file is of this moment, in seconds since 1970: the start of 1980, before which ZIP knows no time. */
const FILE_TIME = 315_532_800;

export interface Stage extends AsyncDisposable {
  /** Holds deno.json, deno.lock and the program. */
  readonly program: string;
  /** Deno's cache, with the packages. */
  readonly denoDir: string;
}

export interface StageOptions {
  readonly root: string;
  /** Files and folders of the root. */
  readonly sources: readonly string[];
  readonly packages: readonly Package[];
  /** Deno's cache, in which the packages are. */
  readonly denoDir: string;
}

/** Disposing of it removes it. */
export async function makeStage({ root, sources, packages, denoDir }: StageOptions): Promise<Stage> {
  const folder = await Deno.makeTempDir({ prefix: "kafka2parquet-compile-" });
  const stage: Stage = {
    program: join(folder, "program"),
    denoDir: join(folder, "deno"),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
  await using stack = new AsyncDisposableStack();
  stack.use(stage);
  for (const source of sources) await copy(join(root, source), join(stage.program, source), () => true);
  for (const one of packages) {
    const to = join(stage.denoDir, relative(denoDir, one.folder));
    await copy(one.folder, to, isNeeded);
    await copyRegistryFile(one.folder, to);
  }
  // The runtimes that go into binaries: large, and not to be downloaded each time.
  await Deno.mkdir(join(denoDir, "dl"), { recursive: true });
  await Deno.symlink(join(denoDir, "dl"), join(stage.denoDir, "dl"));
  stack.move();
  return stage;
}

/** Whether a file of a package may be needed at run time; `path` holds package, version and the path in it. */
function isNeeded(path: string): boolean {
  return LOADABLE.test(path) && !UNUSED.test(path);
}

/** What the registry says of all versions of a package: not there for all, and asked for again where it is missing. */
async function copyRegistryFile(packageFolder: string, to: string): Promise<void> {
  try {
    await Deno.copyFile(join(dirname(packageFolder), "registry.json"), join(dirname(to), "registry.json"));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function copy(from: string, to: string, isWanted: (path: string) => boolean): Promise<void> {
  const { isDirectory } = await Deno.stat(from);
  if (isDirectory) {
    for await (const { name } of Deno.readDir(from)) await copy(join(from, name), join(to, name), isWanted);
  } else if (isWanted(from)) {
    await Deno.mkdir(dirname(to), { recursive: true });
    await Deno.copyFile(from, to);
    await Deno.chmod(to, 0o644);
    await Deno.utime(to, FILE_TIME, FILE_TIME);
  }
}
