/** What the program comes out of clean, the checker says that it does not without its safeguard. */
import assert from "node:assert/strict";
import { messageOf } from "../../src/errors.ts";
import type { Job } from "../integration/events.ts";
import { integrationTest } from "../support/integration.ts";
import { type Attack, ATTACKS } from "./attacks.ts";
import { mutatedTree, MUTATIONS } from "./mutations.ts";
import { NETWORK_ATTACKS } from "./network_attacks.ts";
import { playAll, type Scenario } from "./scenario.ts";
import { Stage } from "./stage.ts";

/** So many of the things that are wrong are told. */
const WRONG_MAX = 5;

integrationTest("attacks on the protocol: the checker finds nothing wrong", async (servers) => {
  await playAll(
    servers,
    [...ATTACKS, ...NETWORK_ATTACKS].map((attack) =>
      scenario(attack, attack.name, async (job) => {
        await using stage = new Stage(job);
        await attack.play(stage);
        await stage.judge({ isGrowing: attack.endsEarly ?? false });
        assert.deepEqual(stage.wrong.slice(0, WRONG_MAX), []);
      })
    ),
  );
});

integrationTest("without its safeguard the program is caught by the checker", async (servers) => {
  // A power cut, for one, takes a disk that can forget: that is left to the model.
  const unseen = MUTATIONS.filter(({ name, inModel }) => attackOf(name) === undefined && !inModel);
  assert.deepEqual(unseen.map(({ name }) => name), [], "neither the model nor an attack shows these");
  await playAll(
    servers,
    MUTATIONS.flatMap((mutation) => {
      const attack = attackOf(mutation.name);
      if (attack === undefined) return [];
      return scenario(attack, mutation.name, async (job) => {
        await using tree = await mutatedTree(mutation);
        await using stage = new Stage(job, tree.path);
        let trouble = "";
        try {
          await attack.play(stage);
        } catch (error) {
          trouble = `; the attack ended with ${messageOf(error)}`;
        }
        await stage.judge({ isGrowing: attack.endsEarly ?? false });
        assert.notEqual(stage.wrong.length, 0, `it was not noticed${trouble}`);
        console.log(`${mutation.name}: ${stage.wrong[0]}${trouble}`);
      });
    }),
  );
});

function attackOf(mutation: string): Attack | undefined {
  return ATTACKS.find(({ shows }) => shows.includes(mutation));
}

function scenario({ topic }: Attack, name: string, play: (job: Job) => Promise<void>): Scenario {
  return { name, ...topic === undefined ? {} : { topic }, play };
}
