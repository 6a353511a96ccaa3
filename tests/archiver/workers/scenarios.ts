// deno-lint-ignore-file require-await -- an archiver is a function that gives a promise, whatever it does inside
/** An archiver's stand-in for the supervisor's tests: does what the scenario named by `config.group` says. */
import { getLogger } from "@logtape/logtape";

import type { Archive, Progress } from "../../../src/archiver/messages.ts";
import { NO_DURATIONS } from "../../../src/durations.ts";
import type { Report } from "../../../src/status/mod.ts";
import { serveArchiver, type WorkerScope } from "../../../src/archiver/worker_shell.ts";
import { ExitCode, UserError } from "../../../src/errors.ts";
import { exists } from "../../support/exists.ts";

const log = getLogger(["kafka2parquet", "scenario"]);

/** Longer than two copies of one signal are apart, and than a test's shutdown timeout of 100 ms. */
const SLOW_DRAIN_MS = 1_000;
/** Together several times as long as the status line is drawn anew. */
const LOG_LINES = 12;
const LOG_PAUSE_MS = 100;

const NOTHING: Progress = { rows: 0, files: 0, bytes: 0, deadLetters: 0, skipped: 0, bufferedRows: 0 };
const HELD: Progress = { ...NOTHING, rows: 2_400, files: 2, bytes: 1 << 20, bufferedRows: 17, lag: 5 };

const REPORT: Report = {
  checks: { broker: null, registry: null, sink: null, group: null },
  failures: { kafka: 1, registry: 0, write: 0, publish: 0 },
  deadLetters: {},
  skipped: { tombstone: 2 },
  checkpoints: { prepare: NO_DURATIONS, commit: NO_DURATIONS, publish: NO_DURATIONS },
  rebalances: 0,
  bufferedBytes: 100,
  partitions: [{ topic: "t", partition: 0, position: 5, committed: 3, logEnd: 9 }],
};

/** From 1, as the supervisor has named the thread. */
const WORKER = Number(/\d+$/.exec((globalThis as unknown as { name: string }).name)?.[0]);

/** Ways to die for a worker that has begun to work. */
const deaths: Record<string, () => void> = {
  "an uncaught error": () => {
    throw new RangeError("in a timer");
  },
  "a panic in WebAssembly": () => {
    // (module (func (export "f") unreachable))
    const code = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0];
    const body = [10, 5, 1, 3, 0, 0, 11];
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([...code, ...body])));
    (exports["f"] as () => void)();
  },
  "an exit": () => Deno.exit(0),
  "an endless loop": () => {
    for (;;);
  },
};

