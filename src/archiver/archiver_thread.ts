/** One worker thread with an archiver in it, from its start to its end, however it ends. */
import type { LogRecord } from "@logtape/logtape";

import type { Config } from "../config.ts";
import { UserError } from "../errors.ts";
import type { Report } from "../status/mod.ts";
import type { Failure, FromWorker, Progress, Summary, ToWorker } from "./messages.ts";

/**
 * So many pings in a row without an answer, and the thread counts as hung: a minute, because it may be inside one
 * long synchronous encode. Counted in pings and not in time, or a laptop that wakes up would kill its archiver.
 */
const PINGS_UNANSWERED_MAX = 12;
/** With more than so many it does not count as alive any more: half a minute. */
const PINGS_UNANSWERED_LATE = PINGS_UNANSWERED_MAX / 2;

/** How a thread ended: as it should, for a reason that the user can do something about, or by a fault. */
export type ThreadEnd =
  | { readonly kind: "done"; readonly summary: Summary }
  | { readonly kind: "failed" | "died"; readonly error: UserError };

export interface ThreadOptions {
  readonly workerUrl: URL;
  readonly name: string;
  readonly pingEveryMs: number;
  onLog(record: LogRecord): void;
  onProgress(progress: Progress): void;
  onReport(report: Report): void;
  /** Called once; the thread is gone then. */
  onEnd(end: ThreadEnd): void;
}

export class ArchiverThread {
  readonly #options: ThreadOptions;
  readonly #worker: Worker;
  readonly #pinging: ReturnType<typeof setInterval>;
  #progress: Progress | undefined;
  #report: Report | undefined;
  #heard = false;
  #ended = false;
  #pingsSent = 0;
  #pingAnswered = 0;

  constructor(config: Config, options: ThreadOptions) {
    this.#options = options;
    this.#worker = new Worker(options.workerUrl, { type: "module", name: options.name });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => this.#hear(data));
    this.#worker.addEventListener("messageerror", () => this.#died("it sent what could not be read"));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#died(event.message);
    });
    this.#pinging = setInterval(() => this.#ping(), options.pingEveryMs);
    this.#say({ type: "start", config });
  }

  /** What it has told last; undefined where it has told nothing yet. */
  get progress(): Progress | undefined {
    return this.#progress;
  }

  /** What it has reported last for health checks and metrics. */
  get report(): Report | undefined {
    return this.#report;
  }

  /** Why it is most likely hung, in words, although it is waited for a while longer; undefined where it is not. */
  get late(): string | undefined {
    if (this.#unanswered <= PINGS_UNANSWERED_LATE) return undefined;
    return `it has not answered ${this.#unanswered} pings in a row`;
  }

  get #unanswered(): number {
    return this.#pingsSent - this.#pingAnswered;
  }

  /** Whether it has begun to work: it has answered, logged or told its progress. */
  get heard(): boolean {
    return this.#heard;
  }

  /** Tells it to save what it holds and to end. */
  stop(): void {
    this.#say({ type: "stop" });
  }

  /** Ends it at once; no callback is called any more. */
  terminate(): void {
    this.#ended = true;
    clearInterval(this.#pinging);
    this.#worker.terminate();
  }

  #say(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #hear(message: FromWorker): void {
    if (this.#ended) return;
    switch (message.type) {
      case "pong":
        this.#heard = true;
        this.#pingAnswered = message.n;
        break;
      case "log":
        this.#heard = true;
        this.#options.onLog(message.record);
        break;
      case "progress":
        this.#heard = true;
        this.#progress = message.progress;
        this.#options.onProgress(message.progress);
        break;
      case "report":
        this.#report = message.report;
        this.#options.onReport(message.report);
        break;
      case "done":
        this.#end({ kind: "done", summary: message.summary });
        break;
      case "failed":
        this.#end({ kind: message.failure.fault ? "died" : "failed", error: errorOf(message.failure) });
        break;
      case "exited":
        this.#died("it ended without saying why");
        break;
    }
  }

  #ping(): void {
    if (this.#unanswered >= PINGS_UNANSWERED_MAX) {
      return this.#died(`it has not answered ${this.#unanswered} pings in a row`);
    }
    this.#say({ type: "ping", n: ++this.#pingsSent });
  }

  #died(how: string): void {
    const error = new UserError(`The archiver's thread died: ${how}`, {
      hint: "What it held and had not committed comes again. Please report this with the log.",
    });
    this.#end({ kind: "died", error });
  }

  #end(end: ThreadEnd): void {
    if (this.#ended) return;
    this.terminate();
    this.#options.onEnd(end);
  }
}

function errorOf(failure: Failure): UserError {
  const error = new UserError(failure.message, {
    exitCode: failure.exitCode,
    hint: failure.hint ?? "Run it again with --log-level debug to see where it failed.",
  });
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
}
