/** After the storm: everything is drained, read back and judged. */
import { check, type CheckResult, type LoggedRecord } from "../faults/checker.ts";
import { parseKey } from "./producers.ts";
import { readTopic, type StoredRecord } from "./read_back.ts";
import { archivesIn, type World } from "./world.ts";

const SETTLE_DEADLINE_MS = 90_000;
const SETTLE_POLL_MS = 500;
/** Exit codes of a bounded run that has archived all: without and with dead letters. */
const DRAINED_CODES = [0, 3];

export interface Judgement {
  readonly checked: CheckResult;
  /** Records whose transaction's end Kafka alone could tell. */
  readonly unknown: number;
  /** What is wrong besides what the checker counts. */
  readonly problems: readonly string[];
}

export async function judge(world: World, root: string): Promise<Judgement> {
  const problems: string[] = [];
  await world.stopProducers();
  const stored = await readSettled(world);
  const { log, unknown } = account(stored, world.log.outcomes, problems);
  const path = `${root}/producer.ndjson`;
  await Deno.writeTextFile(path, log.map((record) => JSON.stringify(record) + "\n").join(""));
  await Promise.all(world.consumers.map((consumer) => consumer.close()));
  for (const consumer of world.consumers) {
    if (consumer.isStuck) problems.push(`${consumer.place.name} did not end on SIGTERM`);
  }
  // Each store once, so that what waits in it for a later session is settled.
  for (const consumer of world.consumers) {
    const { code, signal } = await consumer.drain();
    if (!DRAINED_CODES.includes(code)) {
      problems.push(`${consumer.place.name} was not drained: ${signal ?? `exit ${code}`}`);
    }
  }
  await world.disk?.copyOut();
  const archives = archivesIn(root);
  const folders = [...Deno.readDirSync(archives)].filter(({ isDirectory }) => isDirectory);
  const checked = await check({
    log: path,
    archives: folders.map(({ name }) => `${archives}/${name}/data`),
    deadLetters: folders.map(({ name }) => `${archives}/${name}/dead_letter`),
    brokers: world.kafka.bootstrap,
    groups: world.groups,
  });
  const verified = await verify(world, { root, archives });
  if (verified !== undefined) problems.push(verified);
  return { checked, unknown, problems };
}

/** The program's own opinion. @returns what it finds wrong. */
async function verify(
  world: World,
  { root, archives }: { root: string; archives: string },
): Promise<string | undefined> {
  const args = ["verify", archives, "--brokers", world.kafka.bootstrap];
  const [program, ...flags] = world.program;
  const { code, stdout, stderr } = await new Deno.Command(program!, { args: [...flags, ...args] }).output();
  await Deno.writeFile(`${root}/verify.txt`, new Uint8Array([...stdout, ...stderr]));
  return code === 0 ? undefined : `verify exits ${code}: see verify.txt`;
}

/** What Kafka has, as soon as no transaction is open any more. */
async function readSettled(world: World): Promise<StoredRecord[]> {
  const deadline = Date.now() + SETTLE_DEADLINE_MS;
  for (;;) {
    const topics: StoredRecord[][] = [];
    for (const topic of world.topics) topics.push(await readTopic(world.kafka.bootstrap, topic));
    const stored = topics.flat();
    if (!stored.some(({ outcome }) => outcome === "open")) return stored;
    if (Date.now() > deadline) throw new Error("A transaction is still open, long after its timeout");
    await new Promise((resolve) => setTimeout(resolve, SETTLE_POLL_MS));
  }
}

/** The checker's log. Where Kafka itself contradicts what it has acknowledged, nothing else can be trusted. */
function account(
  stored: readonly StoredRecord[],
  outcomes: ReadonlyMap<number, string>,
  problems: string[],
): { log: LoggedRecord[]; unknown: number } {
  const found = new Map<number, string>();
  const log = stored.map(({ topic, partition, offset, key, outcome }): LoggedRecord => {
    const { id, kind } = parseKey(key);
    found.set(id, outcome);
    return { topic, partition, offset, id, kind, outcome: outcome === "open" ? "unknown" : outcome };
  });
  let unknown = 0;
  for (const [id, said] of outcomes) {
    const real = found.get(id);
    if (said === "unknown") unknown++;
    else if (said === "committed" ? real !== "committed" : real === "committed") {
      problems.push(`Kafka acknowledged record ${id} as ${said}, and has it as ${real ?? "nothing"}`);
    }
  }
  return { log, unknown };
}
