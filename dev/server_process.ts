/** What Kafka and the registry have in common: a Java program with a log file that is waited for until it answers. */
import { ExitCode, messageOf, UserError } from "../src/errors.ts";
import { type ExitStatus, type GuardedProcess, startGuarded } from "./guard.ts";

const READY_POLL_MS = 100;
const LOG_TAIL_LINES = 15;

export interface ServerProcessOptions {
  /** For people: `Kafka 4.3.1`. */
  readonly name: string;
  readonly command: readonly string[];
  readonly logFile: string;
  /** Removed even where we are killed ourselves. */
  readonly scratchDir?: string | undefined;
  readonly readyTimeoutMs: number;
  /** One attempt to talk to the server; it throws while the server does not answer. */
  ready(): Promise<void>;
}

/** A server that can be started again with the same command. */
export class ServerProcess {
  readonly #options: ServerProcessOptions;
  #process: GuardedProcess | undefined;

  constructor(options: ServerProcessOptions) {
    this.#options = options;
  }

  /** @throws {Error} while the server is not running. */
  get pid(): number {
    if (this.#process === undefined) throw new Error(`${this.#options.name} is not running`);
    return this.#process.pid;
  }

  /** Starts the program without waiting for it to answer. */
  launch(): void {
    const { command, logFile, scratchDir } = this.#options;
    this.#process = startGuarded(command, { logFile, ...(scratchDir === undefined ? {} : { scratchDir }) });
  }

  /**
   * Waits until the server answers.
   *
   * @throws {UserError} with the last lines of the log where it ends before, or does not answer in time.
   */
  async untilReady(): Promise<void> {
    const { name, readyTimeoutMs, ready } = this.#options;
    const deadline = Date.now() + readyTimeoutMs;
    for (;;) {
      let problem: string;
      try {
        await ready();
        return;
      } catch (error) {
        problem = messageOf(error);
      }
      if (this.#process === undefined || this.#process.ended) {
        throw await this.#failure(`${name} ended while it was starting`);
      }
      if (Date.now() > deadline) {
        throw await this.#failure(`${name} did not answer within ${readyTimeoutMs / 1000} s (${problem})`);
      }
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
  }

  signal(signal: Deno.Signal): void {
    this.#process?.signal(signal);
  }

  /** Ends the program, and waits until it has ended. */
  async stop(): Promise<ExitStatus | undefined> {
    const process = this.#process;
    this.#process = undefined;
    return await process?.stop();
  }

  /** SIGKILL, and waits until the program has ended. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  async #failure(message: string): Promise<UserError> {
    const { logFile } = this.#options;
    const tail = await lastLines(logFile, LOG_TAIL_LINES);
    return new UserError(`${message}; the end of its log ${logFile}:\n${tail}`, {
      exitCode: ExitCode.unavailable,
    });
  }
}

/** The last lines of a text file; empty where there is no such file. */
export async function lastLines(path: string, count: number): Promise<string> {
  try {
    return (await Deno.readTextFile(path)).trimEnd().split("\n").slice(-count).join("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
