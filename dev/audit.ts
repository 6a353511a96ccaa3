/**
 * `deno task audit`: asks npm's registry for what is known to be wrong with the packages in the binary, through
 * `npm audit` and a lock file made from Deno's.
 *
 * Exit code 1 where there is a finding of severity high or critical. A registry that answers no such questions, as
 * many mirrors do, is told of and ends with 0: it says nothing about the packages, and nobody behind such a mirror
 * could ever pass. Where somebody must know, `--required` makes it 1.
 */
import { parseArgs } from "node:util";

import manifest from "../deno.json" with { type: "json" };
import { materialsOf } from "./compile/materials.ts";
import type { Material } from "./compile/bill.ts";
import { packagesOf } from "./compile/packages.ts";
import { exitCodeOf } from "./flags.ts";
import { ExitCode, messageOf } from "../src/errors.ts";

const ROOT = new URL("..", import.meta.url).pathname;
/** As npm orders them. */
const SEVERITIES = ["info", "low", "moderate", "high", "critical"];
const FAILS_FROM = SEVERITIES.indexOf("high");

/** What `npm audit --json` says, as far as it is needed here. */
interface Answer {
  readonly vulnerabilities?: Readonly<Record<string, Vulnerability>>;
  /** In place of all else: why there is no answer. */
  readonly message?: string;
}

interface Vulnerability {
  readonly name: string;
  readonly severity: string;
  /** Advisories; the name of another package where the fault is its. */
  readonly via: readonly (string | { readonly title: string; readonly url: string })[];
}

async function main(args: readonly string[]): Promise<ExitCode> {
  const { values } = parseArgs({
    args: [...args],
    options: { required: { type: "boolean", default: false } },
  });
  const { shipped } = await packagesOf(ROOT, ["main.ts", ...manifest.compile.include]);
  const answer = await ask(await materialsOf(shipped, { lockFile: `${ROOT}/deno.lock` }));
  if (answer.vulnerabilities === undefined) {
    console.error(`NOT AUDITED: npm's registry does not say: ${answer.message ?? "no reason given"}`);
    return values.required ? ExitCode.failure : ExitCode.ok;
  }
  const found = Object.values(answer.vulnerabilities);
  for (const one of found) console.error(lineOf(one));
  const bad = found.filter(({ severity }) => SEVERITIES.indexOf(severity) >= FAILS_FROM);
  console.error(
    `${shipped.length} packages, ${found.length} with findings, ${bad.length} of them high or critical`,
  );
  return bad.length === 0 ? ExitCode.ok : ExitCode.failure;
}

function lineOf({ name, severity, via }: Vulnerability): string {
  const why = via.map((one) => typeof one === "string" ? `through ${one}` : `${one.title} (${one.url})`);
  return `${severity}: ${name}: ${why.join("; ")}`;
}

async function ask(materials: readonly Material[]): Promise<Answer> {
  const folder = await Deno.makeTempDir({ prefix: "kafka2parquet-audit-" });
  try {
    const { project, lock } = npmFiles(materials);
    await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify(project));
    await Deno.writeTextFile(`${folder}/package-lock.json`, JSON.stringify(lock));
    const { stdout, stderr } = await new Deno.Command("npm", {
      args: ["audit", "--json", "--package-lock-only"],
      cwd: folder,
    }).output();
    const text = new TextDecoder();
    try {
      return JSON.parse(text.decode(stdout)) as Answer;
    } catch {
      return { message: text.decode(stderr).trim() };
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A project that depends on each of the packages directly; a second version of one goes by another name. */
function npmFiles(materials: readonly Material[]) {
  const project = {
    name: "kafka2parquet",
    version: manifest.version,
    dependencies: {} as Record<string, string>,
  };
  const packages: Record<string, unknown> = { "": project };
  for (const { name, version, integrity } of materials) {
    const isSecond = name in project.dependencies;
    const alias = isSecond ? `${name}-${version}` : name;
    project.dependencies[alias] = isSecond ? `npm:${name}@${version}` : version;
    packages[`node_modules/${alias}`] = { name, version, integrity };
  }
  return { project, lock: { ...project, lockfileVersion: 3, requires: true, packages } };
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    console.error(`error: ${messageOf(error)}`);
    Deno.exit(exitCodeOf(error));
  }
}
