/**
 * `deno task model [--steps N] [--seed S] [--trace]`: lives through worlds of the model, on all cores, until so many steps
 * are done or an invariant is broken. `--seed S` without steps lives through that one world; with `--trace` it tells all
 * that happens in it.
 */
import { explore, exploreInWorkers, inTask } from "./explore.ts";
import { live } from "./scenario.ts";

const STEPS = 3_000_000;

function option(name: string): number | undefined {
  const at = Deno.args.indexOf(`--${name}`);
  if (at < 0) return undefined;
  const value = Number(Deno.args[at + 1]);
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`--${name} wants a whole number`);
  return value;
}

async function main(): Promise<boolean> {
  const given = option("seed");
  const seed = given ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
  if (Deno.args.includes("--trace")) {
    const outcome = await inTask(() => live(seed, { isTraced: true }));
    for (const line of outcome.trace ?? []) console.log(line);
    console.log(outcome.violation ?? "violations=0");
    return outcome.violation === undefined;
  }
  console.log(`seed ${seed}`);
  const steps = option("steps");
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

Deno.exit(await main() ? 0 : 1);
