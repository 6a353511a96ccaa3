/** The live line of figures on a terminal, as text. Pure: time is an argument. */
import { durationText, noun } from "../words.ts";
import { isWorthTelling, type LossAhead } from "./data_loss.ts";
import type { Progress } from "./messages.ts";

/** Rows a second are a mean over so long: files end in jerks, and a figure that jumps cannot be read. */
const RATE_WINDOW_MS = 5_000;

/** Rows a second of late. */
export class Rate {
  readonly #points: { readonly rows: number; readonly atMs: number }[] = [];

  /** The rate now that there have been `rows` in all. */
  next(rows: number, nowMs: number): number {
    this.#points.push({ rows, atMs: nowMs });
    while (this.#points.length > 2 && nowMs - this.#points[1]!.atMs >= RATE_WINDOW_MS) this.#points.shift();
    const first = this.#points[0]!;
    // Rows that were held and are dropped at a rebalance come again: no progress, but none backwards either.
    return nowMs === first.atMs ? 0 : Math.max(0, (rows - first.rows) / (nowMs - first.atMs) * 1_000);
  }
}

export interface Status {
  /** The sums of all archivers; undefined before the first has told anything. */
  readonly progress: Progress | undefined;
  readonly rowsPerSecond: number;
  /** Since the last file was seen to be committed; undefined before the first. */
  readonly checkpointAgeMs: number | undefined;
  readonly stopping: boolean;
  /** How many archivers there should be, and how many there are. */
  readonly workers: number;
  readonly working: number;
}

/** What matters most comes first: a narrow terminal shows only the beginning. */
export function statusLine(status: Status): string {
  const { progress, checkpointAgeMs, stopping, workers, working } = status;
  const parts = [stopping ? "Saving" : progress === undefined ? "Starting" : ""];
  if (progress !== undefined) {
    const { lag, loss, bufferedRows, files, deadLetters } = progress;
    parts.push(
      lossText(loss),
      `${number(status.rowsPerSecond)} rows/s`,
      lag === undefined ? "" : `lag ${number(lag)}`,
      `${number(bufferedRows)} held`,
      `${number(files)} ${noun(files, "file")}`,
      deadLetters > 0 ? `${number(deadLetters)} ${noun(deadLetters, "dead letter")}` : "",
      checkpointAgeMs === undefined
        ? "no checkpoint yet"
        : `last checkpoint ${durationText(checkpointAgeMs / 1_000)} ago`,
    );
  }
  if (working < workers) parts.push(`${working} of ${workers} workers`);
  return parts.filter((part) => part !== "").join(" | ");
}

/** Empty where no loss is near. */
export function lossText(loss: LossAhead | undefined): string {
  if (loss === undefined || !isWorthTelling(loss)) return "";
  return `data loss of ${loss.topic}[${loss.partition}] in ${durationText(loss.seconds)}`;
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en");
}
