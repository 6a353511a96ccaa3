/** Waiting that a signal ends, and trying again with growing delays. */

const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 5_000;
const BACKOFF_JITTER = 0.2;

/** Resolves after `ms`, or at once when the signal aborts: the caller looks at the signal. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}

/** Gives the rest of the thread one turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Resolves when the signal aborts. Call `release` when it is not needed any more. */
export function aborted(signal: AbortSignal): { readonly promise: Promise<void>; release(): void } {
  let release = () => {};
  const promise = new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    const listener = () => resolve();
    signal.addEventListener("abort", listener);
    release = () => signal.removeEventListener("abort", listener);
  });
  return { promise, release: () => release() };
}

/** The promise, or a rejection with the signal's reason as soon as it aborts. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const abort = aborted(signal);
  try {
    return await Promise.race([promise, abort.promise.then(() => Promise.reject(signal.reason))]);
  } finally {
    abort.release();
  }
}

/** The promise's value, or `undefined` as soon as the signal aborts. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const abort = aborted(signal);
  try {
    return await Promise.race([promise, abort.promise.then(() => undefined)]);
  } finally {
    abort.release();
  }
}

/** Delays that double from 0.1 s to 5 s, each moved by up to a fifth so that clients do not march in step. */
export class Backoff {
  #nextMs = BACKOFF_FIRST_MS;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  reset(): void {
    this.#nextMs = BACKOFF_FIRST_MS;
  }

  /** Waits for the next delay; ends early when the signal aborts. */
  wait(signal: AbortSignal): Promise<void> {
    const ms = this.#nextMs * (1 + BACKOFF_JITTER * (2 * this.#random() - 1));
    this.#nextMs = Math.min(this.#nextMs * 2, BACKOFF_MAX_MS);
    return sleep(ms, signal);
  }
}

/**
 * Calls `attempt` until it resolves, pausing longer each time up to 5 s, and tells `onError` of each failure.
 *
 * @returns undefined where the signal ended the trying.
 */
export async function withBackoff<T>(
  attempt: () => Promise<T>,
  options: {
    signal: AbortSignal;
    onError: (error: unknown) => void;
    /** Errors that no repetition mends: they are thrown. None by default. */
    isFinal?: (error: unknown) => boolean;
  },
): Promise<T | undefined> {
  const backoff = new Backoff();
  while (!options.signal.aborted) {
    try {
      return await attempt();
    } catch (error) {
      if (options.isFinal?.(error)) throw error;
      options.onError(error);
      await backoff.wait(options.signal);
    }
  }
  return undefined;
}
