import assert from "node:assert/strict";
import { judgeWhileAlive, type JudgingOptions } from "../../src/archiver/judging.ts";
import type { Waiting } from "../../src/archiver/recovery.ts";
import { waitFor } from "../support/mod.ts";

/** Far more than a test takes: what waits for this does not happen. */
const NEVER_MS = 60 * 60 * 1000;
const NOTHING: Waiting = new Map();
const SOMETHING: Waiting = new Map([["orders/0", "a".repeat(32)]]);

async function judging(
  body: (seen: { settles: number; sweeps: number; settled: number }) => Promise<unknown>,
  options: Partial<JudgingOptions> & { answers?: Waiting[] },
): Promise<void> {
  const session = new AbortController();
  const seen = { settles: 0, sweeps: 0, settled: 0 };
  const { answers = [] } = options;
  const done = judgeWhileAlive({
    waiting: NOTHING,
    signal: session.signal,
    waitingMs: NEVER_MS,
    everyMs: NEVER_MS,
    settle: () => {
      seen.settles++;
      return Promise.resolve(answers.shift() ?? NOTHING);
    },
    sweep: () => {
      seen.sweeps++;
      return Promise.resolve();
    },
    onSettled: () => seen.settled++,
    ...options,
  });
  await body(seen);
  session.abort();
  await done;
}

Deno.test("judging: a long session judges and sweeps again and again", () =>
  judging(
    (seen) =>
      waitFor(() => seen.settles >= 3 && seen.sweeps >= 4 && seen.settled === 0, {
        what: "three more judges",
        everyMs: 1,
      }),
    { everyMs: 5 },
  ));

Deno.test("judging: what waits for others is judged soon, without a sweep, until nothing waits", () =>
  judging(
    async (seen) => {
      await waitFor(() => seen.settled === 1, { what: "the end of the waiting", everyMs: 1 });
      assert.deepEqual(seen, { settles: 3, sweeps: 1, settled: 1 });
    },
    { waiting: SOMETHING, answers: [SOMETHING, SOMETHING, NOTHING], waitingMs: 5 },
  ));

Deno.test("judging: ends with its session, at once", () =>
  judging((seen) => waitFor(() => seen.sweeps === 1, { what: "the first sweep" }), {}));
