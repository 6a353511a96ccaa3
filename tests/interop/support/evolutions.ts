/**
 * Versions of random schemas that alternate in one open file, damaged messages among them: each record stands in the
 * file as a plain projection of it into the columns of all versions, for hyparquet and pyarrow, too.
 */
import assert from "node:assert/strict";
import { type Random, seededRandom } from "../../../dev/random.ts";
import { EvolvingFile } from "../../avro/support/evolving_file.ts";
import { SchemaEvolution } from "../../avro/support/evolve_schema.ts";
import { mutate } from "../../avro/support/mutate.ts";
import { PlainReader } from "../../avro/support/plain_reader.ts";
import { RandomSchemas, type Schema } from "../../avro/support/random_schema.ts";
import { RandomValues } from "../../avro/support/random_value.ts";
import type { Row } from "../../avro/support/reference.ts";
import { asHeld, Version } from "../../avro/support/versions.ts";
import { checkReason } from "./flaws.ts";
import type { Peer } from "./peer.ts";
import { checkColumns } from "./random_schemas.ts";

export interface EvolutionsOptions {
  readonly chains: number;
  readonly seed: number;
  /** Without it, pyarrow is left out. */
  readonly peer: Peer | undefined;
}

export interface EvolutionCounts {
  chains: number;
  versions: number;
  rows: number;
  deadLetters: number;
}

const CHANGES_MAX = 4;
const RUNS_MAX = 14;
const SHORT_RUN_MAX = 30;
/** More than a block of rows. */
const LONG_RUN = 700;
/** How many of the messages are damaged. */
const DAMAGED = [0, 0.1, 0.6];
const WIDE_EVERY = 12;
const LONG_EVERY = 40;

/** @throws {AssertionError} that names the seed of the chain. */
export async function checkEvolutions({ chains, seed, peer }: EvolutionsOptions): Promise<EvolutionCounts> {
  const counts: EvolutionCounts = { chains: 0, versions: 0, rows: 0, deadLetters: 0 };
  for (let next = seed; next < seed + chains; next++) {
    const chain = new Chain(next);
    try {
      await chain.check({ peer, counts });
    } catch (cause) {
      throw new Error(
        `seed ${next}: ${chain.texts.map((text) => JSON.stringify(text)).join("\n  then ")}: ${cause}`,
        {
          cause,
        },
      );
    }
    counts.chains++;
    counts.versions += chain.texts.length;
  }
  return counts;
}

class Chain {
  readonly texts: Schema[];
  readonly #random: Random;
  readonly #evolution: SchemaEvolution;
  readonly #file = new EvolvingFile();
  readonly #rows: Row[] = [];

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#evolution = new SchemaEvolution(this.#random);
    const { chance, below } = this.#random;
    const shape = chance(1 / WIDE_EVERY) ? { depth: 2, fieldsMax: 40 } : { depth: 4 };
    this.texts = [new RandomSchemas(this.#random, { ...shape, reuse: false }).next()];
    for (let changes = 1 + below(CHANGES_MAX); changes > 0; changes--) {
      this.texts.push(this.#evolution.next(this.texts.at(-1)!));
    }
  }

  async check({ peer, counts }: { peer: Peer | undefined; counts: EvolutionCounts }): Promise<void> {
    const { pick, below, chance } = this.#random;
    const versions = this.texts.map((text) => ({
      version: new Version(text, new RandomValues(this.#random, text)),
      reader: new PlainReader(text),
    }));
    for (let runs = 1 + below(RUNS_MAX); runs > 0; runs--) {
      const length = chance(0.5) ? 1 : 1 + below(chance(1 / LONG_EVERY) ? LONG_RUN : SHORT_RUN_MAX);
      counts.deadLetters += this.#take(pick(versions), length);
    }
    const { columns } = this.#file;
    const rows = this.#rows.map((row) =>
      asHeld(row, columns.schema, (name) => this.#evolution.newestName(name))
    );
    await checkColumns(columns, { rows, peer });
    counts.rows += rows.length;
  }

  /** One batch of one version. Returns how many of them are dead letters. */
  #take({ version, reader }: { version: Version; reader: PlainReader }, length: number): number {
    const { pick, chance } = this.#random;
    const damaged = pick(DAMAGED);
    const messages = Array.from({ length }, () => {
      const { bytes, row } = version.next();
      if (!chance(damaged)) return { bytes, row };
      const bad = mutate(bytes, { random: this.#random, other: version.next().bytes });
      return { bytes: bad, reading: reader.read(bad) };
    });
    const reasons = this.#file.takeGood(version.writer, messages.map(({ bytes }) => bytes));
    for (const [index, { bytes, row, reading }] of messages.entries()) {
      const where = `bytes ${bytes.toHex()}`;
      const reason = reasons.get(index);
      if (reading === undefined) {
        assert.equal(reason, undefined, `a good message is bad, ${where}`);
        this.#rows.push(row!);
      } else if (reason === undefined) {
        assert.equal(reading.flaw, undefined, `a row of a bad message, ${where}`);
        this.#rows.push(version.row(reading.value));
      } else {
        checkReason(reason, reading, where);
      }
    }
    return reasons.size;
  }
}
