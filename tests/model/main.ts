/**
 * `deno task model [--steps N] [--seed S] [--trace]`: lives through worlds of the model until so many steps are done or an
 * invariant is broken. `--seed S` alone lives through that one world; with `--trace` it tells all that happens in it.
 */
import { live, type Outcome } from "./scenario.ts";

const STEPS = 3_000_000;

export interface Exploration {
  readonly steps: number;
  readonly worlds: number;
  readonly seconds: number;
  readonly counts: Readonly<Record<string, number>>;
  /** The world in which an invariant was broken. */
  readonly broken: { readonly seed: number; readonly violation: string } | undefined;
}

/** Lives through worlds of seeds from `seed` on. */
export async function explore(seed: number, options: { readonly steps: number }): Promise<Exploration> {
  const startedMs = performance.now();
  const counts: Record<string, number> = {};
  let steps = 0;
  let worlds = 0;
  let broken: Exploration["broken"];
  while (steps < options.steps && broken === undefined) {
    const at = (seed + worlds++) >>> 0;
    const outcome = await inTask(() => live(at));
    steps += outcome.steps;
    for (const [what, count] of Object.entries(outcome.counts)) counts[what] = (counts[what] ?? 0) + count;
    if (outcome.violation !== undefined) broken = { seed: at, violation: outcome.violation };
  }
  return { steps, worlds, seconds: (performance.now() - startedMs) / 1000, counts, broken };
}

/** In a turn of the event loop of its own: promises cannot be driven from within a promise. */
export function inTask<T>(body: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(body());
      } catch (error) {
        reject(error);
      }
    });
  });
}

function option(name: string): number | undefined {
  const at = Deno.args.indexOf(`--${name}`);
  if (at < 0) return undefined;
  const value = Number(Deno.args[at + 1]);
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`--${name} wants a whole number`);
  return value;
}

async function main(): Promise<boolean> {
  const given = option("seed");
  const steps = option("steps") ?? (given === undefined ? STEPS : 1);
  const seed = given ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
  if (Deno.args.includes("--trace")) {
    const outcome: Outcome = await inTask(() => live(seed, { isTraced: true }));
    for (const line of outcome.trace ?? []) console.log(line);
    console.log(outcome.violation ?? "nothing is broken");
    return outcome.violation === undefined;
  }
  console.log(`seed ${seed}`);
  const { broken, worlds, seconds, counts, ...done } = await explore(seed, { steps });
  console.log(
    `${done.steps} steps in ${worlds} worlds, ${seconds.toFixed(1)} s: ${
      Math.round(done.steps / seconds)
    } steps a second`,
  );
  console.log(Object.entries(counts).map(([what, count]) => `${count} ${what}`).join(", "));
  if (broken === undefined) {
    console.log("violations=0");
    return true;
  }
  console.log(
    `BROKEN ${broken.violation}\nseed ${broken.seed} repeats it: deno task model --seed ${broken.seed} --trace`,
  );
  return false;
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);
