/** Tells how it goes: lines in the log, and a live line on a terminal. */
import { getLogger } from "@logtape/logtape";

import { showStatus } from "../log.ts";
import type { Progress } from "./messages.ts";
import { lossText, Rate, type Status, statusLine } from "./status_line.ts";
import { countsTemplate, NOTHING } from "./sums.ts";

const log = getLogger(["kafka2parquet", "archiver"]);

/** How often progress is logged where there was any. */
const PROGRESS_EVERY_MS = 5_000;
/** The same where a status line tells what is now: the log keeps the history. */
const SUMMARY_EVERY_MS = 60_000;
const STATUS_EVERY_MS = 250;

/** What is told, apart from what the teller finds out by itself. */
export type Now = Omit<Status, "rowsPerSecond" | "checkpointAgeMs">;

export interface ProgressTellerOptions {
  readonly now: () => Now;
  /** Show a status line. */
  readonly statusLine: boolean;
  readonly progressEveryMs: number | undefined;
}

export class ProgressTeller {
  readonly #now: () => Now;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #rate = new Rate();
  #lastLine = { progress: NOTHING, atMs: performance.now() };
  #committed = { count: 0, atMs: 0 };

  constructor(options: ProgressTellerOptions) {
    this.#now = options.now;
    const everyMs = options.progressEveryMs ?? (options.statusLine ? SUMMARY_EVERY_MS : PROGRESS_EVERY_MS);
    this.#timers.push(setInterval(() => this.#tell(), everyMs));
    if (!options.statusLine) return;
    this.#timers.push(setInterval(() => this.#draw(), STATUS_EVERY_MS));
    this.#draw();
  }

  /** Takes the status line away. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    showStatus("");
  }

  #tell(): void {
    const { progress = NOTHING } = this.#now();
    const { progress: before, atMs } = this.#lastLine;
    if (figures(before) === figures(progress)) return;
    const nowMs = performance.now();
    this.#lastLine = { progress, atMs: nowMs };
    const rowsPerSecond = Math.round((progress.rows - before.rows) / (nowMs - atMs) * 1_000);
    const lag = progress.lag === undefined ? "" : ", lag {lag}";
    const loss = lossText(progress.loss);
    const lossAhead = loss === "" ? "" : ", {lossAhead}";
    log.info(`${countsTemplate(progress)}, {bufferedRows} held, {rowsPerSecond} rows/s${lag}${lossAhead}`, {
      ...progress,
      rowsPerSecond,
      ...(loss !== "" && { lossAhead: loss }),
    });
  }

  #draw(): void {
    const now = this.#now();
    const { rows, bufferedRows, files, deadLetters }: Progress = now.progress ?? NOTHING;
    const nowMs = performance.now();
    const count = files + deadLetters;
    if (count > this.#committed.count) this.#committed = { count, atMs: nowMs };
    showStatus(statusLine({
      ...now,
      // Rows that were read and are held count as they come; in files they would count in jerks.
      rowsPerSecond: this.#rate.next(rows + bufferedRows, nowMs),
      checkpointAgeMs: count > 0 ? nowMs - this.#committed.atMs : undefined,
    }));
  }
}

/** What makes a new line worth its place. A loss that is far away comes nearer all the time, which is no news. */
function figures(progress: Progress): string {
  return JSON.stringify({ ...progress, loss: undefined }) + lossText(progress.loss);
}
