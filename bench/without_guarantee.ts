/**
 * A copy of this program that does what it does without being exactly once: nothing is synced, no manifest is written,
 * and neither footers nor commits say which records are whose. What the guarantee costs is measured against it.
 *
 * It is made by patches and not by a switch, so that the program itself cannot be run like that.
 */
import { fileURLToPath } from "node:url";
import { UserError } from "../src/errors.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** What a program that is run from source consists of. */
const PARTS = ["deno.json", "deno.lock", "main.ts", "src"];

interface Patch {
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly from: string;
  readonly to: string;
}

const PATCHES: readonly Patch[] = [
  { file: "src/sink/files.ts", from: "await file.sync();", to: "" },
  { file: "src/sink/files.ts", from: "await folder.sync();", to: "" },
  // Who publishes has to know what; here it hears it from who has prepared.
  {
    file: "src/sink/place.ts",
    from: 'const MANIFEST = "manifest.json";',
    to: 'const MANIFEST = "manifest.json"; export const manifests = new Map<string, string>();',
  },
  { file: "src/sink/local_preparation.ts", from: "{ isBelow, ", to: "{ isBelow, manifests, " },
  { file: "src/sink/local.ts", from: "  isBelow,", to: "  isBelow, manifests," },
  {
    file: "src/sink/local_preparation.ts",
    from: "await writeDurably(temporary, new TextEncoder().encode(text));",
    to: "manifests.set(folder, text);",
  },
  {
    file: "src/sink/local_preparation.ts",
    from: "await Deno.rename(temporary, join(folder, MANIFEST));",
    to: "",
  },
  {
    file: "src/sink/local.ts",
    from: "const manifest = parseManifest(await readIfThere(join(folder, MANIFEST)));",
    to: "const manifest = parseManifest(manifests.get(folder)); manifests.delete(folder);",
  },
  {
    file: "src/sink/local.ts",
    from: "repeat them go.\n      await removeIfThere(join(folder, MANIFEST));",
    to: "repeat them go.",
  },
  { file: "src/checkpoint/metadata.ts", from: "  const head = `k1 ", to: '  return ""; const head = `k1 ' },
  {
    file: "src/archiver/file_sealer.ts",
    from: "metadata: footerEntries({",
    to: "metadata: new Map(), unused: ({",
  },
];

/**
 * Copies the program into `folder` and patches it there.
 *
 * @returns the command that starts it.
 * @throws {UserError} where a patch does not fit the sources any more.
 */
export async function copyWithoutGuarantee(folder: string): Promise<readonly string[]> {
  for (const part of PARTS) await copy(`${ROOT}/${part}`, `${folder}/${part}`);
  for (const patch of PATCHES) await apply(folder, patch);
  return [Deno.execPath(), "run", "-A", `${folder}/main.ts`];
}

async function apply(folder: string, { file, from, to }: Patch): Promise<void> {
  const path = `${folder}/${file}`;
  const parts = (await Deno.readTextFile(path)).split(from);
  if (parts.length !== 2) {
    throw new UserError(
      `Cannot patch ${file}: ${JSON.stringify(from)} stands in it ${parts.length - 1} times`,
      {
        hint: "The sources have changed: adapt the patches in bench/without_guarantee.ts.",
      },
    );
  }
  await Deno.writeTextFile(path, parts.join(to));
}

async function copy(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}
