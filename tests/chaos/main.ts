/**
 * `deno task chaos [--kills N] [--seed S] [--minutes M] [--brokers B] [--binary FILE] [--keep]`: real brokers, real
 * producers and consumers, and everything that can go wrong; then everything is healed, drained and checked.
 *
 * The schedule is a function of the seed; how processes and machine take it is not. The storm ends with the kills or
 * the minutes, whichever comes first. Exit 0 where every record is in exactly one place; else 1, and all that was
 * written is kept; 2 for flags that make no sense.
 */
import { parseArgs } from "node:util";
import { exitCodeOf, wholeNumber } from "../../dev/flags.ts";
import { messageOf } from "../../src/errors.ts";
import { isClean, report, watch, type WatchResult } from "../faults/checker.ts";
import type { ConsumerEnd } from "./consumers.ts";
import { judge, type Judgement } from "./judgement.ts";
import { storm, type StormResult } from "./storm.ts";
import { buildWorld, type World } from "./world.ts";

const HELP =
  `Real brokers, producers and consumers, and everything that can go wrong: deno task chaos [options]

  --kills N        ends the storm after so many consumers were killed with SIGKILL; 25 by default
  --minutes M      ends it after so much time, whatever the kills; 60 by default
  --seed S         the same schedule again; random by default
  --brokers B      1 to 3; 3 by default
  --binary FILE    dist/kafka2parquet, say; without faults at named arrows. From source by default
  --keep           keeps all that was written, also when nothing is wrong
`;

interface Options {
  readonly kills: number;
  readonly minutes: number;
  readonly seed: number;
  readonly brokers: number;
  readonly binary: string | undefined;
  readonly keep: boolean;
}

const BROKERS_MAX = 3;
const PROGRESS_EVERY_MS = 15_000;
const INTERRUPTED_EXIT_CODE = 130;
const FAULT_LINE = /^fault: (\S+) (\S+)$/gm;

function parseOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      kills: { type: "string", default: "25" },
      minutes: { type: "string", default: "60" },
      seed: { type: "string" },
      brokers: { type: "string", default: String(BROKERS_MAX) },
      binary: { type: "string" },
      keep: { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  return {
    kills: wholeNumber(values.kills, "kills"),
    minutes: wholeNumber(values.minutes, "minutes"),
    seed: values.seed === undefined
      ? crypto.getRandomValues(new Uint32Array(1))[0]!
      : wholeNumber(values.seed, "seed", { min: 0 }),
    brokers: wholeNumber(values.brokers, "brokers", { max: BROKERS_MAX }),
    binary: values.binary === undefined ? undefined : Deno.realPathSync(values.binary),
    keep: values.keep,
  };
}

/** What has happened so far. */
class Tally {
  readonly ends: Record<ConsumerEnd["why"], number> = {
    "killed": 0,
    "killed-at-arrow": 0,
    "left": 0,
    "failed": 0,
    "killed-by-others": 0,
  };
  /** How often a consumer ended by itself with which exit code. */
  readonly codes = new Map<number, number>();
  files = 0;
  /** The longest time without a new file, in milliseconds. */
  longestPauseMs = 0;
  #lastFileMs = Date.now();

  get kills(): number {
    return this.ends["killed"] + this.ends["killed-at-arrow"];
  }

  ended({ why, status }: ConsumerEnd): void {
    this.ends[why]++;
    if (why === "failed") this.codes.set(status.code, (this.codes.get(status.code) ?? 0) + 1);
  }

