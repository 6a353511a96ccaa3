/** Waiting for something to become true: never a sleep for luck, always with a deadline. */

const DEADLINE_MS = 30_000;
const POLL_MS = 50;

export interface WaitOptions {
  /** What is waited for, for the error: `the first file`. */
  readonly what: string;
  /** 30 s by default. */
  readonly deadlineMs?: number;
  /** 50 ms by default. */
  readonly everyMs?: number;
}

type Falsy = undefined | null | false;

/**
 * Asks until the answer is neither `undefined`, `null` nor `false`, and gives the answer.
 *
 * @throws {Error} that names what was waited for, after the deadline; what `condition` throws, at once.
 */
export async function waitFor<T>(
  condition: () => T | Falsy | Promise<T | Falsy>,
  options: WaitOptions,
): Promise<Exclude<T, Falsy>> {
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const answer = await condition();
    if (answer !== undefined && answer !== null && answer !== false) return answer as Exclude<T, Falsy>;
    if (Date.now() > deadline) throw new Error(`Waited ${deadlineMs} ms in vain for ${options.what}`);
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? POLL_MS));
  }
}

/**
 * The promise's outcome.
 *
 * @throws {Error} where there is none within `deadlineMs`.
 */
export async function within<T>(promise: Promise<T>, deadlineMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`Still waiting after ${deadlineMs} ms`)), deadlineMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
