/** Judging while a session lives. */
import { sleep } from "../wait.ts";
import type { Waiting } from "./recovery.ts";

/** A checkpoint that waits for other members is judged again so soon, and everything so often. */
const JUDGE_WAITING_MS = 5000;
const JUDGE_EVERY_MS = 60 * 60 * 1000;

export interface JudgingOptions {
  /** What the judge of the session's start has left waiting. */
  readonly waiting: Waiting;
  /** Aborted when the session is over. */
  readonly signal: AbortSignal;
  /** Judges everything that is prepared. */
  settle(): Promise<Waiting>;
  /** Nothing waits any more. */
  onSettled(): void;
  /** Looks after the quarantine: at once, and along with every judge that is not about what waits. */
  sweep(): Promise<void>;
  readonly waitingMs?: number;
  readonly everyMs?: number;
}

/** Judges again until the session is over: soon where a checkpoint waits for other members, else hourly. */
export async function judgeWhileAlive(options: JudgingOptions): Promise<void> {
  const { signal, waitingMs = JUDGE_WAITING_MS, everyMs = JUDGE_EVERY_MS } = options;
  let { waiting } = options;
  await options.sweep();
  while (!signal.aborted) {
    const isWaiting = waiting.size > 0;
    await sleep(isWaiting ? waitingMs : everyMs, signal);
    if (signal.aborted) return;
    waiting = await options.settle();
    if (isWaiting && waiting.size === 0) options.onSettled();
    if (!isWaiting) await options.sweep();
  }
}
