/** Randomness that a failed test can repeat. */
import { type Random, seededRandom } from "../../dev/random.ts";

/** A generator whose seed is printed; `K2P_SEED` repeats an earlier one. */
export function testRandom(): Random & { readonly seed: number } {
  const seed = Number(Deno.env.get("K2P_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  console.log(`seed ${seed} (K2P_SEED=${seed} repeats it)`);
  return { seed, ...seededRandom(seed) };
}
