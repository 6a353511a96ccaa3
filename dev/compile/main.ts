/**
 * `deno task compile`: the binary in `dist/`, with its bill of materials, the licenses of what is in it, and the
 * hashes of all three. The same bytes wherever and whenever it is made from the same sources.
 *
 * `--target TARGET` compiles for another system, `--output DIR` writes elsewhere.
 */
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { billOfMaterials } from "./bill.ts";
import { DenoFailure, runDeno } from "./deno.ts";
import { licenseTexts, materialsOf } from "./materials.ts";
import { packagesOf } from "./packages.ts";
import { PERMISSIONS } from "./permissions.ts";
import { CompileProblem } from "./problem.ts";
import { checkRuntime, explainFailure, RUNTIME_VARIABLE } from "./runtime.ts";
import { makeStage } from "./stage.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NAME = "kafka2parquet";
const BILL = `${NAME}.cdx.json`;
const LICENSES = "THIRD_PARTY_LICENSES.txt";

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly compile: { readonly include: readonly string[] };
}

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { target: { type: "string" }, output: { type: "string", default: join(ROOT, "dist") } },
  });
  const runtime = Deno.env.get(RUNTIME_VARIABLE);
  if (runtime !== undefined) await checkRuntime(runtime);
  const manifest = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json"))) as Manifest;
  const info = JSON.parse(await runDeno(["info", "--json"], { cwd: ROOT })) as { readonly denoDir: string };
  const { locked, shipped } = await packagesOf(ROOT, ["main.ts", ...manifest.compile.include]);
  await using stage = await makeStage({
    root: ROOT,
    sources: ["deno.json", "deno.lock", "main.ts", "src"],
    packages: locked,
    denoDir: info.denoDir,
  });
  await Deno.mkdir(values.output, { recursive: true });
  const binary = join(values.output, binaryName(values.target));
  await runDeno([
    ...["compile", "--quiet", "--frozen", "--no-check", "--no-code-cache"],
    ...["--exclude-unused-npm", "--app-name", NAME, ...PERMISSIONS],
    ...(values.target === undefined ? [] : ["--target", values.target]),
    ...["--output", await Deno.realPath(values.output).then((folder) => join(folder, basename(binary)))],
    "main.ts",
  ], { cwd: stage.program, env: { DENO_DIR: stage.denoDir } });
  const materials = await materialsOf(shipped, { lockFile: join(ROOT, "deno.lock") });
  const bill = billOfMaterials({ ...manifest, denoVersion: Deno.version.deno, materials });
  await Deno.writeTextFile(join(values.output, BILL), `${JSON.stringify(bill, null, 2)}\n`);
  await Deno.writeTextFile(join(values.output, LICENSES), await licenseTexts(shipped));
  await writeHashes(values.output, [basename(binary), BILL, LICENSES]);
  console.error(`${binary}: ${((await Deno.stat(binary)).size / 1e6).toFixed(0)} MB`);
}

/** For this system `kafka2parquet`; for another one with the target behind it. */
function binaryName(target: string | undefined): string {
  if (target === undefined) return Deno.build.os === "windows" ? `${NAME}.exe` : NAME;
  return `${NAME}-${target}${target.includes("windows") ? ".exe" : ""}`;
}

/** `SHA256SUMS` of what was made, as `sha256sum --check` reads it: what else lies in the folder is not ours. */
async function writeHashes(folder: string, names: readonly string[]): Promise<void> {
  const lines = await Promise.all(
    [...names].sort().map(async (name) => {
      const hash = await crypto.subtle.digest("SHA-256", await Deno.readFile(join(folder, name)));
      return `${new Uint8Array(hash).toHex()}  ${name}\n`;
    }),
  );
  await Deno.writeTextFile(join(folder, "SHA256SUMS"), lines.join(""));
}

/** The problem of which an error tells, where it is one that is known. */
function problemOf(error: unknown): CompileProblem | undefined {
  if (error instanceof CompileProblem) return error;
  return error instanceof DenoFailure ? explainFailure(error.said) : undefined;
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    const problem = problemOf(error);
    console.error(`error: ${problem?.message ?? (error instanceof Error ? error.message : String(error))}`);
    if (problem !== undefined) console.error(`hint: ${problem.hint}`);
    Deno.exit(1);
  }
}
