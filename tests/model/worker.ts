/** One core's share of the exploring. */
import { type Exploration, explore, type ExploreOptions } from "./explore.ts";

interface Scope {
  onmessage: (event: MessageEvent<{ seed: number; options: ExploreOptions }>) => void;
  postMessage(found: Exploration): void;
}

const scope = globalThis as unknown as Scope;
scope.onmessage = async ({ data }) => scope.postMessage(await explore(data.seed, data.options));
