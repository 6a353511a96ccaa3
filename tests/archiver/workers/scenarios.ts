// deno-lint-ignore-file require-await -- an archiver is a function that gives a promise, whatever it does inside
/** An archiver's stand-in for the supervisor's tests: does what the scenario named by `config.group` says. */
import { getLogger } from "@logtape/logtape";

import type { Archive, Progress } from "../../../src/archiver/messages.ts";
import { serveArchiver, type WorkerScope } from "../../../src/archiver/worker_shell.ts";
import { ExitCode, UserError } from "../../../src/errors.ts";

const log = getLogger(["kafka2parquet", "scenario"]);

/** Longer than two copies of one signal are apart, and than a test's shutdown timeout of 100 ms. */
const SLOW_DRAIN_MS = 1_000;

const NOTHING: Progress = { rows: 0, files: 0, bytes: 0, deadLetters: 0, skipped: 0, bufferedRows: 0 };
const HELD: Progress = { ...NOTHING, rows: 2_400, files: 2, bytes: 1 << 20, bufferedRows: 17, lag: 5 };

const scenarios: Record<string, Archive> = {
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

function stopped(stop: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => stop.addEventListener("abort", resolve, { once: true }));
}

serveArchiver(
  globalThis as unknown as WorkerScope,
  () => Promise.resolve((config, context) => scenarios[config.group]!(config, context)),
);
