import assert from "node:assert/strict";
import { standsStill } from "../../src/kafka/partitions.ts";

Deno.test("a partition that is sent nothing although there is more: said after 30 s, and every 30 s", () => {
  const state = { position: 100n, silentSinceMs: undefined };
  const said: number[] = [];
  for (let nowMs = 0; nowMs <= 100_000; nowMs += 1_000) {
    if (standsStill(state, { lastStableOffset: 300n, nowMs })) said.push(nowMs);
  }
  assert.deepEqual(said, [30_000, 60_000, 90_000]);
});

Deno.test("a partition that has reached its end does not stand still, and time counts anew after it", () => {
  const state = { position: 300n, silentSinceMs: undefined };
  for (let nowMs = 0; nowMs <= 100_000; nowMs += 1_000) {
    assert.equal(standsStill(state, { lastStableOffset: 300n, nowMs }), false);
  }
  assert.equal(standsStill(state, { lastStableOffset: 301n, nowMs: 101_000 }), false);
  assert.equal(standsStill(state, { lastStableOffset: 301n, nowMs: 130_999 }), false);
  assert.equal(standsStill(state, { lastStableOffset: 301n, nowMs: 131_000 }), true);
});
