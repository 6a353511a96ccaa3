/** Waiting that a signal ends. */

/** The promise's value, or `undefined` as soon as the signal aborts. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const over = Promise.withResolvers<undefined>();
  const end = () => over.resolve(undefined);
  if (signal.aborted) end();
  signal.addEventListener("abort", end);
  try {
    return await Promise.race([promise, over.promise]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}

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
