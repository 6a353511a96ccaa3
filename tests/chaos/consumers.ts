/** The consumers of a chaos run: each has its place, and whatever ends it, another one is started there. */
import { type ExitStatus, type GuardedProcess, startGuarded } from "../../dev/mod.ts";
import { FAULT_POINTS } from "../../src/fault.ts";
import { sleep } from "../../src/wait.ts";
import { type Start, startOf } from "./schedule.ts";

export interface Place {
  readonly name: string;
  readonly group: string;
  readonly topic: string;
  /** As the program itself knows them. */
  readonly output: string;
  readonly deadLetter: string;
  /** The command that runs a command where those folders are. */
  enter(command: readonly string[]): readonly string[];
}

export interface ConsumerOptions {
  readonly seed: number;
  readonly slot: number;
  readonly place: Place;
  readonly brokers: string;
  readonly registry: string;
  /** The command that is the program. */
  readonly program: readonly string[];
  /** Whether it may signal itself: the binary may not. */
  readonly hasFaults: boolean;
  /** Standard output and error of all that runs here. */
  readonly logFile: string;
  /** Told of each end. */
  onEnd(end: ConsumerEnd): void;
}

export interface ConsumerEnd {
  readonly place: Place;
  readonly why: "killed" | "killed-at-arrow" | "left" | "failed" | "killed-by-others";
  readonly status: ExitStatus;
}

/** A member that leaves has this for its last checkpoint; then it is killed, which is a mistake of the program. */
const SHUTDOWN_TIMEOUT_S = 20;
const LEAVE_DEADLINE_MS = 60_000;
export const DRAIN_DEADLINE_MS = 180_000;

/** The program's command, without a fault. */
function commandOf(options: ConsumerOptions, flags: readonly string[]): readonly string[] {
  const { place, brokers, registry, program } = options;
  return place.enter([
    ...program,
    ...["--brokers", brokers, "--registry", registry, "--topic", place.topic, "--group", place.group],
    ...["--output", place.output, "--dead-letter", place.deadLetter, "--log-format", "text"],
    ...flags,
  ]);
}

export class Consumer {
  readonly #options: ConsumerOptions;
  #process: GuardedProcess | undefined;
  #starts = 0;
  #isClosing = false;
  #isKilled = false;
  #isStuck = false;
  #awayMs = 0;
  readonly #running: Promise<void>;
  readonly #closing = new AbortController();

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  get place(): Place {
    return this.#options.place;
  }

  get starts(): number {
    return this.#starts;
  }

  /** Whether it did not end on SIGTERM when it was asked to. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** SIGKILL. @returns false where nobody is there. */
  kill(): boolean {
    if (this.#process === undefined || this.#process.ended) return false;
    this.#isKilled = true;
    this.#process.signal("SIGKILL");
    return true;
  }

  leave(awayMs: number): void {
    this.#awayMs = awayMs;
    this.#process?.signal("SIGTERM");
    this.#limit(this.#process);
  }

  stop(forMs: number): void {
    const process = this.#process;
    process?.signal("SIGSTOP");
    setTimeout(() => process?.signal("SIGCONT"), forMs);
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#closing.abort();
    this.#process?.signal("SIGCONT");
    this.leave(0);
    await this.#running;
  }

  /** Runs once more, to the end of the topic as it is now. */
  async drain(): Promise<ExitStatus> {
    const process = this.#start(["--until-end"], { KAFKA2PARQUET_SESSION_TIMEOUT: "3s" });
    const timer = setTimeout(() => process.signal("SIGKILL"), DRAIN_DEADLINE_MS);
    try {
      return await process.exit;
    } finally {
      clearTimeout(timer);
    }
  }

  async #run(): Promise<void> {
    while (!this.#isClosing) {
      const start = startOf(this.#options.seed, {
        slot: this.#options.slot,
        index: this.#starts,
        points: FAULT_POINTS,
      });
      this.#isKilled = false;
      const process = this.#process = this.#start(flagsOf(start), this.#envOf(start));
      // A fault that stops the process by itself is followed by nobody: it is woken now and then.
      const waking = setInterval(() => process.signal("SIGCONT"), start.stoppedMs);
      if (start.fault?.what !== "SIGSTOP") clearInterval(waking);
      const status = await process.exit;
      clearInterval(waking);
      this.#options.onEnd({ place: this.place, why: this.#whyOf(status, start), status });
      await sleep(start.delayMs + this.#awayMs, this.#closing.signal);
      this.#awayMs = 0;
    }
  }

  #start(flags: readonly string[], env: Record<string, string>): GuardedProcess {
    this.#starts++;
    const said = `--- start ${this.#starts} ${flags.join(" ")} ${JSON.stringify(env)}\n`;
    Deno.writeTextFileSync(this.#options.logFile, said, { append: true, create: true });
    return startGuarded(commandOf(this.#options, flags), {
      logFile: this.#options.logFile,
      env: {
        NO_COLOR: "1",
        DENO_NO_UPDATE_CHECK: "1",
        // Several at once would fight for the default port.
        KAFKA2PARQUET_HTTP: "off",
        KAFKA2PARQUET_SHUTDOWN_TIMEOUT: `${SHUTDOWN_TIMEOUT_S}s`,
        ...env,
      },
    });
  }

  #envOf({ fault, sessionTimeoutMs }: Start): Record<string, string> {
    return {
      KAFKA2PARQUET_SESSION_TIMEOUT: `${sessionTimeoutMs}ms`,
      ...(fault === undefined || !this.#options.hasFaults
        ? {}
        : { K2P_FAULT: `${fault.point}:${fault.what}@${fault.passing}` }),
    };
  }

  #whyOf(status: ExitStatus, start: Start): ConsumerEnd["why"] {
    if (this.#isKilled) return "killed";
    if (status.signal === "SIGKILL") {
      return start.fault?.what === "SIGKILL" ? "killed-at-arrow" : "killed-by-others";
    }
    return status.code === 0 ? "left" : "failed";
  }

  /** Whoever does not end on SIGTERM is killed, and remembered. */
  #limit(process: GuardedProcess | undefined): void {
    if (process === undefined || process.ended) return;
    const timer = setTimeout(() => {
      if (process.ended) return;
      this.#isStuck = true;
      process.signal("SIGKILL");
    }, LEAVE_DEADLINE_MS);
    process.exit.then(() => clearTimeout(timer));
  }
}

function flagsOf(start: Start): string[] {
  const { rows, ageMs, workers } = start;
  return ["--rows", `${rows}`, "--age", `${ageMs}ms`, "--workers", `${workers}`];
}
