/** The program as its users run it: a process of its own, from source or as the binary that `K2P_BINARY` names. */
import { type ExitStatus, type GuardedProcess, linesOf, startGuarded } from "../../dev/mod.ts";
import { ROOT } from "./paths.ts";

const LINE_DEADLINE_MS = 60_000;
const TAIL_LINES = 30;
/** A program that hangs must not hang all tests. */
const LIMIT_MS = 180_000;

export interface ProgramOptions {
  /** Added to our own environment. */
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** How long it may run at all, in milliseconds: 3 minutes by default. */
  readonly limitMs?: number;
}

export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** Lines so far. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /**
   * Settles when the program has ended and all its output has been read.
   *
   * It rejects, with the last lines, where the program had to be ended because it ran longer than its limit.
   */
  readonly exit: Promise<ExitStatus>;
  readonly ended: boolean;
  /**
   * The first line of either stream, past ones included, that matches.
   *
   * @throws {Error} with the last lines where the program ends or the deadline (60 s by default) passes before.
   */
  waitForLine(pattern: RegExp, options?: { readonly deadlineMs?: number }): Promise<RegExpExecArray>;
  signal(signal: Deno.Signal): void;
  /** SIGKILL, and waits until it has ended. */
  kill(): Promise<void>;
}

const running = new Set<RunningProgram>();

/** Starts `kafka2parquet ARGS`. `await using` ends it with its block; it never outlives the test process. */
export function runProgram(args: readonly string[], options: ProgramOptions = {}): Program {
  return runCommand([...programCommand(), ...args], options);
}

/** Starts any command in the same way. */
export function runCommand(command: readonly string[], options: ProgramOptions = {}): Program {
  const env = { KAFKA2PARQUET_HTTP: "off", NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...options.env };
  const guarded = startGuarded(command, { ...options, output: "piped", env });
  const program = new RunningProgram(guarded, options.limitMs ?? LIMIT_MS);
  running.add(program);
  return program;
}

/** Ends what a test has left running. */
export async function killPrograms(): Promise<void> {
  await Promise.all([...running].map((program) => program.kill()));
}

/** Whether a process of ours with this id is there. */
export function isAlive(pid: number): boolean {
  // The shell's own kill: the program of that name is not everywhere.
  return new Deno.Command("sh", { args: ["-c", `kill -0 ${pid}`], stderr: "null" }).outputSync().success;
}

export function programCommand(): string[] {
  const binary = Deno.env.get("K2P_BINARY");
  if (binary) return [binary];
  // Quiet: what Deno itself downloads is no message of the program.
  return [Deno.execPath(), "run", "-A", "--quiet", `${ROOT}/main.ts`];
}

interface Waiter {
  readonly pattern: RegExp;
  resolve(match: RegExpExecArray): void;
}

class RunningProgram implements Program {
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  readonly exit: Promise<ExitStatus>;
  readonly #process: GuardedProcess;
  readonly #lines: string[] = [];
  readonly #waiters = new Set<Waiter>();
  #ended = false;

  constructor(process: GuardedProcess, limitMs: number) {
    this.#process = process;
    this.exit = this.#follow(limitMs);
    // Not every test asks how the program has ended.
    this.exit.catch(() => {});
  }

  get pid(): number {
    return this.#process.pid;
  }

  get ended(): boolean {
    return this.#ended;
  }

  async waitForLine(
    pattern: RegExp,
    options: { readonly deadlineMs?: number } = {},
  ): Promise<RegExpExecArray> {
    for (const line of this.#lines) {
      const match = pattern.exec(line);
      if (match !== null) return match;
    }
    if (this.#ended) throw this.#noLine(pattern, "the program ended");
    const deadlineMs = options.deadlineMs ?? LINE_DEADLINE_MS;
    const found = Promise.withResolvers<RegExpExecArray>();
    const waiter: Waiter = { pattern, resolve: found.resolve };
    this.#waiters.add(waiter);
    const timer = setTimeout(
      () => found.reject(this.#noLine(pattern, `${deadlineMs} ms passed`)),
      deadlineMs,
    );
    this.exit.then(() => found.reject(this.#noLine(pattern, "the program ended")), found.reject);
    try {
      return await found.promise;
    } finally {
      clearTimeout(timer);
      this.#waiters.delete(waiter);
    }
  }

  signal(signal: Deno.Signal): void {
    this.#process.signal(signal);
  }

  async kill(): Promise<void> {
    await this.#process.kill();
    await this.exit.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #follow(limitMs: number): Promise<ExitStatus> {
    let overdue = false;
    const timer = setTimeout(() => {
      overdue = true;
      this.#process.signal("SIGKILL");
    }, limitMs);
    const [status] = await Promise.all([
      this.#process.exit,
      this.#collect(this.#process.stdout, this.stdout),
      this.#collect(this.#process.stderr, this.stderr),
    ]);
    clearTimeout(timer);
    this.#ended = true;
    running.delete(this);
    if (overdue) throw new Error(`The program was still running after ${limitMs} ms; ${this.#tail()}`);
    return status;
  }

  async #collect(stream: ReadableStream<Uint8Array>, lines: string[]): Promise<void> {
    for await (const line of linesOf(stream)) {
      lines.push(line);
      this.#lines.push(line);
      for (const waiter of this.#waiters) {
        const match = waiter.pattern.exec(line);
        if (match !== null) waiter.resolve(match);
      }
    }
  }

  #noLine(pattern: RegExp, why: string): Error {
    return new Error(`No line matched ${pattern} before ${why}; ${this.#tail()}`);
  }

  #tail(): string {
    return "its last lines:\n" + this.#lines.slice(-TAIL_LINES).map((line) => `  | ${line}`).join("\n");
  }
}
