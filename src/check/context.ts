/** What all checks work with. */
import type { loadStart } from "../archiver/mod.ts";
import type { Config } from "../config.ts";
import { ExitCode, UserError } from "../errors.ts";
import { abortable } from "../wait.ts";
import { durationText } from "../words.ts";

/** However short servers are waited for: those that were reached are listened to for so long. */
const ANSWER_MS_MIN = 10_000;

export interface CheckContext {
  readonly config: Config;
  /** What an archiver does at its start. */
  readonly start: Awaited<ReturnType<typeof loadStart>>;
}

/** @throws {UserError} with exit code 69 where it takes longer than a step may. */
export async function inTime<T>({ config }: CheckContext, what: string, work: Promise<T>): Promise<T> {
  const timeoutMs = Math.max(config.startupTimeoutMs, ANSWER_MS_MIN);
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return await abortable(work, timeout);
  } catch (error) {
    if (error !== timeout.reason) throw error;
    throw new UserError(`${what} does not answer within ${durationText(timeoutMs / 1_000)}`, {
      exitCode: ExitCode.unavailable,
      hint: "Look into its log; the option startup-timeout gives it longer.",
      cause: error,
    });
  }
}

/** The first few, and how many more there are. */
export function few(texts: readonly string[], max = 5): string {
  const more = texts.length - max;
  return texts.slice(0, max).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
