/** `--max-errors`: when bad records are too many. */
import assert from "node:assert/strict";
import { ErrorLimit, ErrorLimits, SHARE_OF_RECORDS } from "../../src/archiver/error_limit.ts";
import type { MaxErrors } from "../../src/config.ts";

/** Counts records, `x` for a bad one. @returns the offset of the first that is too many. */
function firstTooMany(max: MaxErrors, records: string): number | undefined {
  const limit = new ErrorLimit(max);
  for (const [offset, record] of [...records].entries()) {
    if (record !== "x") limit.good(1);
    else if (limit.bad(0, offset) !== undefined) return offset;
  }
  return undefined;
}

Deno.test("max-errors: so many bad records are allowed, and the next one is too many", () => {
  const count = (records: number) => ({ kind: "count", records }) as const;
  assert.equal(firstTooMany(count(0), "..x"), 2);
  assert.equal(firstTooMany(count(2), "x.x..x"), 5);
  assert.equal(firstTooMany(count(3), "x.x..x"), undefined);
});

Deno.test("max-errors: a share is that of the last records, once there are enough of them", () => {
  const share = (percent: number) => ({ kind: "share", percent }) as const;
  const all = "x".repeat(5000);
  assert.equal(firstTooMany(share(99.9), all), SHARE_OF_RECORDS - 1);
  // 10 of 100 all the time are no more than 10 %.
  const tenth = ".........x".repeat(1000);
  assert.equal(firstTooMany(share(10), tenth), undefined);
  assert.equal(firstTooMany(share(9.9), tenth), SHARE_OF_RECORDS - 1);
  // What was good long ago does not make up for what is bad now: 51 of the last 1000.
  assert.equal(firstTooMany(share(5), ".".repeat(100_000) + all), 100_050);
  // Bad ones of long ago are forgotten.
  assert.equal(firstTooMany(share(5), ("x".repeat(40) + ".".repeat(960)).repeat(20)), undefined);
});

Deno.test("max-errors: records that come again in another session are not counted again", () => {
  const limit = new ErrorLimit({ kind: "count", records: 2 });
  for (let session = 0; session < 5; session++) {
    assert.equal(limit.bad(0, 3), undefined);
    assert.equal(limit.bad(1, 3), undefined);
  }
  assert.equal(limit.bad(0, 4), "3 since the start");
});

Deno.test("max-errors: each topic has its own, through all sessions; without a limit there is none", () => {
  const limits = new ErrorLimits({ kind: "count", records: 1 });
  assert.equal(limits.of("a")!.bad(0, 1), undefined);
  assert.equal(limits.of("b")!.bad(0, 1), undefined);
  assert.equal(limits.of("a")!.bad(0, 2), "2 since the start");
  assert.equal(new ErrorLimits(undefined).of("a"), undefined);
});
