/**
 * Child processes that never outlive us, not even when we are killed with SIGKILL.
 *
 * A small `sh` starts a watcher that reads a pipe from us and then becomes the program itself (`exec`), so
 * that the pid is the program's own. Where the pipe ends without a word, the watcher ends the program. The child
 * has a session of its own: a Ctrl-C on the terminal reaches us alone, and we decide who hears of it when.
 */

/** How long a program may take to end on SIGTERM before SIGKILL, in milliseconds. */
const STOP_GRACE_MS = 15_000;

/** The watcher's own grace for a program whose parent is gone, in seconds. */
const ORPHAN_GRACE_SECONDS = 10;

const GUARD_SCRIPT = `
log=$1; scratch=$2; shift 2
exec 3<&0
(
  if ! read -r _; then
    kill -TERM $$
    waited=0
    while [ $waited -lt ${ORPHAN_GRACE_SECONDS} ] && kill -0 $$; do sleep 1; waited=$((waited + 1)); done
    kill -KILL $$
    [ -z "$scratch" ] || rm -rf "$scratch"
  fi
) <&3 >/dev/null 2>&1 &
exec 3<&-
if [ -n "$log" ]; then exec "$@" </dev/null >>"$log" 2>&1; else exec "$@" </dev/null; fi
`;

export interface GuardOptions {
  /** Standard output and error are appended to this file. */
  readonly logFile?: string;
  /** What becomes of the output where there is no log file: `inherit` by default. */
  readonly output?: "inherit" | "piped";
  /** Added to our own environment. */
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** A folder that the watcher removes where we die before the program: nobody else could. */
  readonly scratchDir?: string;
}

export interface ExitStatus {
  /** The exit code; 128 and the signal's number where a signal ended it. */
  readonly code: number;
  readonly signal: Deno.Signal | null;
}

export class GuardedProcess {
  readonly pid: number;
  /** Settles when the program has ended. */
  readonly exit: Promise<ExitStatus>;
  readonly #child: Deno.ChildProcess;
  #ended = false;

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.pid = child.pid;
    this.exit = this.#watch();
  }

  /** Only where `output` is `piped`. */
  get stdout(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#child.stdout;
  }

  /** Only where `output` is `piped`. */
  get stderr(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#child.stderr;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Sends a signal; a program that has already ended gets none. */
  signal(signal: Deno.Signal): void {
    if (this.#ended) return;
    try {
      this.#child.kill(signal);
    } catch (error) {
      // Between its end and our hearing of it there is nobody to signal.
      if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
    }
  }

  /** SIGTERM, and SIGKILL where that does not end it within `graceMs`. */
  async stop(graceMs = STOP_GRACE_MS): Promise<ExitStatus> {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), graceMs);
    try {
      return await this.exit;
    } finally {
      clearTimeout(timer);
    }
  }

  /** SIGKILL, and waits until it has ended. */
  async kill(): Promise<ExitStatus> {
    this.signal("SIGKILL");
    return await this.exit;
  }

  async #watch(): Promise<ExitStatus> {
    const { code, signal } = await this.#child.status;
    this.#ended = true;
    await dismissWatcher(this.#child.stdin);
    return { code, signal };
  }
}

/**
 * Starts `command` (program and arguments) under guard.
 *
 * @throws {Deno.errors.NotFound} without a POSIX shell. A program that is missing ends with code 127.
 */
export function startGuarded(command: readonly string[], options: GuardOptions = {}): GuardedProcess {
  const output = options.logFile === undefined ? options.output ?? "inherit" : "null";
  const child = new Deno.Command("sh", {
    args: ["-c", GUARD_SCRIPT, "guard", options.logFile ?? "", options.scratchDir ?? "", ...command],
    stdin: "piped",
    stdout: output,
    stderr: output,
    detached: true,
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  }).spawn();
  return new GuardedProcess(child);
}

/** Tells the watcher that the program has ended: its pid may soon be somebody else's. */
async function dismissWatcher(stdin: WritableStream<Uint8Array>): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode("ended\n"));
    await writer.close();
  } catch {
    // The watcher has gone with the program: nothing is left to dismiss.
  }
}
