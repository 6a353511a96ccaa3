/** Redrives that die anywhere, any number of times: each record is in one visible file, or waits in one exchange. */
import assert from "node:assert/strict";
import type { Random } from "../../dev/random.ts";
import { armFaults, REDRIVE_POINTS } from "../../src/fault.ts";
import { verify } from "../../src/verify/mod.ts";
import { testRandom } from "../support/mod.ts";
import { hopeless, type Letter, makeStage, type Range, type Stage, unknown } from "./stage.ts";

const ARCHIVES = 12;
const REDRIVES_MAX = 8;
const POINTS = [...REDRIVE_POINTS, "file-linked"];

/** A whole number, both ends included. */
function between(random: Random, least: number, most: number): number {
  return least + random.below(most - least + 1);
}

/** Records of all files, the dead letters of each with ranges of their own or beside rows. */
async function fill(stage: Stage, random: Random): Promise<Letter[]> {
  const all: Letter[] = [];
  let next = 0;
  const files = between(random, 1, 5);
  for (let file = 0; file < files; file++) {
    const first = next;
    const letters = Array.from({ length: between(random, 1, 6) }, () => {
      next += between(random, 1, 3);
      return random.pick([unknown(next - 1), unknown(next - 1, 8), hopeless(next - 1)]);
    });
    all.push(...letters);
    const range: Range = {
      ...{ first: BigInt(first), next: BigInt(next), rows: next - first - letters.length },
      deadLetters: { any: letters.length },
    };
    const isAlone = range.rows === 0 || random.chance(0.5);
    if (!isAlone) await stage.data(`data${file}`, [range]);
    await stage.letters(`letters${file}`, letters, isAlone ? { ranges: [range] } : {});
  }
  return all;
}

/** What a reader finds: offsets of dead letters, and ids of rows that were some. */
async function visible(stage: Stage): Promise<{ dead: number[]; rows: number[] }> {
  const inOrder = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b);
  return {
    dead: inOrder((await stage.dead()).rows.map(({ offset }) => Number(offset))),
    // Those of data files have higher ids.
    rows: inOrder((await stage.rows()).rows.map(({ id }) => Number(id)).filter((id) => id < 1000)),
  };
}

async function assertBalanced(stage: Stage, what: string): Promise<void> {
  const { findings } = await verify(stage.output, {
    deadLetter: { folder: stage.deadLetter, isShared: false },
  });
  assert.deepEqual(findings.filter(({ isProblem }) => isProblem), [], what);
}

Deno.test("redrive: any number of deaths, anywhere, leave each record in one file", async () => {
  const random = testRandom();
  for (let archive = 0; archive < ARCHIVES; archive++) {
    await using stage = await makeStage();
    const letters = await fill(stage, random);
    const offsets = letters.map(({ offset }) => offset);
    await assertBalanced(stage, "before");
    const rounds = between(random, 1, REDRIVES_MAX);
    for (let round = 0; round < rounds; round++) {
      const fault = `${random.pick(POINTS)}:EIO@${between(random, 1, 4)}`;
      const what = `archive ${archive}, redrive ${round}, ${fault}`;
      armFaults(fault);
      try {
        await stage.redrive(random.pick([[], [7], [8], [7, 8]] as const), { rows: between(random, 1, 3) });
      } catch (error) {
        assert.match(String(error), /input\/output error/, what);
      } finally {
        armFaults(undefined);
      }
      const { dead, rows } = await visible(stage);
      const seen = [...dead, ...rows];
      assert.equal(new Set(seen).size, seen.length, `${what}: a record is visible twice`);
      assert(seen.every((offset) => offsets.includes(offset)), what);
      await assertBalanced(stage, what);
    }
    await stage.redrive([7, 8]);
    const kept = letters.filter(({ schemaId }) => schemaId === null).map(({ offset }) => offset);
    assert.deepEqual(await visible(stage), {
      dead: kept,
      rows: offsets.filter((offset) => !kept.includes(offset)),
    });
    await assertBalanced(stage, "after");
  }
});
