/** What this archiver has done since it started: plain counters, summed by the supervisor. */
import type { Progress } from "./messages.ts";
import { Vitals } from "./vitals.ts";

export class Totals {
  rows = 0;
  files = 0;
  bytes = 0;
  deadLetters = 0;
  skipped = 0;
  /** The rest of what is known, which only those ask for who look at metrics. */
  readonly vitals = new Vitals();

  /** With what the present session holds and has before it. */
  with(session: Pick<Progress, "bufferedRows" | "lag" | "loss" | "held" | "partitions">): Progress {
    const { rows, files, bytes, deadLetters, skipped } = this;
    return { rows, files, bytes, deadLetters, skipped, ...session };
  }
}
