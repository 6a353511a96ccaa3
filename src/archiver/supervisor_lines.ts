/** What the supervisor says, as templates for the log with their properties, or as texts. Pure. */
import { durationText, noun, sizeText } from "../words.ts";
import type { LossAhead } from "./data_loss.ts";
import type { Progress } from "./messages.ts";
import { countsTemplate } from "./sums.ts";

export interface Line {
  readonly template: string;
  readonly properties: Record<string, unknown>;
}

/** At the first signal; `progress` is undefined where no archiver has told any. */
export function signalledLine(signal: Deno.Signal, progress: Progress | undefined): Line {
  // Who sent another signal has no Ctrl-C to press.
  const again = signal === "SIGINT" ? "Ctrl-C again to quit at once." : "a second signal quits at once.";
  if (progress === undefined) return { template: `Stopping; ${again}`, properties: {} };
  const { bufferedRows } = progress;
  // There may be dead letters, or positions behind records that make no row.
  if (bufferedRows === 0) return { template: `Committing, leaving the group; ${again}`, properties: {} };
  return {
    template: `Saving what is held ({bufferedRows} ${noun(bufferedRows, "row")}), committing, ` +
      `leaving the group; ${again}`,
    properties: { bufferedRows },
  };
}

/** What becomes of what was held where it could not be saved. */
export function heldComesAgain(progress: Progress | undefined): string {
  const { bufferedRows = 0 } = progress ?? {};
  // The count is a moment old, and knows nothing of dead letters.
  const held = bufferedRows === 0
    ? "What was held"
    : `The ${bufferedRows} ${noun(bufferedRows, "row")} that ${wasOrWere(bufferedRows)} held`;
  return `${held} may not be committed: what is not comes again at the next start.`;
}

/** The end of an archiver that held rows. */
export function lostLine(lostRows: number): Line {
  return {
    template: `{lostRows} ${noun(lostRows, "row")} that ${wasOrWere(lostRows)} held may not be committed: ` +
      "what is not comes again",
    properties: { lostRows },
  };
}

/** Some of the archivers have nothing to do. */
export function idleLine(idle: number, workers: number): Line {
  return {
    template: `{idle} of {workers} workers ${idle === 1 ? "has" : "have"} no partition: the group has more ` +
      "members than partitions to share out. --workers {enough} would do as much.",
    properties: { idle, workers, enough: Math.max(1, workers - idle) },
  };
}

/** Records that Kafka will have deleted before they are archived, if all goes on as it does. */
export function lossLine({ topic, partition, first, next, seconds, by }: LossAhead): Line {
  const records = next - first;
  const when = seconds > 0 ? "in {left}" : "at any moment";
  const are = records === 1 ? "is" : "are";
  return {
    template:
      `Data loss ahead: Kafka deletes {topic}[{partition}] from offset {first} on ${when}, by the topic's {by}; ` +
      `{records} ${
        noun(records, "record")
      } up to offset {last} ${are} not archived yet. Look above for what holds ` +
      "that up, or raise the setting",
    properties: {
      topic,
      partition,
      first,
      last: next - 1,
      records,
      left: durationText(seconds),
      seconds: Math.round(seconds),
      by,
    },
  };
}

/** The end of a bounded run that met dead letters. */
export function deadLettersLine(deadLetters: number, folder: string): Line {
  const are = deadLetters === 1 ? "it is" : "they are";
  return {
    template: `{deadLetters} ${noun(deadLetters, "record")} could not be decoded; ${are} whole in {folder}`,
    properties: { deadLetters, folder },
  };
}

/** The sums at the end. */
export function doneLine(
  total: Progress,
  { seconds, rebuilds }: { readonly seconds: number; readonly rebuilds: number },
): Line {
  const { lag: _lag, loss: _loss, partitions: _partitions, deadLetterReasons, skippedReasons, ...counts } =
    total;
  const size = total.bytes > 0 ? ", {size}" : "";
  const them = rebuilds === 1 ? "its" : "their";
  const died = rebuilds > 0
    ? `; {rebuilds} ${noun(rebuilds, "worker")} died and ${wasOrWere(rebuilds)} replaced, ` +
      `${them} last files may not be counted`
    : "";
  return {
    template: `Done: ${countsTemplate(total)}${size} in {seconds} s${died}` +
      (deadLetterReasons === undefined ? "" : "; dead letters: {deadLetterReasons}") +
      (skippedReasons === undefined ? "" : "; skipped: {skippedReasons}"),
    properties: {
      ...counts,
      ...(deadLetterReasons !== undefined && { deadLetterReasons: reasonsText(deadLetterReasons) }),
      ...(skippedReasons !== undefined && { skippedReasons: reasonsText(skippedReasons) }),
      size: sizeText(total.bytes),
      seconds: Number(seconds.toFixed(1)),
      ...(rebuilds > 0 && { rebuilds }),
    },
  };
}

/** `3 no-header, 1 bad-value`. */
function reasonsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts).map(([reason, count]) => `${count} ${reason}`).join(", ");
}

function wasOrWere(count: number): string {
  return count === 1 ? "was" : "were";
}