const scenarios: Record<string, Archive> = {
  async "work until told"(_config, { stop, progress }) {
    log.info("Archiving {topics}", { topics: "a, b" });
    progress({ ...HELD, rows: WORKER * 1_000, files: WORKER });
    log.info("Working");
    await stopped(stop);
    log.info("Saved");
    return { ...HELD, rows: WORKER * 1_000 + 17, files: WORKER + 1, bufferedRows: 0 };
  },
  async "the second dies once"(config, context) {
    if (WORKER === 2 && firstOf(config.output)) await die(config.separator, context.progress);
    return await scenarios["work until told"]!(config, context);
  },
  async "the second dies again and again"(config, context) {
    if (WORKER === 2) await die(config.separator, context.progress);
    return await scenarios["work until told"]!(config, context);
  },
  async "the second dies, the first drains slowly"(config, context) {
    if (WORKER === 2) await die(config.separator, context.progress);
    return await scenarios["drains slowly"]!(config, context);
  },
  async "the second has a user's reason"(config, context) {
    if (WORKER === 2) {
      log.info("Looking for room");
      throw new UserError("No room", { hint: "Make some.", exitCode: ExitCode.config });
    }
    return await scenarios["work until told"]!(config, context);
  },
  async "the second has a user's reason, the first never drains"(config, context) {
    if (WORKER === 2) throw new UserError("No room", { exitCode: ExitCode.config });
    return await scenarios["never drains"]!(config, context);
  },
  async "the second finishes later"(_config, { progress }) {
    if (WORKER === 1) return { ...HELD, bufferedRows: 0 };
    progress({ ...HELD, rows: 100 });
    log.info("Still at work");
    await new Promise((resolve) => setTimeout(resolve, SLOW_DRAIN_MS));
    return { ...HELD, bufferedRows: 0, rows: 500 };
  },
  async "logs while it works"(_config, { progress }) {
    for (let i = 1; i <= LOG_LINES; i++) {
      progress({ ...HELD, rows: i * 1_000, lag: 10_000 - i });
      log.info("Line {i} {long}", { i, long: "and so on ".repeat(10) });
      await new Promise((resolve) => setTimeout(resolve, LOG_PAUSE_MS));
    }
    return { ...HELD, rows: 12_345, bufferedRows: 0 };
  },
  async "the third has no partition"(_config, { stop, progress }) {
    for (let rows = 0; !stop.aborted; rows++) {
      progress({ ...HELD, rows, partitions: WORKER === 3 ? 0 : 1 });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return NOTHING;
  },
  async "joins when it may, never drains"({ output }, { stop, report }) {
    report({ ...REPORT, checks: { ...REPORT.checks, group: "not joined yet" } });
    log.info("Waiting for the folder");
    while (!exists(`${output}/may-join`)) await new Promise((resolve) => setTimeout(resolve, 10));
    report(REPORT);
    await stopped(stop);
    return await new Promise(() => {});
  },
  async "reports, and the second dies once"(config, { stop, progress, report }) {
    report(REPORT);
    if (WORKER === 2 && firstOf(config.output)) await die("an uncaught error", progress);
    progress(HELD);
    await stopped(stop);
    return HELD;
  },
  async finishes() {
    return { ...HELD, bufferedRows: 0 };
  },
  async "finishes with dead letters"() {
    return { ...HELD, bufferedRows: 0, deadLetters: 3 };
  },
  async "finishes with some unsaved"() {
    return {
      ...HELD,
      unsaved: ["customer_events[0] from 5 to 9: disk full", "customer_events[1] from 1 to 2"],
    };
  },
  async "waits to connect"(_config, { stop }) {
    log.info("Waiting for Kafka");
    await stopped(stop);
    return NOTHING;
  },
  async "drains when told"(_config, { stop, progress }) {
    progress(HELD);
    log.info("Archiving");
    await stopped(stop);
    return { ...HELD, rows: 2_417, files: 3, bufferedRows: 0, deadLetters: 3 };
  },
  async "drains slowly"(_config, { stop, progress }) {
    progress(HELD);
    log.info("Archiving");
    await stopped(stop);
    await new Promise((resolve) => setTimeout(resolve, SLOW_DRAIN_MS));
    return { ...HELD, bufferedRows: 0 };
  },
  async "never drains"(_config, { stop, progress }) {
    progress(HELD);
    log.info("Archiving");
    await stopped(stop);
    return await new Promise(() => {});
  },
  async "makes progress"(_config, { stop, progress }) {
    for (let files = 1; !stop.aborted; files++) {
      progress({ ...HELD, rows: files * 1_200, files });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return HELD;
  },
  async "fails for a user's reason"() {
    throw new UserError("Cannot reach b:1", { hint: "Check --brokers.", exitCode: ExitCode.unavailable });
  },
  async "fails for a reason of its own"() {
    throw new TypeError("x is undefined");
  },
  async "throws where nobody catches"() {
    setTimeout(() => {
      throw new RangeError("in a timer");
    });
    return await new Promise(() => {});
  },
  async "rejects where nobody listens"() {
    Promise.reject(new RangeError("in a promise"));
    return await new Promise(() => {});
  },
  async "exits by itself"() {
    Deno.exit(0);
  },
  async hangs() {
    for (;;);
  },
};

/** Whether nobody has asked before, in a run that has this folder for itself. */
function firstOf(folder: string): boolean {
  try {
    Deno.mkdirSync(`${folder}/asked`);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

function die(how: string, progress: (progress: Progress) => void): Promise<never> {
  progress(HELD);
  log.info("About to die");
  setTimeout(() => deaths[how]!());
  return new Promise(() => {});
}

function stopped(stop: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => stop.addEventListener("abort", resolve, { once: true }));
}

serveArchiver(
  globalThis as unknown as WorkerScope,
  () => Promise.resolve((config, context) => scenarios[config.group]!(config, context)),
);
