/**
 * The main thread's only work: it runs archivers in worker threads, hears their logs and progress, turns signals
 * into an orderly end, and replaces an archiver that dies or hangs.
 *
 * The archivers share nothing but the consumer group and the sink. One that died could not leave the group: its
 * partitions come back when Kafka's session timeout is over, and the checkpoint protocol keeps them exactly once.
 */
import { getLogger, type LogRecord } from "@logtape/logtape";

import type { Config } from "../config.ts";
import { ExitCode, UserError } from "../errors.ts";
import { flushLogging, logRecord } from "../log.ts";
import { type Facts, openStatus, type WorkerFacts } from "../status/mod.ts";
import { ArchiverThread, type ThreadEnd } from "./archiver_thread.ts";
import type { Progress } from "./messages.ts";
import { ProgressTeller } from "./progress_teller.ts";
import { Rebuilds, REBUILDS_MAX, REBUILDS_WINDOW_MS } from "./rebuilds.ts";
import { NOTHING_REPORTED, onlyCounts, type ReportSums, sumOfReports } from "./report_sums.ts";
import { factsOf } from "./status_facts.ts";
import { countsTemplate, NOTHING, sumOf, withoutHeld } from "./sums.ts";
import {
  deadLettersLine,
  doneLine,
  heldComesAgain,
  idleLine,
  type Line,
  lostLine,
  signalledLine,
} from "./supervisor_lines.ts";

const log = getLogger(["kafka2parquet", "archiver"]);

export interface SuperviseOptions {
  /** The worker's module; the archiver's own unless a test brings another. */
  readonly workerUrl?: URL;
  readonly pingEveryMs?: number;
  readonly progressEveryMs?: number;
  readonly rebuildPauseMs?: number;
}

const PING_EVERY_MS = 5_000;
/** What killed an archiver may be over soon: memory that was short, say. */
const REBUILD_PAUSE_MS = 2_000;
/** A replacement waits for brokers and registry as long as the archivers that are at work do. */
const REBUILT_STARTUP_TIMEOUT_MS = 24 * 60 * 60_000;
/**
 * Signals so close together are one: `deno task` passes on the Ctrl-C that the terminal has already sent to the
 * whole process group, and the second copy must not cut the saving short.
 */
const SAME_SIGNAL_MS = 250;
/** Lines of the start that are remembered, so that all archivers together say them once. */
const START_LINES_MAX = 100;

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/**
 * Runs `config.workers` archivers until all are done.
 *
 * Throws {@link UserError} where one failed, died too often or could not save in time, after the others have saved
 * what they held.
 */
export async function supervise(config: Config, options: SuperviseOptions = {}): Promise<ExitCode> {
  // An address that cannot be used is told before anything is begun; nobody asks before the next turn.
  const status = openStatus(config.http, () => supervision.facts);
  const supervision = new Supervision(config, options);
  try {
    return await supervision.end;
  } finally {
    supervision.close();
    status?.close();
  }
}

/** The place of one archiver, which several threads may hold one after the other. */
interface Place {
  /** From 1. */
  readonly number: number;
  /** Undefined while a new one is waited for, and at the end. */
  thread: ArchiverThread | undefined;
  /** What earlier threads have done; at the end, what all of them have. */
  past: Progress;
  /** The same of what they have reported. */
  pastReport: ReportSums;
  /** Whether one of them has joined the group. */
  hasJoined: boolean;
  /** Why the last thread died, while a new one is waited for. */
  diedOf: UserError | undefined;
  over: boolean;
}

class Supervision {
  readonly end: Promise<ExitCode>;
  readonly #config: Config;
  readonly #options: SuperviseOptions;
  readonly #places: readonly Place[];
  readonly #resolve: (exitCode: ExitCode) => void;
  readonly #reject: (error: UserError) => void;
  readonly #startedMs = performance.now();
  readonly #startedAtMs = Date.now();
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  readonly #teller: ProgressTeller;
  readonly #rebuilds = new Rebuilds();
  readonly #startLines = new Set<string>();
  readonly #listeners = SIGNALS.map((signal) => ({ signal, heard: () => this.#signalled(signal) }));
  readonly #unsaved: string[] = [];
  #warnedOfIdle = false;
  #stopping = false;
  /** The first reason to fail, told when all archivers have ended. */
  #failure: UserError | undefined;
  /** When the first signal came. */
  #signalledMs: number | undefined;

