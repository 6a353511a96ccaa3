/**
 * `deno task model [--steps N] [--seed S] [--trace]`: lives through worlds of the model, on all cores, until so many
 * steps are done or an invariant is broken. Exit 0 where none is, else 1; 2 for flags that make no sense.
 */
import { parseArgs } from "node:util";
import { exitCodeOf, wholeNumber } from "../../dev/flags.ts";
import { messageOf } from "../../src/errors.ts";
import { explore, exploreInWorkers, inTask } from "./explore.ts";
import { live } from "./scenario.ts";

const HELP = `The protocol over a simulated clock, network and disk: deno task model [options]

  --steps N        lives through worlds, one after the other, until so many steps are done; 3000000 by default
  --seed S         begins with this world; random by default. Without --steps this world alone
  --trace          tells all that happens in the one world of the seed
`;

const STEPS = 3_000_000;
/** Seeds have 32 bits: a greater one would be the same world as a lesser one. */
const SEED_MAX = 2 ** 32 - 1;

interface Options {
  readonly steps: number | undefined;
  readonly seed: number | undefined;
  readonly isTraced: boolean;
}

function parseOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      steps: { type: "string" },
      seed: { type: "string" },
      trace: { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  return {
    steps: values.steps === undefined ? undefined : wholeNumber(values.steps, "steps"),
    seed: values.seed === undefined ? undefined : wholeNumber(values.seed, "seed", { min: 0, max: SEED_MAX }),
    isTraced: values.trace,
  };
}

async function main(): Promise<boolean> {
  const options = parseOptions(Deno.args);
  if (options === undefined) {
    console.log(HELP);
    return true;
  }
  const { steps, seed: given, isTraced } = options;
  const seed = given ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
  if (isTraced) {
    const outcome = await inTask(() => live(seed, { isTraced: true }));
    for (const line of outcome.trace ?? []) console.log(line);
    console.log(outcome.violation ?? "violations=0");
    return outcome.violation === undefined;
  }
  console.log(`seed ${seed}`);
  const isOneWorld = given !== undefined && steps === undefined;
  const found = isOneWorld
    ? await explore(seed, { steps: 1 })
    : await exploreInWorkers(seed, { steps: steps ?? STEPS });
  const { broken, worlds, seconds, counts } = found;
  const rate = Math.round(found.steps / seconds);
  console.log(`${found.steps} steps in ${worlds} worlds, ${seconds.toFixed(1)} s: ${rate} steps a second`);
  console.log(Object.entries(counts).map(([what, count]) => `${count} ${what}`).join(", "));
  console.log(broken === undefined ? "violations=0" : `BROKEN ${broken.violation}`);
  if (broken !== undefined) {
    console.log(`seed ${broken.seed} repeats it: deno task model --seed ${broken.seed} --trace`);
  }
  return broken === undefined;
}

try {
  Deno.exit(await main() ? 0 : 1);
} catch (error) {
  console.error(`error: ${messageOf(error)}`);
  Deno.exit(exitCodeOf(error));
}
