import assert from "node:assert/strict";
import {
  isUrgent,
  isWorthTelling,
  type Loss,
  lossOf,
  nearer,
  type Standing,
} from "../../src/archiver/data_loss.ts";
import { lossText } from "../../src/archiver/status_line.ts";
import { retentionOf } from "../../src/kafka/retention.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = Date.UTC(2026, 0, 1);

/** A minute ago, and now: what was committed, its age, and what the broker held. */
interface Look {
  readonly age: number;
  readonly committed?: number;
  readonly start?: number;
  readonly end?: number;
}

function history(before: Look, now: Look, apartMs = MINUTE): Standing[] {
  return [[before, NOW - apartMs] as const, [now, NOW] as const].map(([look, atMs]) => ({
    atMs,
    oldestMs: atMs - look.age,
    committed: look.committed ?? 100,
    logStart: look.start ?? 0,
    end: look.end ?? 1_000,
  }));
}

const HOUR_LONG = { ms: HOUR, bytes: undefined };
const SIZED = { ms: undefined, bytes: 1 };

for (
  const [what, standings, retention, expected] of [
    [
      "stuck: what is left of the retention",
      history({ age: 29 * MINUTE }, { age: 30 * MINUTE }),
      HOUR_LONG,
      1_800,
    ],
    [
      "half as fast as time: twice as long",
      history({ age: 29.5 * MINUTE }, { age: 30 * MINUTE }),
      HOUR_LONG,
      3_600,
    ],
    ["keeping up: no loss", history({ age: 50 * MINUTE }, { age: 50 * MINUTE }), HOUR_LONG, undefined],
    ["catching up: no loss", history({ age: 59 * MINUTE }, { age: 55 * MINUTE }), HOUR_LONG, undefined],
    [
      "catching up with what is overdue: no loss",
      history({ age: 9 * HOUR }, { age: 8 * HOUR }),
      HOUR_LONG,
      undefined,
    ],
    [
      "stuck and overdue: at any moment",
      history({ age: 2 * HOUR }, { age: 2 * HOUR + MINUTE }),
      HOUR_LONG,
      0,
    ],
    ["kept for ever", history({ age: 9 * HOUR }, { age: 9 * HOUR + MINUTE }), {
      ms: undefined,
      bytes: undefined,
    }, undefined],
    [
      "all is committed",
      history({ age: HOUR }, { age: HOUR + MINUTE, committed: 1_000 }),
      HOUR_LONG,
      undefined,
    ],
    [
      "looked at for a moment only",
      history({ age: HOUR }, { age: HOUR + 1_000 }, 1_000),
      HOUR_LONG,
      undefined,
    ],
    [
      "stuck in a full log that grows by 60 a minute: the way to its start",
      history({ age: 0, start: 40, end: 940 }, { age: 0, start: 40, end: 1_000 }),
      SIZED,
      60,
    ],
    [
      "a full log that loses more at the start than it gains",
      history({ age: 0, start: 20 }, { age: 0, start: 80 }),
      SIZED,
      20,
    ],
    [
      "as fast as a full log grows",
      history({ age: 0, committed: 40, start: 10, end: 940 }, { age: 0, start: 10, end: 1_000 }),
      SIZED,
      undefined,
    ],
    [
      "a log that has room, nobody knows how much",
      history({ age: 0, end: 500 }, { age: 0 }),
      SIZED,
      undefined,
    ],
    [
      "both limits: the nearer",
      history({ age: 29 * MINUTE, start: 40, end: 940 }, { age: 30 * MINUTE, start: 40 }),
      { ms: HOUR, bytes: 1 },
      60,
    ],
  ] as const
) {
  Deno.test(`time until data loss, ${what}`, () => {
    const loss = lossOf(standings, retention);
    assert.equal(loss && Math.round(loss.seconds), expected);
  });
}

Deno.test("time until data loss is unknown before anything was seen", () => {
  assert.equal(lossOf([], HOUR_LONG), undefined);
});

for (
  const [loss, told, urgent] of [
    [{ seconds: 6 * 86_400, share: 0.9 }, false, false],
    [{ seconds: 6 * 86_400, share: 0.1 }, false, false],
    [{ seconds: 50 * 60, share: 0.8 }, false, false],
    [{ seconds: 7 * 3_600, share: 0.3 }, true, false],
    [{ seconds: 50 * 60, share: 0.3 }, true, false],
    [{ seconds: 50 * 60, share: 0.2 }, true, true],
    [{ seconds: 0, share: 0 }, true, true],
  ] as const
) {
  const { seconds, share } = loss;
  Deno.test(`a loss in ${seconds} s with ${share} of the retention left: told ${told}, warned ${urgent}`, () => {
    const full: Loss = { ...loss, by: "retention.ms" };
    assert.equal(isWorthTelling(full), told);
    assert.equal(isUrgent(full), urgent);
    const ahead = { ...full, topic: "t", partition: 3, first: 1, next: 9 };
    assert.equal(lossText(ahead) !== "", told);
  });
}

Deno.test("of two losses the nearer one counts, of one the one", () => {
  const loss = (seconds: number): Loss => ({ seconds, share: 0, by: "retention.ms" });
  assert.equal(nearer(loss(2), loss(1))?.seconds, 1);
  assert.equal(nearer(undefined, loss(1))?.seconds, 1);
  assert.equal(nearer(undefined, undefined), undefined);
});

for (
  const [policy, ms, bytes, expected] of [
    ["delete", "604800000", "-1", { ms: 604_800_000, bytes: undefined }],
    ["compact,delete", "-1", "1000", { ms: undefined, bytes: 1_000 }],
    ["compact", "604800000", "1000", { ms: undefined, bytes: undefined }],
    [null, null, null, { ms: undefined, bytes: undefined }],
  ] as const
) {
  Deno.test(`retention of cleanup.policy=${policy}, retention.ms=${ms}, retention.bytes=${bytes}`, () => {
    const settings = new Map([["cleanup.policy", policy], ["retention.ms", ms], ["retention.bytes", bytes]]);
    assert.deepEqual(retentionOf(settings), expected);
  });
}