  looked(files: number): void {
    const now = Date.now();
    this.longestPauseMs = Math.max(this.longestPauseMs, now - this.#lastFileMs);
    if (files > this.files) this.#lastFileMs = now;
    this.files = files;
  }
}

async function run(options: Options, root: string): Promise<boolean> {
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  const tally = new Tally();
  using log = Deno.openSync(`${root}/chaos.log`, { create: true, append: true });
  const note = (line: string) => {
    log.writeSync(new TextEncoder().encode(`${new Date().toISOString()} ${line}\n`));
  };
  await using world = await buildWorld({
    ...options,
    root,
    onEnd(end) {
      tally.ended(end);
      note(`${end.place.name} ${end.why}: ${end.status.signal ?? `exit ${end.status.code}`}`);
    },
  });
  if (world.disk === undefined) say("No full disks: this system has no user namespaces for everybody");
  say(`The storm begins after ${seconds()} s`);
  const watching = new AbortController();
  const watched = watch({
    brokers: world.kafka.bootstrap,
    groups: world.groups,
    folders: () => [...world.archives, ...world.deadLetters],
    onLook: (files) => tally.looked(files),
    stop: watching.signal,
  });
  // It is waited for at the end; until then its failure is nobody's.
  watched.catch(() => {});
  const deadline = Date.now() + options.minutes * 60_000;
  const progress = setInterval(
    () => say(`${seconds()} s: ${tally.kills} kills, ${tally.files} files, ${world.ids.taken} records`),
    PROGRESS_EVERY_MS,
  );
  try {
    const done = await storm({
      world,
      seed: options.seed,
      isOver: () => tally.kills >= options.kills || Date.now() > deadline,
      files: () => tally.files,
      note,
    });
    const stormSeconds = seconds();
    say(`The storm is over after ${stormSeconds} s; everything is healed, drained and checked`);
    const judgement = await judge(world, root);
    watching.abort();
    const result = { done, judgement, watched: await watched, tally, world };
    return await tell(result, { ...options, root, times: `storm_s=${stormSeconds} total_s=${seconds()}` });
  } finally {
    clearInterval(progress);
    watching.abort();
  }
}

interface Result {
  readonly done: StormResult;
  readonly judgement: Judgement;
  readonly watched: WatchResult;
  readonly tally: Tally;
  readonly world: World;
}

/** Prints what has happened. @returns whether nothing is wrong. */
async function tell(
  { done, judgement, watched, tally, world }: Result,
  options: Options & { root: string; times: string },
): Promise<boolean> {
  const { checked, problems, unknown } = judgement;
  const lines = [...problems, ...watched.problems.map(({ detail }) => `seen on watch: ${detail}`)];
  const isGood = isClean(checked) && lines.length === 0;
  const { counts } = checked;
  const uncommitted = counts.uncommitted_visible + watched.problems.length;
  const faults = await faultsIn(options.root);
  const pairs = (entries: Iterable<readonly [string | number, number]>) =>
    [...entries].map(([name, count]) => `${name}=${count}`).join(" ");
  console.log(
    [
      report(checked),
      ...lines,
      `at arrows: ${pairs(faults)}`,
      `ends: ${pairs(Object.entries(tally.ends))}; exit codes: ${pairs(tally.codes)}`,
      `steps: ${pairs(Object.entries(done.done))} commits-met=${world.fates.met}`,
      `records=${checked.records} outcomes_read_back=${unknown} files=${checked.files} ` +
      `looks=${watched.looks} longest_pause_s=${Math.round(tally.longestPauseMs / 1000)}`,
      `kills=${tally.kills} lost=${counts.lost} duplicated=${counts.duplicated} ` +
      `uncommitted_visible=${uncommitted} aborted_visible=${counts.aborted_visible} ` +
      `prepared=${counts.prepared} seed=${options.seed} ${options.times}`,
    ].join("\n"),
  );
  return isGood;
}

/** How often each fault point has done something, of all consumers. */
async function faultsIn(root: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for await (const { name, isFile } of Deno.readDir(root)) {
    if (!isFile || !name.endsWith(".log")) continue;
    for (const [, point, what] of (await Deno.readTextFile(`${root}/${name}`)).matchAll(FAULT_LINE)) {
      counts.set(`${point}:${what}`, (counts.get(`${point}:${what}`) ?? 0) + 1);
    }
  }
  return new Map([...counts].sort());
}

function say(line: string): void {
  console.error(`# ${line}`);
}

async function main(): Promise<boolean> {
  const options = parseOptions(Deno.args);
  if (options === undefined) {
    console.log(HELP);
    return true;
  }
  const root = await Deno.makeTempDir({ prefix: "kafka2parquet-chaos-" });
  say(`Seed ${options.seed}; everything is written to ${root}`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // The guards of all processes end them as soon as we are gone.
    Deno.addSignalListener(signal, () => Deno.exit(INTERRUPTED_EXIT_CODE));
  }
  let isGood = false;
  try {
    isGood = await run(options, root);
  } finally {
    if (isGood && !options.keep) await Deno.remove(root, { recursive: true });
    else say(`Logs, files and Kafka's data are in ${root}`);
  }
  return isGood;
}

if (import.meta.main) {
  try {
    Deno.exit(await main() ? 0 : 1);
  } catch (error) {
    say(`error: ${messageOf(error)}`);
    Deno.exit(exitCodeOf(error));
  }
}
