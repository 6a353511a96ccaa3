/**
 * Random faults: three members on one folder that die, stand still and meet broken disks at random arrows, while
 * transactions are committed and aborted. `K2P_FAULT_ROUNDS` plays more of them, `K2P_SEED` the same again.
 */
import assert from "node:assert/strict";
import { type Random, seededRandom } from "../../dev/random.ts";
import { FAULT_POINTS, type FaultPoint, PREPARE_POINTS, PUBLISH_POINTS } from "../../src/fault.ts";
import { integrationTest } from "../support/integration.ts";
import { type Program, testRandom } from "../support/mod.ts";
import { playAll } from "./scenario.ts";
import { Stage } from "./stage.ts";

const ROUNDS = Number(Deno.env.get("K2P_FAULT_ROUNDS") ?? 3);
const MEMBERS = 3;
const LIVES = 3;
const LIFE_MS_MAX = 6000;
const FROZEN_MS_MAX = 4000;
const PARTITIONS = 3;
const BATCH_MAX = 40;
const PRODUCE_EVERY_MS = 50;
/** So many of the things that are wrong are told. */
const WRONG_MAX = 5;
/** In order, with something unsaved, killed, and by SIGTERM before it was listened to. */
const ENDS = [0, 1, 137, 143];

/** Where an error is one of the disk; anywhere else it ends the program, as it should. */
const DISK_POINTS: ReadonlySet<FaultPoint> = new Set([...PREPARE_POINTS, ...PUBLISH_POINTS]);

integrationTest(
  "random faults of three members on one folder: every record exactly once",
  async (servers) => {
    const random = testRandom();
    const rounds = Array.from(
      { length: ROUNDS },
      (_, i) => ({ i, random: seededRandom(random.below(2 ** 31)) }),
    );
    await playAll(
      servers,
      rounds.map(({ i, random }) => ({
        name: `round ${i + 1} of ${ROUNDS}`,
        topic: { partitions: PARTITIONS },
        async play(job) {
          await using stage = new Stage(job);
          // A busy broker may not know a topic just made yet, and would refuse its first transaction.
          await job.servers.admin((admin) => admin.fetchTopicOffsets(job.topic));
          const isOver = new AbortController();
          const producing = produce(stage, {
            random: seededRandom(random.below(2 ** 31)),
            until: isOver.signal,
          });
          // Told where it is awaited.
          producing.catch(() => {});
          const members = Array.from({ length: MEMBERS }, () => seededRandom(random.below(2 ** 31)));
          try {
            await Promise.all(members.map((random) => live(stage, random)));
          } finally {
            isOver.abort();
            await producing;
          }
          await stage.runToEnd();
          // Folders that were given up on go when a session begins.
          await stage.runToEnd();
          await stage.judge();
          assert.deepEqual(stage.wrong.slice(0, WRONG_MAX), []);
        },
      })),
    );
  },
);

async function produce(
  stage: Stage,
  { random, until }: { random: Random; until: AbortSignal },
): Promise<void> {
  while (!until.aborted) {
    const transaction = random.pick(["none", "commit", "abort"] as const);
    await stage.produce(random.below(PARTITIONS), 1 + random.below(BATCH_MAX), {
      ...transaction === "none" ? {} : { transaction },
    });
    await new Promise((resolve) => setTimeout(resolve, PRODUCE_EVERY_MS));
  }
}

/** One member after the other, each with faults of its own and a violent or an orderly end. */
async function live(stage: Stage, random: Random): Promise<void> {
  for (let life = 0; life < LIVES; life++) {
    const program = stage.run({
      fault: Array.from({ length: 1 + random.below(3) }, () => randomFault(random)).join(","),
      flags: ["--rows", random.pick(["7", "50", "300"]), "--age", random.pick(["100ms", "500ms"])],
    });
    const end = random.pick(["SIGKILL", "SIGTERM"] as const);
    await thaw(program, random, Date.now() + 1000 + random.below(LIFE_MS_MAX));
    program.signal("SIGCONT");
    program.signal(end);
    // It may stop itself once more on its way out.
    await thaw(program, random, Number.POSITIVE_INFINITY);
    const { code } = await program.exit;
    assert(ENDS.includes(code), `exit ${code}: ${program.stderr.join("\n")}`);
  }
}

/** Lets a program that has stopped itself go on some time later, until it ends or its time is over. */
async function thaw(program: Program, random: Random, untilMs: number): Promise<void> {
  let thawed = 0;
  while (!program.ended && Date.now() < untilMs) {
    const stops = program.stderr.filter((line) => /^fault: .* SIGSTOP$/.test(line)).length;
    await new Promise((resolve) => setTimeout(resolve, stops > thawed ? random.below(FROZEN_MS_MAX) : 100));
    if (stops > thawed) program.signal("SIGCONT");
    thawed = stops;
  }
}

function randomFault(random: Random): string {
  const point = random.pick(FAULT_POINTS);
  const faults = ["SIGKILL", "SIGSTOP", "delay=500ms", "delay=3s"];
  const what = DISK_POINTS.has(point) && random.chance(0.6)
    ? random.pick(["ENOSPC", "EIO", "EROFS", "EXDEV"])
    : random.pick(faults);
  return `${point}:${what}@${1 + random.below(6)}`;
}
