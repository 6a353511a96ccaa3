/**
 * A small disk that a test can fill, make read-only and take away: a tmpfs in a mount namespace of its own, which
 * nobody else sees and which ends with the test.
 */
import { type Program, programCommand, type ProgramOptions, runCommand } from "./program.ts";
import { ROOT } from "./paths.ts";
import { tempDir } from "./temp.ts";

/** Without these, root is held up by the rights of folders like anybody else. */
const CAPABILITIES_DROPPED = "--bounding-set=-dac_override,-dac_read_search";

export interface TestDisk extends AsyncDisposable {
  /** Where programs that run on it find it. */
  readonly path: string;
  /** The same from outside. */
  outside(path: string): string;
  /** Starts `kafka2parquet ARGS` where the disk is. */
  runProgram(args: readonly string[], options?: ProgramOptions): Program;
  /** Runs a shell script where the disk is, as an administrator. @throws Error with what it said, where it fails. */
  sh(script: string): Promise<void>;
  /** Writes until nothing more goes in. */
  fill(): Promise<void>;
  /** Undoes {@link fill}. */
  free(): Promise<void>;
}

/** Set once it has been said that tests are skipped. */
const SKIP_VARIABLE = "K2P_TEST_SKIP_DISKS";

/**
 * Whether tests with a disk of their own are to be left out; says so, once. Where `CI` is set none is: they fail there,
 * with what the kernel says.
 */
export function withoutDisks(mountable: () => boolean = canMount): boolean {
  if (Deno.env.get("CI")) return false;
  if (Deno.env.get(SKIP_VARIABLE)) return true;
  if (mountable()) return false;
  console.error("Tests with small disks are skipped: the kernel allows no mount namespaces (unshare -Urm)");
  Deno.env.set(SKIP_VARIABLE, "1");
  return true;
}

/**
 * Whether the kernel lets this user make mount namespaces.
 *
 * @throws Error where the tools for it are missing on Linux (util-linux).
 */
function canMount(): boolean {
  if (Deno.build.os !== "linux") return false;
  for (const tool of ["unshare", "nsenter", "setpriv"]) {
    const { success } = new Deno.Command("sh", { args: ["-c", `command -v ${tool}`], stdout: "null" })
      .outputSync();
    if (!success) throw new Error(`${tool} is missing: install util-linux`);
  }
  const args = ["-Urm", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt"];
  return new Deno.Command("unshare", { args, stdout: "null", stderr: "null" }).outputSync().success;
}

export async function testDisk(options: { readonly sizeMiB: number }): Promise<TestDisk> {
  const folder = await tempDir();
  const path = `${folder.path}/disk`;
  await Deno.mkdir(path);
  const mounted = `mount -t tmpfs -o size=${options.sizeMiB}m none ${path} && echo mounted && exec sleep 600`;
  const holder = runCommand(["unshare", "-Urm", "sh", "-c", mounted], { limitMs: 600_000 });
  await holder.waitForLine(/^mounted$/);
  const entering = (wd: string) => [
    "nsenter",
    ...["-t", `${holder.pid}`, "-U", "-m", "--preserve-credentials", `-w${wd}`, "--"],
  ];
  const outside = (inner: string) => `/proc/${holder.pid}/root${inner}`;
  const filler = `${path}/filler`;
  return {
    path,
    outside,
    runProgram: (args, programOptions) =>
      runCommand(
        [...entering(ROOT), "setpriv", CAPABILITIES_DROPPED, ...programCommand(), ...args],
        programOptions,
      ),
    async sh(script) {
      const [command, ...args] = [...entering("/"), "sh", "-c", script];
      const { success, stderr } = await new Deno.Command(command!, { args }).output();
      if (!success) throw new Error(`${script}: ${new TextDecoder().decode(stderr)}`);
    },
    async fill() {
      using file = await Deno.open(outside(filler), { write: true, create: true, append: true });
      try {
        for (const size of [65_536, 4096, 1]) await writeUntilFull(file, size);
      } catch (error) {
        if ((error as { code?: string }).code !== "ENOSPC") throw error;
      }
    },
    free: () => Deno.remove(outside(filler)),
    async [Symbol.asyncDispose]() {
      await holder.kill();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function writeUntilFull(file: Deno.FsFile, size: number): Promise<void> {
  const bytes = new Uint8Array(size);
  try {
    for (;;) await file.write(bytes);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOSPC" || size === 1) throw error;
  }
}
