/** A small disk that can be full: a tmpfs in a user namespace, where the system allows that to anybody. */
import { type GuardedProcess, startGuarded } from "../../dev/mod.ts";
import { exists, waitFor } from "../support/mod.ts";

const SIZE = "1g";
const SIZE_MIN_KB = 4;
const FILL_ATTEMPTS_MAX = 20;
const READY_DEADLINE_MS = 5_000;

/** The namespace lives as long as the process that holds it. */
const HOLD = `mount -t tmpfs -o size=${SIZE} none "$1" && touch "$1/.ready" && exec sleep 2147483647`;

export interface Disk extends AsyncDisposable {
  /** How those inside know it. */
  readonly inside: string;
  /** How it is reached from outside. */
  readonly outside: string;
  /** The command that runs `command` inside. */
  enter(command: readonly string[]): string[];
  /** Leaves not a byte of room, or gives it back. */
  setFull(isFull: boolean): Promise<void>;
  /**
   * Copies what it holds to the folder on which it is mounted, as that is seen from outside. The disk itself is gone
   * with its last process, so its end does the same.
   */
  copyOut(): Promise<void>;
}

/** Mounts a disk on an empty folder. @returns undefined where that is not allowed here. */
export async function mountDisk(folder: string): Promise<Disk | undefined> {
  await Deno.mkdir(folder, { recursive: true });
  const holder = startGuarded(
    ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", HOLD, "hold", folder],
    { logFile: `${folder}.log` },
  );
  const outside = `/proc/${holder.pid}/root${folder}`;
  try {
    await waitFor(() => holder.ended || exists(`${outside}/.ready`), {
      what: "the disk",
      deadlineMs: READY_DEADLINE_MS,
    });
  } catch {
    await holder.kill();
  }
  if (holder.ended) return undefined;
  await Deno.remove(`${outside}/.ready`);
  return new TmpfsDisk(folder, outside, holder);
}

class TmpfsDisk implements Disk {
  readonly inside: string;
  readonly outside: string;
  readonly #holder: GuardedProcess;

  constructor(inside: string, outside: string, holder: GuardedProcess) {
    this.inside = inside;
    this.outside = outside;
    this.#holder = holder;
  }

  enter(command: readonly string[]): string[] {
    const target = `--target=${this.#holder.pid}`;
    return ["nsenter", target, "--user", "--mount", "--preserve-credentials", ...command];
  }

  async setFull(isFull: boolean): Promise<void> {
    const resize = (size: string) => this.#run(["mount", "-o", `remount,size=${size}`, this.inside]);
    if (!isFull) return void await resize(SIZE);
    for (let attempt = 1;; attempt++) {
      try {
        // Size 0 would be no limit at all.
        return void await resize(`${Math.max(SIZE_MIN_KB, await this.#usedKb())}k`);
      } catch (error) {
        // Something was written meanwhile, and the size may not be less than what is used.
        if (attempt >= FILL_ATTEMPTS_MAX) throw error;
      }
    }
  }

  async copyOut(): Promise<void> {
    const { success, stderr } = await new Deno.Command("cp", {
      args: ["-a", `${this.outside}/.`, this.inside],
    }).output();
    if (!success) throw new Error(`Cannot copy ${this.outside}: ${new TextDecoder().decode(stderr)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.copyOut();
    } finally {
      await this.#holder.kill();
    }
  }

  async #usedKb(): Promise<number> {
    const lines = (await this.#run(["df", "-k", "--output=used", this.inside])).trim().split("\n");
    return Number(lines.at(-1));
  }

  async #run(command: readonly string[]): Promise<string> {
    const [program, ...args] = this.enter(command);
    const { success, stdout, stderr } = await new Deno.Command(program!, { args }).output();
    const text = new TextDecoder();
    if (!success) throw new Error(`${command.join(" ")}: ${text.decode(stderr)}`);
    return text.decode(stdout);
  }
}
