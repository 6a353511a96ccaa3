/** Waiting that an AbortSignal can end, and trying again with growing pauses. */

const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 5000;

/** Resolves after `ms`, or at once when the signal is or becomes aborted; it never rejects. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
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
  for (
    let pauseMs = BACKOFF_FIRST_MS;
    !options.signal.aborted;
    pauseMs = Math.min(2 * pauseMs, BACKOFF_MAX_MS)
  ) {
    try {
      return await attempt();
    } catch (error) {
      if (options.isFinal?.(error)) throw error;
      options.onError(error);
      await sleep(pauseMs, options.signal);
    }
  }
  return undefined;
}
