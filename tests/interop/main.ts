/**
 * `deno task fuzz [--schemas N] [--mutations M] [--chains C] [--seed S]`: the decoder against the implementations of
 * others, in any number: see `decoder_test.ts`. Exit 0 where all agree; else 1, and the seed of the schema is named,
 * which is what `--seed` repeats it by; 2 for flags that make no sense.
 */
import { parseArgs } from "node:util";
import { exitCodeOf, wholeNumber } from "../../dev/flags.ts";
import { messageOf } from "../../src/errors.ts";
import { pythonWithReaders } from "../support/python.ts";
import { checkEvolutions } from "./support/evolutions.ts";
import { checkMutations } from "./support/mutations.ts";
import { Peer } from "./support/peer.ts";
import { checkRandomSchemas } from "./support/random_schemas.ts";

const HELP = `The decoder against avsc, fastavro, hyparquet and pyarrow: deno task fuzz [options]

  --schemas N      random schemas, encoded, decoded, written and read back; 10000 by default
  --mutations M    damaged messages; 500000 by default
  --chains C       schemas in several versions that share a file; 2500 by default
  --seed S         the first schema's; those after it have the numbers that follow. Random by default.
                   A schema that fails names its own: --seed of it, 1 of its kind and 0 of the others repeat it
`;

interface Options {
  readonly schemas: number;
  readonly mutations: number;
  readonly chains: number;
  readonly seed: number;
}

function parseOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      schemas: { type: "string", default: "10000" },
      mutations: { type: "string", default: "500000" },
      chains: { type: "string", default: "2500" },
      seed: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  return {
    schemas: wholeNumber(values.schemas, "schemas", { min: 0 }),
    mutations: wholeNumber(values.mutations, "mutations", { min: 0 }),
    chains: wholeNumber(values.chains, "chains", { min: 0 }),
    seed: values.seed === undefined
      ? crypto.getRandomValues(new Uint32Array(1))[0]!
      : wholeNumber(values.seed, "seed", { min: 0 }),
  };
}

async function run({ schemas, mutations, chains, seed }: Options): Promise<void> {
  console.log(`seed ${seed} (--seed ${seed} repeats it)`);
  const python = await pythonWithReaders();
  await using peer = python === undefined ? undefined : new Peer(python);
  console.log("Random schemas:", await checkRandomSchemas({ schemas, seed, peer }));
  console.log("Damaged messages:", await checkMutations({ mutations, seed, peer }));
  console.log("Schema versions:", await checkEvolutions({ chains, seed, peer }));
}

if (import.meta.main) {
  try {
    const options = parseOptions(Deno.args);
    if (options === undefined) console.log(HELP);
    else await run(options);
  } catch (error) {
    console.error(`error: ${messageOf(error)}`);
    Deno.exit(exitCodeOf(error));
  }
}
