import assert from "node:assert/strict";
import { testRandom } from "../support/mod.ts";
import { explore, inTask } from "./explore.ts";
import { live } from "./scenario.ts";

/** A second or two; `deno task model` goes on for as long as it is told. */
const STEPS = 60_000;

Deno.test("model: no interleaving of processes, crashes and lost messages breaks an invariant", async () => {
  const { seed } = testRandom();
  const { broken, counts } = await explore(seed, { steps: STEPS });
  assert.equal(broken, undefined, `deno task model --seed ${broken?.seed} --trace`);
  for (const trouble of ["kills", "stops", "network troubles", "power cuts"]) {
    assert(counts[trouble], `a model without ${trouble} shows nothing`);
  }
});

Deno.test("model: a seed repeats its world step by step", async () => {
  const { seed } = testRandom();
  const [first, second] = [
    await inTask(() => live(seed, { isTraced: true })),
    await inTask(() => live(seed, { isTraced: true })),
  ];
  assert(first.steps > 0);
  assert.deepEqual(second, first);
});
