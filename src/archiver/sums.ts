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
  const loss = parts.reduce<LossAhead | undefined>((found, part) => nearer(found, part.loss), undefined);
  return {
    rows: sum((part) => part.rows),
    files: sum((part) => part.files),
    bytes: sum((part) => part.bytes),
    deadLetters: sum((part) => part.deadLetters),
    skipped: sum((part) => part.skipped),
    bufferedRows: sum((part) => part.bufferedRows),
    ...(lag !== undefined && { lag }),
    ...(partitions !== undefined && { partitions }),
    ...(loss !== undefined && { loss }),
  };
}

/** What is left of an archiver that has died: its counts, but nothing that it held. */
export function withoutHeld({ rows, files, bytes, deadLetters, skipped }: Progress): Progress {
  return { rows, files, bytes, deadLetters, skipped, bufferedRows: 0 };
}

/** `rows in files`, and the counts of what went wrong where anything did, as a template for the log. */
export function countsTemplate({ rows, files, deadLetters, skipped }: Progress): string {
  const inFiles = files === 0 ? "no rows" : `{rows} ${noun(rows, "row")} in {files} ${noun(files, "file")}`;
  return inFiles + (deadLetters > 0 ? `, {deadLetters} ${noun(deadLetters, "dead letter")}` : "") +
    (skipped > 0 ? ", {skipped} skipped" : "");
}
