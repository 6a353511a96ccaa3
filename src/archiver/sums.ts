/** Sums over several archivers. Pure. */
import { noun } from "../words.ts";
import { type LossAhead, nearer } from "./data_loss.ts";
import type { Progress } from "./messages.ts";

export const NOTHING: Progress = { rows: 0, files: 0, bytes: 0, deadLetters: 0, skipped: 0, bufferedRows: 0 };

/** Lag and partitions are sums of what is known, and absent where nothing is; the loss is the nearest. */
export function sumOf(parts: readonly Progress[]): Progress {
  const sum = (count: (part: Progress) => number) => parts.reduce((total, part) => total + count(part), 0);
  const known = (count: (part: Progress) => number | undefined) =>
    parts.some((part) => count(part) !== undefined) ? sum((part) => count(part) ?? 0) : undefined;
  const lag = known((part) => part.lag);
  const partitions = known((part) => part.partitions);
  const deadLetterReasons = reasonsOf(parts, ({ deadLetterReasons }) => deadLetterReasons);
  const skippedReasons = reasonsOf(parts, ({ skippedReasons }) => skippedReasons);
  const loss = parts.reduce<LossAhead | undefined>((found, part) => nearer(found, part.loss), undefined);
  return {
    rows: sum((part) => part.rows),
    files: sum((part) => part.files),
    bytes: sum((part) => part.bytes),
    deadLetters: sum((part) => part.deadLetters),
    skipped: sum((part) => part.skipped),
    ...(deadLetterReasons !== undefined && { deadLetterReasons }),
    ...(skippedReasons !== undefined && { skippedReasons }),
    bufferedRows: sum((part) => part.bufferedRows),
    ...(lag !== undefined && { lag }),
    ...(partitions !== undefined && { partitions }),
    ...(loss !== undefined && { loss }),
  };
}

/** What is left of an archiver that has died: its counts, but nothing that it held. */
export function withoutHeld(progress: Progress): Progress {
  const { rows, files, bytes, deadLetters, skipped, deadLetterReasons, skippedReasons } = progress;
  return {
    ...{ rows, files, bytes, deadLetters, skipped },
    ...(deadLetterReasons !== undefined && { deadLetterReasons }),
    ...(skippedReasons !== undefined && { skippedReasons }),
    bufferedRows: 0,
  };
}

/** Adds counts by reason to sums. */
export function addCounts(sums: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [reason, count] of Object.entries(counts)) sums[reason] = (sums[reason] ?? 0) + count;
}

/** The sums of counts by reason; undefined where nobody has any. */
function reasonsOf(
  parts: readonly Progress[],
  of: (part: Progress) => Readonly<Record<string, number>> | undefined,
): Record<string, number> | undefined {
  const sums: Record<string, number> = {};
  for (const part of parts) addCounts(sums, of(part) ?? {});
  return Object.keys(sums).length === 0 ? undefined : sums;
}

/** `rows in files`, and the counts of what went wrong where anything did, as a template for the log. */
export function countsTemplate({ rows, files, deadLetters, skipped }: Progress): string {
  const inFiles = files === 0 ? "no rows" : `{rows} ${noun(rows, "row")} in {files} ${noun(files, "file")}`;
  return inFiles + (deadLetters > 0 ? `, {deadLetters} ${noun(deadLetters, "dead letter")}` : "") +
    (skipped > 0 ? ", {skipped} skipped" : "");
}
