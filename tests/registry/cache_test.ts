import assert from "node:assert/strict";
import { LookupCache } from "../../src/registry/cache.ts";

type Answer = { kind: "found" | "unknown"; of: number };

/** A cache on a clock that only the test moves, and what it was asked. */
function makeCache() {
  const clock = { nowMs: 1_000 };
  const asked: number[] = [];
  const answers = new Map<number, Answer["kind"]>();
  const cache = new LookupCache<number, Answer>({
    foundMax: 3,
    unknownMax: 4,
    unknownForMs: 30_000,
    nowMs: () => clock.nowMs,
  });
  const lookUp = (of: number) =>
    cache.lookUp(of, () => {
      asked.push(of);
      return Promise.resolve({ kind: answers.get(of) ?? "found", of });
    });
  return { cache, clock, asked, answers, lookUp };
}

Deno.test("what is unknown is asked for again when its time is over, and then found for good", async () => {
  const { clock, asked, answers, lookUp } = makeCache();
  answers.set(1, "unknown");
  assert.equal((await lookUp(1)).kind, "unknown");
  answers.set(1, "found");
  clock.nowMs += 29_999;
  assert.equal((await lookUp(1)).kind, "unknown");
  assert.deepEqual(asked, [1]);
  clock.nowMs += 1;
  assert.equal((await lookUp(1)).kind, "found");
  clock.nowMs += 1e9;
  assert.equal((await lookUp(1)).kind, "found");
  assert.deepEqual(asked, [1, 1]);
});

Deno.test("answers are kept up to a number of each kind, the oldest goes first", async () => {
  const { cache, asked, answers, lookUp } = makeCache();
  for (let of = 0; of < 100; of++) {
    answers.set(of, of % 2 === 0 ? "found" : "unknown");
    await lookUp(of);
    assert(cache.size <= 3 + 4);
  }
  asked.length = 0;
  for (const kept of [94, 96, 98, 93, 95, 97, 99]) await lookUp(kept);
  assert.deepEqual(asked, []);
  await lookUp(92);
  await lookUp(91);
  assert.deepEqual(asked, [92, 91]);
});

Deno.test("those who ask at the same time share one question, its failure too, which is not kept", async () => {
  const { cache } = makeCache();
  let asked = 0;
  const gate = Promise.withResolvers<Answer>();
  const ask = () => {
    asked++;
    return gate.promise;
  };
  const all = [cache.lookUp(1, ask), cache.lookUp(1, ask), cache.lookUp(1, ask)];
  gate.reject(new Error("stopped"));
  const outcomes = await Promise.allSettled(all);
  assert.deepEqual(outcomes.map(({ status }) => status), ["rejected", "rejected", "rejected"]);
  assert.equal(asked, 1);
  const answer = await cache.lookUp(1, () => Promise.resolve({ kind: "found", of: 1 }));
  assert.equal(answer.kind, "found");
});
