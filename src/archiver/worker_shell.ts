/** The worker's side of the supervision: starts the archiver, answers pings, posts logs, progress and the end. */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { configureWorkerLogging } from "../log.ts";
import { redact } from "../secrets.ts";
import type { Archive, Failure, FromWorker, Progress, ToWorker } from "./messages.ts";

/** An archiver may report at every file; the main thread hears of it so often at most. */
const PROGRESS_EVERY_MS = 250;

/** What a worker's global scope offers, as far as it is used. */
export interface WorkerScope {
  postMessage(message: FromWorker): void;
  addEventListener(type: "message", listener: (event: MessageEvent<ToWorker>) => void): void;
  addEventListener(type: "unload", listener: () => void): void;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
  addEventListener(type: "unhandledrejection", listener: (event: PromiseRejectionEvent) => void): void;
}

/** Serves the main thread from `scope`; `load` gives the archiver when it is to start. */
export function serveArchiver(scope: WorkerScope, load: () => Promise<Archive>): void {
  const stop = new AbortController();
  let ended = false;
  const end = (message: FromWorker) => {
    if (ended) return;
    ended = true;
    scope.postMessage(message);
  };
  scope.addEventListener("message", ({ data }) => {
    if (data.type === "ping") scope.postMessage({ type: "pong", n: data.n });
    else if (data.type === "stop") stop.abort();
    else {
      configureWorkerLogging(data.config.logLevel, (record) => scope.postMessage({ type: "log", record }));
      start(data).then(end, (error) => end({ type: "failed", failure: failureOf(error) }));
    }
  });
  // An uncaught error would print its stack past the log; the main thread says it better.
  scope.addEventListener("error", (event) => {
    event.preventDefault();
    end({ type: "failed", failure: failureOf(event.error ?? event.message) });
  });
  scope.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    end({ type: "failed", failure: failureOf(event.reason) });
  });
  // Deno.exit in a worker ends only the worker, and nobody else would notice before the next ping.
  scope.addEventListener("unload", () => end({ type: "exited" }));

  async function start({ config }: Extract<ToWorker, { type: "start" }>): Promise<FromWorker> {
    const archive = await load();
    const posts = latestPoster((progress) => scope.postMessage({ type: "progress", progress }));
    try {
      const summary = await archive(config, {
        stop: stop.signal,
        progress: posts.post,
        report: (report) => scope.postMessage({ type: "report", report }),
      });
      return { type: "done", summary };
    } finally {
      posts.flush();
    }
  }
}

/** Posts at once what comes after a pause, and of what comes faster the latest. */
function latestPoster(send: (progress: Progress) => void) {
  let latest: Progress | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (latest !== undefined) send(latest);
    latest = undefined;
  };
  const post = (progress: Progress) => {
    const pause = latest === undefined && timer === undefined;
    latest = progress;
    if (!pause) return;
    flush();
    timer = setTimeout(flush, PROGRESS_EVERY_MS);
  };
  return { post, flush };
}

function failureOf(error: unknown): Failure {
  const user = error instanceof UserError ? error : undefined;
  return {
    message: redact(user ? user.message : `The archiver failed: ${messageOf(error)}`),
    exitCode: user?.exitCode ?? ExitCode.failure,
    fault: user === undefined,
    ...(user?.hint !== undefined && { hint: user.hint }),
    ...(error instanceof Error && error.stack !== undefined && { stack: redact(error.stack) }),
  };
}
