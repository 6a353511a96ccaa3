/**
 * The image of the Dockerfile without a container engine: the file system of its base from the same Debian packages,
 * and in it the binary, as an engine would start it with `--read-only --cap-drop ALL
 * --security-opt no-new-privileges`.
 */
import { cached } from "../../dev/download.ts";
import { type Program, runCommand } from "./program.ts";
import { run } from "./python.ts";
import { tempDir } from "./temp.ts";
import { waitFor } from "./wait.ts";

/** What distroless takes for `cc-debian12`. */
const PACKAGES = [
  ...["base-files", "ca-certificates", "media-types", "netbase", "tzdata"],
  ...["libc6", "libssl3", "gcc-12-base", "libgcc-s1", "libgomp1", "libstdc++6"],
];
/** A file system made in another way is another one. */
const RECIPE = 1;
const USER = 65532;
const BINARY = "/usr/local/bin/kafka2parquet";
/** What the base image sets. */
const ENVIRONMENT = [
  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
  "HOME=/home/nonroot",
];

/**
 * Two namespaces of processes: who makes the inner one is 1 in the outer one, and dies with us, which ends them all.
 * The program itself could not: the kernel forgets whose death is to be its own where it changes its user.
 */
const NAMESPACES = [
  ...["unshare", "--pid", "--fork", "--kill-child"],
  ...["unshare", "--mount", "--pid", "--fork"],
];

/** Mounts, then becomes the program: nothing of it is left but its process id, which is 1. */
const START = `
set -eu
base=$1 root=$2 volume=$3 binary=$4 user=$5
shift 5
mount --bind "$base" "$root"
mount -o remount,bind,ro "$root"
mount --bind "$volume" "$root/archive/parquet_data"
mount --bind "$binary" "$root${BINARY}"
mount -o remount,bind,ro "$root${BINARY}"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid \\
  unshare --root "$root" --wd /archive --setgid "$user" --setuid "$user" ${BINARY} "$@"
`;

export interface ImageVolume extends AsyncDisposable {
  /** From outside; inside it is `/archive/parquet_data`. */
  readonly path: string;
  /** Starts the image with `args` behind its entry point. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Container>;
}

export interface Container extends AsyncDisposable {
  readonly program: Program;
  /** Of the program, which is 1 inside. */
  readonly pid: number;
  /** Sends a signal to the program, as `docker kill --signal` does. */
  signal(signal: Deno.Signal): void;
  /** Runs the binary with `args` beside the program, as an engine runs a health check. */
  exec(args: readonly string[]): Program;
}

/**
 * Why the image cannot be tried here, if so.
 *
 * @throws {Error} with the same where `CI` is set.
 */
export async function cannotRunImage(): Promise<string | undefined> {
  const reason = await findReason();
  if (reason !== undefined && Deno.env.get("CI")) throw new Error(`The image cannot be tried: ${reason}`);
  return reason;
}

async function findReason(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "it needs Linux";
  const release = await Deno.readTextFile("/etc/os-release").catch(() => "");
  if (!/^ID=debian$/m.test(release) || !/^VERSION_ID="12"$/m.test(release)) {
    return "it needs Debian 12's packages";
  }
  if (Deno.uid() !== 0) return "mounting its file system needs root";
  const { success, stderr } = await new Deno.Command("unshare", {
    args: ["--mount", "--pid", "--fork", "true"],
  }).output();
  return success ? undefined : `there are no namespaces: ${new TextDecoder().decode(stderr).trim()}`;
}

/** A new archive for the image, which belongs to its user. */
export async function imageVolume(binary: string): Promise<ImageVolume> {
  const base = await baseFileSystem();
  const folder = await tempDir();
  const [root, path] = [`${folder.path}/root`, `${folder.path}/volume`];
  for (const made of [root, path]) await Deno.mkdir(made);
  await Deno.chown(path, USER, USER);
  // Test folders are private to root.
  await Deno.chmod(folder.path, 0o755);
  return {
    path,
    async start(args, env = {}) {
      const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      const alone = ["env", "-i", ...ENVIRONMENT, ...variables];
      const program = runCommand([
        ...NAMESPACES,
        ...alone,
        ...["sh", "-c", START, "sh", base, root, path, await Deno.realPath(binary), `${USER}`, ...args],
      ]);
      const pid = await innerProcess(program);
      return {
        program,
        pid,
        signal: (signal) => Deno.kill(pid, signal),
        exec: (args) =>
          runCommand([
            ...alone,
            ...["nsenter", "--target", `${pid}`, "--mount", "--pid", "--root", "--wd"],
            ...["--setgid", `${USER}`, "--setuid", `${USER}`, BINARY, ...args],
          ]),
        [Symbol.asyncDispose]: () => program.kill(),
      };
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** The program's process: 1 in the inner namespace, whose maker is 1 in the outer one. */
function innerProcess({ pid }: Program): Promise<number> {
  return waitFor(async () => {
    const outer = await firstIn(pid);
    return outer && await firstIn(outer);
  }, { what: "the container's process", everyMs: 5 });
}

/** The child that is process 1 in a namespace of its own. */
async function firstIn(parent: number): Promise<number | undefined> {
  const read = (path: string) => Deno.readTextFile(path).catch(() => "");
  for (const child of (await read(`/proc/${parent}/task/${parent}/children`)).split(" ")) {
    if (/^NSpid:.*\t1$/m.test(await read(`/proc/${child}/status`))) return Number(child);
  }
}

/** The base image's file system, with the places at which binary and volume are mounted. */
function baseFileSystem(): Promise<string> {
  return cached(`distroless-cc-debian12-${RECIPE}`, {
    what: `${PACKAGES.length} packages (6 MB) of Debian 12`,
    async fill(folder) {
      await using downloads = await tempDir();
      // What apt has run as a user of its own must be able to write here.
      await Deno.chmod(downloads.path, 0o777);
      await run(["sh", "-ec", `cd ${downloads.path} && apt-get -q download ${PACKAGES.join(" ")}`]);
      await run([
        "sh",
        "-ec",
        `for one in ${downloads.path}/*.deb; do dpkg-deb --extract "$one" ${folder}; done`,
      ]);
      await run([
        "sh",
        "-ec",
        `cd ${folder} && cat usr/share/ca-certificates/mozilla/*.crt >etc/ssl/certs/ca-certificates.crt`,
      ]);
      const users = [["root", 0, "/root"], ["nobody", 65534, "/nonexistent"], [
        "nonroot",
        USER,
        "/home/nonroot",
      ]] as const;
      await Deno.writeTextFile(
        `${folder}/etc/passwd`,
        users.map(([name, id, home]) => `${name}:x:${id}:${id}:${name}:${home}:/sbin/nologin\n`).join(""),
      );
      await Deno.writeTextFile(
        `${folder}/etc/group`,
        users.map(([name, id]) => `${name}:x:${id}:\n`).join(""),
      );
      for (const made of ["home/nonroot", "archive/parquet_data", "usr/local/bin"]) {
        await Deno.mkdir(`${folder}/${made}`, { recursive: true });
      }
      await Deno.writeTextFile(`${folder}${BINARY}`, "");
      await Deno.chmod(folder, 0o755);
    },
  });
}
