/**
 * The main thread's only work: it starts the archiver in a worker, hears its logs and progress, turns signals into
 * an orderly end, and notices when the worker dies or hangs.
 */
import { getLogger } from "@logtape/logtape";

import type { Config } from "../config.ts";
import { ExitCode, UserError } from "../errors.ts";
import { flushLogging, logRecord } from "../log.ts";
import type { Failure, FromWorker, Progress, Summary, ToWorker } from "./messages.ts";

const log = getLogger(["kafka2parquet", "archiver"]);

export interface SuperviseOptions {
  /** The worker's module; the archiver's own unless a test brings another. */
  readonly workerUrl?: URL;
  readonly pingEveryMs?: number;
  readonly progressEveryMs?: number;
}

const PING_EVERY_MS = 5_000;
/**
 * So many pings in a row without an answer, and the worker counts as hung: a minute, because it may be inside one
 * long synchronous encode. Counted in pings and not in time, or a laptop that wakes up would kill its worker.
 */
const PINGS_UNANSWERED_MAX = 12;
const PROGRESS_EVERY_MS = 5_000;
/**
 * Signals so close together are one: `deno task` passes on the Ctrl-C that the terminal has already sent to the
 * whole process group, and the second copy must not cut the saving short.
 */
const SAME_SIGNAL_MS = 250;

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

const NOTHING: Progress = { rows: 0, files: 0, bytes: 0, deadLetters: 0, skipped: 0, bufferedRows: 0 };

/** Runs an archiver until it is done. Throws {@link UserError} where it failed, hung or could not save in time. */
export async function supervise(config: Config, options: SuperviseOptions = {}): Promise<ExitCode> {
  const supervision = new Supervision(config, options);
  try {
    return await supervision.end;
  } finally {
    supervision.close();
  }
}

class Supervision {
  readonly end: Promise<ExitCode>;
  readonly #config: Config;
  readonly #worker: Worker;
  readonly #resolve: (exitCode: ExitCode) => void;
  readonly #reject: (error: UserError) => void;
  readonly #startedMs = performance.now();
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  readonly #onSignal = () => this.#signalled();
  #progress = NOTHING;
  #lastLine = { progress: NOTHING, atMs: performance.now() };
  #pingsSent = 0;
  #pingAnswered = 0;
  /** When the first signal came. */
  #stoppedMs: number | undefined;

  constructor(config: Config, options: SuperviseOptions) {
    const { promise, resolve, reject } = Promise.withResolvers<ExitCode>();
    this.end = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#config = config;
    this.#worker = new Worker(options.workerUrl ?? new URL("./worker.ts", import.meta.url), {
      type: "module",
    });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => this.#hear(data));
    this.#worker.addEventListener("messageerror", () => this.#died("it sent what could not be read"));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#died(event.message);
    });
    for (const signal of SIGNALS) Deno.addSignalListener(signal, this.#onSignal);
    this.#timers.push(
      setInterval(() => this.#ping(), options.pingEveryMs ?? PING_EVERY_MS),
      setInterval(() => this.#tellProgress(), options.progressEveryMs ?? PROGRESS_EVERY_MS),
    );
    this.#say({ type: "start", config });
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, this.#onSignal);
    this.#worker.terminate();
  }

  #say(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case "pong":
        this.#pingAnswered = message.n;
        break;
      case "log":
        logRecord(message.record);
        break;
      case "progress":
        this.#progress = message.progress;
        break;
      case "done":
        this.#done(message.summary);
        break;
      case "failed":
        this.#reject(errorOf(message.failure));
        break;
      case "exited":
        this.#died("it ended without saying why");
        break;
    }
  }

  #done(summary: Summary): void {
    flushLogging();
    const { unsaved = [], ...counts } = summary;
    const seconds = (performance.now() - this.#startedMs) / 1_000;
    log.info(`Done: ${countsTemplate(summary)}, {mebibytes} MiB in {seconds} s`, {
      ...counts,
      mebibytes: Number((summary.bytes / 2 ** 20).toFixed(1)),
      seconds: Number(seconds.toFixed(1)),
    });
    if (unsaved.length > 0) {
      this.#reject(
        new UserError(`Not everything could be saved: ${unsaved.join("; ")}`, {
          hint: "It was not committed, and comes again at the next start.",
        }),
      );
    } else if (this.#config.untilEnd && this.#stoppedMs === undefined && summary.deadLetters > 0) {
      log.warning("{deadLetters} records could not be decoded; they are whole in {folder}", {
        deadLetters: summary.deadLetters,
        folder: this.#config.deadLetter,
      });
      this.#resolve(ExitCode.deadLetters);
    } else this.#resolve(ExitCode.ok);
  }

  #died(how: string): void {
    this.#reject(
      new UserError(`The archiver's thread died: ${how}`, {
        hint: `${this.#heldComesAgain()} Please report this with the log.`,
      }),
    );
  }

  #ping(): void {
    const unanswered = this.#pingsSent - this.#pingAnswered;
    if (unanswered >= PINGS_UNANSWERED_MAX) {
      return this.#died(`it has not answered ${unanswered} pings in a row`);
    }
    this.#say({ type: "ping", n: ++this.#pingsSent });
  }

  #tellProgress(): void {
    const { progress, atMs } = this.#lastLine;
    if (JSON.stringify(progress) === JSON.stringify(this.#progress)) return;
    const nowMs = performance.now();
    this.#lastLine = { progress: this.#progress, atMs: nowMs };
    const rowsPerSecond = Math.round((this.#progress.rows - progress.rows) / (nowMs - atMs) * 1_000);
    const lag = this.#progress.lag === undefined ? "" : ", lag {lag}";
    log.info(`${countsTemplate(this.#progress)}, {bufferedRows} held, {rowsPerSecond} rows/s${lag}`, {
      ...this.#progress,
      rowsPerSecond,
    });
  }

  #signalled(): void {
    const nowMs = performance.now();
    if (this.#stoppedMs === undefined) {
      this.#stoppedMs = nowMs;
      log.info(
        "Saving what is held ({bufferedRows} rows), committing, leaving the group; Ctrl-C again to quit at once.",
        { bufferedRows: this.#progress.bufferedRows },
      );
      this.#say({ type: "stop" });
      this.#timers.push(setTimeout(() => this.#tooLate(), this.#config.shutdownTimeoutMs));
    } else if (nowMs - this.#stoppedMs > SAME_SIGNAL_MS) {
      log.warning("Quitting at once. {held}", { held: this.#heldComesAgain() });
      this.#resolve(ExitCode.interrupted);
    }
  }

  #tooLate(): void {
    const seconds = this.#config.shutdownTimeoutMs / 1_000;
    this.#reject(
      new UserError(`Saving did not end within ${seconds} s. ${this.#heldComesAgain()}`, {
        hint: "Allow more with --shutdown-timeout, and look above for what kept it.",
      }),
    );
  }

  #heldComesAgain(): string {
    const { bufferedRows } = this.#progress;
    return `The ${bufferedRows} rows that were held may not be committed: what is not comes again at the next start.`;
  }
}

/** `rows in files`, and the counts of what went wrong where anything did. */
function countsTemplate({ deadLetters, skipped }: Progress): string {
  return "{rows} rows in {files} files" + (deadLetters > 0 ? ", {deadLetters} dead letters" : "") +
    (skipped > 0 ? ", {skipped} skipped" : "");
}

function errorOf(failure: Failure): UserError {
  const error = new UserError(failure.message, {
    exitCode: failure.exitCode,
    hint: failure.hint ?? "Run it again with --log-level debug to see where it failed.",
  });
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
}
