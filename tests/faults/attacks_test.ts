/** What the program comes out of clean, the checker says that it does not without its safeguard. */
import assert from "node:assert/strict";
import { messageOf } from "../../src/errors.ts";
import type { Job } from "../integration/events.ts";
import { integrationTest } from "../support/integration.ts";
import { type Attack, ATTACKS } from "./attacks.ts";
import { mutatedTree, MUTATIONS } from "./mutations.ts";
import { playAll, type Scenario } from "./scenario.ts";
import { Stage } from "./stage.ts";

/** One attack in tests that are looked at by hand. */
const ONLY = Deno.env.get("K2P_ATTACK");

function scenarios(
  attacks: readonly Attack[],
  play: (attack: Attack, job: Job) => Promise<void>,
): Scenario[] {
  return attacks.filter(({ name }) => ONLY === undefined || name.includes(ONLY)).map((attack) => ({
    name: attack.name,
    ...attack.topic === undefined ? {} : { topic: attack.topic },
    play: (job) => play(attack, job),
  }));
}

integrationTest("attacks on the protocol: the checker finds nothing wrong", async (servers) => {
  await playAll(
    servers,
    scenarios(ATTACKS, async (attack, job) => {
      await using stage = new Stage(job);
      await attack.play(stage);
      await stage.judge({ isGrowing: attack.endsEarly ?? false });
      assert.deepEqual(stage.wrong, []);
    }),
  );
});

integrationTest("without its safeguard the program is caught by the checker", async (servers) => {
  const missing = MUTATIONS.filter(({ name }) => !ATTACKS.some(({ shows }) => shows.includes(name)));
  assert.deepEqual(missing.map(({ name }) => name), [], "every mutation has an attack that shows it");
  for (const mutation of MUTATIONS) {
    const attacks = ATTACKS.filter(({ shows }) => shows.includes(mutation.name));
    await using tree = await mutatedTree(mutation);
    await playAll(
      servers,
      scenarios(attacks, async (attack, job) => {
        await using stage = new Stage(job, tree.path);
        let trouble = "";
        try {
          await attack.play(stage);
        } catch (error) {
          trouble = `; it ended with ${messageOf(error)}`;
        }
        await stage.judge({ isGrowing: attack.endsEarly ?? false });
        assert.notEqual(stage.wrong.length, 0, `${mutation.name} was not noticed${trouble}`);
        console.log(`${mutation.name}: ${stage.wrong[0]}`);
      }),
    );
  }
});
