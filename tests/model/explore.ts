/** Living through many worlds, one after the other or on all cores. */
import { messageOf } from "../../src/errors.ts";
import { live } from "./scenario.ts";

export interface Exploration {
  readonly steps: number;
  readonly worlds: number;
  readonly seconds: number;
  readonly counts: Readonly<Record<string, number>>;
  /** The world in which an invariant was broken. */
  readonly broken: { readonly seed: number; readonly violation: string } | undefined;
}

export interface ExploreOptions {
  readonly steps: number;
  /** Between the seeds of two worlds. 1 by default. */
  readonly stride?: number;
}

/** Lives through worlds of seeds from `seed` on, until so many steps are done or an invariant is broken. */
export async function explore(
  seed: number,
  { steps: stepsMax, stride = 1 }: ExploreOptions,
): Promise<Exploration> {
  const startedMs = performance.now();
  const counts: Record<string, number> = {};
  let [steps, worlds] = [0, 0];
  let broken: Exploration["broken"];
  let unhandled: string | undefined;
  const listen = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled = `exit: nobody hears of a rejection: ${messageOf(event.reason)}`;
  };
  globalThis.addEventListener("unhandledrejection", listen);
  while (steps < stepsMax && broken === undefined) {
    const at = (seed + stride * worlds++) >>> 0;
    const outcome = await inTask(() => live(at));
    // What nobody has caught is told one turn later.
    await inTask(() => {});
    steps += outcome.steps;
    for (const [what, count] of Object.entries(outcome.counts)) counts[what] = (counts[what] ?? 0) + count;
    const violation = outcome.violation ?? unhandled;
    if (violation !== undefined) broken = { seed: at, violation };
  }
  globalThis.removeEventListener("unhandledrejection", listen);
  return { steps, worlds, seconds: (performance.now() - startedMs) / 1000, counts, broken };
}

/** The same on all cores, each with its own seeds; the first that finds something ends it. */
export async function exploreInWorkers(seed: number, { steps }: ExploreOptions): Promise<Exploration> {
  const startedMs = performance.now();
  const cores = navigator.hardwareConcurrency;
  const workers = Array.from(
    { length: cores },
    () => new Worker(import.meta.resolve("./worker.ts"), { type: "module" }),
  );
  const found: Exploration[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      for (const [index, worker] of workers.entries()) {
        worker.onerror = (event) => reject(new Error(event.message));
        worker.onmessage = ({ data }: MessageEvent<Exploration>) => {
          found.push(data);
          if (data.broken !== undefined || found.length === cores) resolve();
        };
        worker.postMessage({ seed: seed + index, options: { steps: steps / cores, stride: cores } });
      }
    });
  } finally {
    for (const worker of workers) worker.terminate();
  }
  const counts: Record<string, number> = {};
  for (const one of found) {
    for (const [what, count] of Object.entries(one.counts)) counts[what] = (counts[what] ?? 0) + count;
  }
  return {
    steps: found.reduce((sum, one) => sum + one.steps, 0),
    worlds: found.reduce((sum, one) => sum + one.worlds, 0),
    seconds: (performance.now() - startedMs) / 1000,
    counts,
    broken: found.find(({ broken }) => broken !== undefined)?.broken,
  };
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