  constructor(config: Config, options: SuperviseOptions) {
    const { promise, resolve, reject } = Promise.withResolvers<ExitCode>();
    this.end = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#config = config;
    this.#options = options;
    this.#places = Array.from({ length: config.workers }, (_, i): Place => ({
      number: i + 1,
      thread: undefined,
      past: NOTHING,
      pastReport: NOTHING_REPORTED,
      hasJoined: false,
      diedOf: undefined,
      over: false,
    }));
    for (const { signal, heard } of this.#listeners) Deno.addSignalListener(signal, heard);
    for (const place of this.#places) this.#start(place, config);
    this.#teller = new ProgressTeller({
      now: () => ({
        progress: this.#told,
        stopping: this.#stopping,
        workers: this.#places.length,
        // Those that are done are not missing.
        working: this.#places.filter(({ thread, over }) => over || thread !== undefined).length,
      }),
      statusLine: config.statusLine,
      progressEveryMs: options.progressEveryMs,
    });
  }

  close(): void {
    this.#teller.close();
    for (const timer of this.#timers) clearTimeout(timer);
    for (const { signal, heard } of this.#listeners) Deno.removeSignalListener(signal, heard);
    for (const { thread } of this.#places) thread?.terminate();
  }

  /** For health checks, metrics and the status page. */
  get facts(): Facts {
    const isStarting = this.#places.some(({ hasJoined, over }) => !hasJoined && !over);
    return factsOf({
      config: this.#config,
      startedAtMs: this.#startedAtMs,
      state: this.#stopping ? "draining" : isStarting ? "starting" : "running",
      workers: this.#places.map(workerFacts),
      restarts: this.#rebuilds.total,
      progress: this.#progress,
      reports: this.#places.flatMap(({ pastReport, thread }) => [pastReport, thread?.report ?? []].flat()),
    });
  }

  get #progress(): Progress {
    return sumOf(this.#places.map(progressOf));
  }

  /** The same, but undefined where no archiver has told its progress. */
  get #told(): Progress | undefined {
    const hasTold = this.#places.some(({ thread, over, past }) =>
      over || past !== NOTHING || thread?.progress !== undefined
    );
    return hasTold ? this.#progress : undefined;
  }

  #start(place: Place, config: Config): void {
    place.diedOf = undefined;
    place.thread = new ArchiverThread(config, {
      workerUrl: this.#options.workerUrl ?? new URL("./worker.ts", import.meta.url),
      name: `archiver ${place.number}`,
      pingEveryMs: this.#options.pingEveryMs ?? PING_EVERY_MS,
      onLog: (record) => this.#log(place, record),
      onProgress: () => this.#warnOfIdle(),
      onReport: ({ checks }) => place.hasJoined ||= checks.group === null,
      onEnd: (end) => this.#ended(place, end),
    });
  }

  /** Names the archiver where there are several, and leaves out what another has said of the common start. */
  #log(place: Place, record: LogRecord): void {
    if (this.#places.length === 1) return logRecord(record);
    if (place.thread?.progress === undefined && record.level === "info") {
      const line = record.message.map(String).join("");
      if (this.#startLines.has(line)) return;
      if (this.#startLines.size < START_LINES_MAX) this.#startLines.add(line);
    }
    logRecord(record, place.number);
  }

  /** What names the archiver in our own log records: nothing where there is only one. */
  #named({ number }: Place): { worker?: number } {
    return this.#places.length === 1 ? {} : { worker: number };
  }

  #warnOfIdle(): void {
    if (this.#warnedOfIdle || this.#places.length === 1) return;
    const counts = this.#places.map(({ thread }) => thread?.progress?.partitions);
    // Before all have joined, who has what is not settled.
    if (counts.includes(undefined)) return;
    const idle = counts.filter((count) => count === 0).length;
    if (idle === 0) return;
    this.#warnedOfIdle = true;
    warn(idleLine(idle, counts.length));
  }

  #ended(place: Place, end: ThreadEnd): void {
    const progress = place.thread?.progress ?? NOTHING;
    const heard = place.thread?.heard ?? false;
    const report = onlyCounts(place.thread?.report ?? NOTHING_REPORTED);
    place.pastReport = sumOfReports([place.pastReport, report]);
    place.thread = undefined;
    if (end.kind === "done") {
      place.past = sumOf([place.past, end.summary]);
      this.#unsaved.push(...end.summary.unsaved ?? []);
      log.debug(`${countsTemplate(end.summary)}`, { ...this.#named(place), ...end.summary });
      return this.#over(place);
    }
    place.past = sumOf([place.past, withoutHeld(progress)]);
    if (end.kind === "died" && heard && !this.#stopping && this.#replace(place, end.error)) return;
    this.#fail(place, { error: end.error, lostRows: progress.bufferedRows });
    this.#over(place);
  }

  /** Starts another archiver in the place of one that died. @returns false where there have been too many. */
  #replace(place: Place, error: UserError): boolean {
    const attempt = this.#rebuilds.next(performance.now());
    if (attempt === undefined) return false;
    place.diedOf = error;
    const pauseMs = this.#options.rebuildPauseMs ?? REBUILD_PAUSE_MS;
    // The number is in the template, or lines of deaths in quick succession would be gathered into one.
    log.error(
      `{reason}; another one starts in {seconds} s (number ${attempt} of at most {max} in {minutes} min)`,
      {
        ...this.#named(place),
        reason: error.message,
        seconds: pauseMs / 1_000,
        max: REBUILDS_MAX,
        minutes: REBUILDS_WINDOW_MS / 60_000,
      },
    );
    log.debug("It died at {stack}", { ...this.#named(place), stack: error.stack });
    this.#timers.push(setTimeout(() => {
      if (place.over) return;
      this.#start(place, { ...this.#config, startupTimeoutMs: REBUILT_STARTUP_TIMEOUT_MS });
    }, pauseMs));
    return true;
  }

  /** The first failure is the program's; the others save what they hold. */
  #fail(place: Place, { error, lostRows }: { readonly error: UserError; readonly lostRows: number }): void {
    const others = this.#places.filter((other) => other !== place && other.thread !== undefined).length;
    if (this.#failure !== undefined) {
      log.debug("Another failure: {reason}", { ...this.#named(place), reason: error.message });
    } else {
      this.#failure = error;
      if (others > 0) {
        log.error("{reason}. The other workers save what they hold, and all end.", {
          ...this.#named(place),
          reason: error.message,
        });
      }
    }
    if (lostRows > 0) warn(lostLine(lostRows), this.#named(place));
    this.#stop();
  }

  /** Tells all to save and to end, within the time for that. */
  #stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#timers.push(setTimeout(() => this.#tooLate(), this.#config.shutdownTimeoutMs));
    for (const place of this.#places) {
      place.thread?.stop();
      if (place.diedOf === undefined) continue;
      // Nobody takes its place any more, and nobody publishes what it may have committed.
      this.#failure ??= place.diedOf;
      place.over = true;
    }
  }

  #over(place: Place): void {
    place.over = true;
    if (this.#places.every(({ over }) => over)) this.#conclude();
  }

  #conclude(): void {
    flushLogging();
    const total = this.#progress;
    if (this.#failure === undefined) this.#tellTotal(total);
    if (this.#failure !== undefined) {
      if (this.#unsaved.length > 0) log.error("Not saved: {unsaved}", { unsaved: this.#unsaved.join("; ") });
      this.#reject(this.#failure);
    } else if (this.#unsaved.length > 0) {
      this.#reject(
        new UserError(`Not everything could be saved: ${this.#unsaved.join("; ")}`, {
          hint: "It was not committed, and comes again at the next start.",
        }),
      );
    } else if (this.#config.untilEnd && this.#signalledMs === undefined && total.deadLetters > 0) {
      warn(deadLettersLine(total.deadLetters, this.#config.deadLetter));
      this.#resolve(ExitCode.deadLetters);
    } else this.#resolve(ExitCode.ok);
  }

  #tellTotal(total: Progress): void {
    const seconds = (performance.now() - this.#startedMs) / 1_000;
    inform(doneLine(total, { seconds, rebuilds: this.#rebuilds.total }));
  }

  #signalled(signal: Deno.Signal): void {
    const nowMs = performance.now();
    if (this.#signalledMs === undefined) {
      this.#signalledMs = nowMs;
      inform(signalledLine(signal, this.#told));
      this.#stop();
      // Where the only archiver is waiting to be replaced, nobody else will say that it is over.
      if (this.#places.every(({ over }) => over)) this.#conclude();
    } else if (nowMs - this.#signalledMs > SAME_SIGNAL_MS) {
      log.warning("Quitting at once. {held}", { held: heldComesAgain(this.#told) });
      this.#resolve(ExitCode.interrupted);
    }
  }

  #tooLate(): void {
    const seconds = this.#config.shutdownTimeoutMs / 1_000;
    const held = this.#places.flatMap(({ thread }) => thread?.progress?.held ?? []);
    if (held.length > 0) log.error("Not saved: {unsaved}", { unsaved: held.join("; ") });
    const message = `Saving did not end within ${seconds} s. ${heldComesAgain(this.#told)}`;
    if (this.#failure !== undefined) {
      log.error("{message}", { message });
      return this.#reject(this.#failure);
    }
    this.#reject(
      new UserError(message, {
        hint:
          "Allow more with shutdown-timeout in the config file, or KAFKA2PARQUET_SHUTDOWN_TIMEOUT, and look above for what kept it.",
      }),
    );
  }
}

function inform({ template, properties }: Line): void {
  log.info(template, properties);
}

function warn({ template, properties }: Line, named: { worker?: number } = {}): void {
  log.warning(template, { ...named, ...properties });
}

function workerFacts({ number, thread, diedOf, over }: Place): WorkerFacts {
  const dead = over ? null : thread === undefined ? diedOf?.message ?? "it has ended" : thread.late ?? null;
  return { number, dead, checks: thread?.report?.checks, isOver: over };
}

function progressOf({ thread, past }: Place): Progress {
  return thread?.progress === undefined ? past : sumOf([past, thread.progress]);
}
