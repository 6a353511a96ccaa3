/**
 * The model, longer than a unit test may take; and with each safeguard of the program taken out, which it must
 * notice.
 */
import assert from "node:assert/strict";
import { testRandom } from "../support/mod.ts";
import { exploreInWorkers } from "../model/explore.ts";
import { mutatedTree, MUTATIONS } from "./mutations.ts";

const STEPS = 1_000_000;
/** All are noticed within a quarter of this (seeds from 1 on). */
const MUTATION_STEPS_MAX = 1_000_000;
/** Fixed, or now and then a leg would need longer than that. */
const MUTATION_SEED = Deno.env.get("K2P_SEED") ?? "1";

Deno.test("model: a million steps break no invariant", async () => {
  const { seed } = testRandom();
  const { broken, steps, worlds, seconds } = await exploreInWorkers(seed, { steps: STEPS });
  console.log(`${steps} steps in ${worlds} worlds, ${seconds.toFixed(1)} s`);
  assert.equal(broken, undefined, `deno task model --seed ${broken?.seed} --trace`);
});

for (const mutation of MUTATIONS.filter(({ inModel }) => inModel)) {
  Deno.test(`model: it is noticed when ${mutation.why} (${mutation.name})`, async () => {
    await using tree = await mutatedTree(mutation);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        `${tree.path}/tests/model/main.ts`,
        "--seed",
        MUTATION_SEED,
        "--steps",
        `${MUTATION_STEPS_MAX}`,
      ],
      cwd: tree.path,
      env: { NO_COLOR: "1" },
    }).output();
    const said = new TextDecoder().decode(stdout);
    assert.equal(code, 1, said + new TextDecoder().decode(stderr));
    // By an invariant that has a name, not by a program that does not even start.
    assert.match(said, /^BROKEN (I[1-8]|twice|aborted|home|progress): /m);
    console.log(said.trimEnd());
  });
}
