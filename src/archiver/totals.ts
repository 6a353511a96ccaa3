/** What this archiver has done since it started: plain counters, summed by the supervisor. */
import type { Progress } from "./messages.ts";
import { addCounts } from "./sums.ts";

export class Totals {
  rows = 0;
  files = 0;
  bytes = 0;
  deadLetters = 0;
  skipped = 0;
  readonly #deadLetterReasons: Record<string, number> = {};
  readonly #skippedReasons: Record<string, number> = {};

  addDeadLetters(count: number, reasons: Readonly<Record<string, number>>): void {
    this.deadLetters += count;
    addCounts(this.#deadLetterReasons, reasons);
  }

  skip(reason: string): void {
    this.skipped++;
    addCounts(this.#skippedReasons, { [reason]: 1 });
  }

  /** With what the present session holds and has before it. */
  with(session: Pick<Progress, "bufferedRows" | "lag" | "loss" | "held" | "partitions">): Progress {
    const { rows, files, bytes, deadLetters, skipped } = this;
    const reasons = {
      ...deadLetters > 0 && { deadLetterReasons: { ...this.#deadLetterReasons } },
      ...skipped > 0 && { skippedReasons: { ...this.#skippedReasons } },
    };
    return { rows, files, bytes, deadLetters, skipped, ...reasons, ...session };
  }
}
