/** What pipelines in other languages need, made once in the cache folder: a Python environment, a Rust program. */
import { fileURLToPath } from "node:url";
import { cacheFolder } from "../dev/download.ts";
import { startGuarded } from "../dev/mod.ts";

const REQUIREMENTS = fileURLToPath(new URL("python/requirements.txt", import.meta.url));
const CARGO_MANIFEST = fileURLToPath(new URL("rust/Cargo.toml", import.meta.url));
const HASH_DIGITS = 12;

/** The program to run, or why there is none. */
export type Toolchain = { readonly program: string } | { readonly missing: string };

/** A Python with the packages of `requirements.txt`, in an environment of its own. */
export async function pythonToolchain(): Promise<Toolchain> {
  if (!await runs(["python3", "-m", "venv", "--help"])) {
    return { missing: "python3 with its venv module is not installed" };
  }
  const folder = `${cacheFolder()}/bench-python-${await hashOf(REQUIREMENTS)}`;
  const python = `${folder}/bin/python`;
  const complete = `${folder}/complete`;
  if (await isFile(complete)) return { program: python };
  say("Installing the packages of bench/python/requirements.txt, once (about 100 MB)");
  const install = [
    python,
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "-r",
    REQUIREMENTS,
  ];
  if (!await succeeds(["python3", "-m", "venv", folder]) || !await succeeds(install)) {
    return { missing: "its Python packages could not be installed" };
  }
  await Deno.writeTextFile(complete, "");
  return { program: python };
}

/** The program of `rust/`, built with what Cargo.lock pins. */
export async function rustToolchain(): Promise<Toolchain> {
  if (!await runs(["cargo", "--version"])) return { missing: "cargo is not installed" };
  const target = `${cacheFolder()}/bench-rust`;
  say("Building bench/rust (about five minutes on two cores the first time)");
  const built = await succeeds([
    ...["cargo", "build", "--release", "--locked", "--quiet"],
    ...["--manifest-path", CARGO_MANIFEST, "--target-dir", target],
  ]);
  return built
    ? { program: `${target}/release/bench-rust` }
    : { missing: "cargo could not build bench/rust" };
}

/** Its own messages go where ours do. */
async function succeeds(command: readonly string[]): Promise<boolean> {
  return (await startGuarded(command).exit).code === 0;
}

async function runs([program, ...args]: readonly [string, ...string[]]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

async function hashOf(path: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(digest).toHex().slice(0, HASH_DIGITS);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

function say(line: string): void {
  console.error(`# ${line}`);
}
