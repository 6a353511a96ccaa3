/** The decoder against the implementations of others. `deno task fuzz` does the same in any number. */
import { corpus } from "../avro/support/corpus.ts";
import { RandomValues } from "../avro/support/random_value.ts";
import { testRandom } from "../support/mod.ts";
import { pythonWithReaders } from "../support/python.ts";
import { checkEvolutions } from "./support/evolutions.ts";
import { checkMutations } from "./support/mutations.ts";
import { Peer } from "./support/peer.ts";
import { checkRandomSchemas, checkSchema } from "./support/random_schemas.ts";

const SCHEMAS = 2_000;
const MUTATIONS = 100_000;

const CHAINS = 500;
const CORPUS_VALUES = 40;

const python = await pythonWithReaders();

Deno.test("fastavro and pyarrow see what we see in every schema of the corpus", async () => {
  const random = testRandom();
  await using peer = python === undefined ? undefined : new Peer(python);
  for (const { name, written, plain, columns, notForAvsc } of corpus()) {
    if (columns.startsWith("error: ")) continue;
    const make = new RandomValues(random, plain);
    const values = Array.from({ length: CORPUS_VALUES }, () => make.next(plain));
    try {
      const isNotForAvsc = notForAvsc !== undefined;
      await checkSchema({ written, plain }, { values, random, peer, isNotForAvsc });
    } catch (cause) {
      throw new Error(`${name}: ${cause}`, { cause });
    }
  }
});

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

Deno.test("versions of 500 random schemas share files with dead letters between them, and no row is another", async () => {
  const { seed } = testRandom();
  await using peer = python === undefined ? undefined : new Peer(python);
  console.log(await checkEvolutions({ chains: CHAINS, seed, peer }));
});
