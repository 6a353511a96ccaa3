/** The decoder against the implementations of others. `deno task fuzz` does the same in any number. */
import { testRandom } from "../support/mod.ts";
import { pythonWithReaders } from "../support/python.ts";
import { checkMutations } from "./support/mutations.ts";
import { Peer } from "./support/peer.ts";
import { checkRandomSchemas } from "./support/random_schemas.ts";

const SCHEMAS = 2_000;
const MUTATIONS = 100_000;

const python = await pythonWithReaders();

Deno.test("values of 2,000 random schemas are read from our files as avsc and fastavro have encoded them", async () => {
  const { seed } = testRandom();
  await using peer = python === undefined ? undefined : new Peer(python);
  console.log(await checkRandomSchemas({ schemas: SCHEMAS, seed, peer }));
});

Deno.test("of 100,000 damaged messages each is the row that other readers see, or a dead letter with its reason", async () => {
  const { seed } = testRandom();
  await using peer = python === undefined ? undefined : new Peer(python);
  console.log(await checkMutations({ mutations: MUTATIONS, seed, peer }));
});
