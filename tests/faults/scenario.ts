/** What the fault tests have in common: a job, programs with a fault in them, and the judgement at the end. */
import assert from "node:assert/strict";
import { messageOf } from "../../src/errors.ts";
import type { FaultPoint } from "../../src/fault.ts";
import { KafkaClient, type MemberHandler, type Session } from "../../src/kafka/mod.ts";
import {
  assertCovered,
  assertIds,
  type Job,
  makeJob,
  preparedFolders,
  rangesOf,
} from "../integration/events.ts";
import {
  type Program,
  readArchive,
  ROOT,
  runCommand,
  tempDir,
  type TestServers,
  type TopicOptions,
} from "../support/mod.ts";

/** Many checkpoints soon, and a dead member's partitions free soon. */
const FLAGS = ["--rows", "20", "--age", "200ms"];
const ENV = { KAFKA2PARQUET_SESSION_TIMEOUT: "2s", KAFKA2PARQUET_METADATA_MAX_AGE: "1s" };
/** A session that a busy machine does not lose by itself. */
export const STEADY = { KAFKA2PARQUET_SESSION_TIMEOUT: "6s" };
/** Scenarios at the same time; most of each is waiting for a session timeout. */
const SCENARIOS_AT_ONCE = 3;

export interface RunOptions {
  /** As `K2P_FAULT` has it. */
  readonly fault?: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Another tree than the repository. */
  readonly tree?: string;
}

/** The program on a job, from source: only there may it send itself signals. */
export function run(job: Job, { fault, flags = [], env, tree = ROOT }: RunOptions = {}): Program {
  return runCommand(
    [Deno.execPath(), "run", "-A", "--quiet", `${tree}/main.ts`, ...job.flags, ...FLAGS, ...flags],
    { env: { ...ENV, ...env, ...fault === undefined ? {} : { K2P_FAULT: fault } } },
  );
}

/** Runs a program that is to die at a fault point. */
export async function runUntilKilled(job: Job, point: FaultPoint, options: RunOptions = {}): Promise<void> {
  await using program = run(job, { ...options, fault: options.fault ?? `${point}:SIGKILL` });
  const { code } = await program.exit;
  const said = program.stderr.join("\n");
  assert.match(said, new RegExp(`^fault: ${point} SIGKILL$`, "m"), `it has not passed ${point}:\n${said}`);
  assert.equal(code, 137, said);
}

/** A bounded run without faults, to its good end. */
export async function runToEnd(job: Job, options: RunOptions = {}): Promise<Program> {
  const program = run(job, {
    ...options,
    flags: ["--until-end", ...options.flags ?? []],
    env: { ...STEADY, ...options.env },
  });
  const { code } = await program.exit;
  assert.equal(code, 0, program.stderr.join("\n"));
  return program;
}

/** Ends a program in good order. */
export async function stop(program: Program): Promise<void> {
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
}

/** Whatever is visible was committed: files are looked at first, as offsets only grow. */
export async function assertNothingEarly(job: Job): Promise<void> {
  const ranges = rangesOf([await job.archive(), await readArchive(job.deadLetter)]);
  const committed = await job.servers.committed(job.group, job.topic);
  for (const [partition, list] of ranges) {
    const offset = committed.get(partition)?.offset ?? -1n;
    for (const { next } of list) {
      assert(
        next <= offset,
        `visible before it was committed: partition ${partition} to ${next}, not ${offset}`,
      );
    }
  }
}

/** Every record of `[from, to)` once, footers without a hole or an overlap, and nothing left prepared. */
export async function assertExact(
  job: Job,
  { from = 0, to, except = [] }: { from?: number; to: number; except?: readonly number[] },
): Promise<void> {
  assertIds(await job.archive(), from, to, except);
  await assertCovered(job);
  assert.deepEqual(await preparedFolders(job), []);
}

/**
 * Commits what a dead member has prepared, for one of its two partitions only: what is left of a commit of which Kafka
 * has accepted a part.
 */
export async function commitInPart(job: Job): Promise<void> {
  const manifest = await readManifest(job);
  const { servers, group, topic } = job;
  const client = await KafkaClient.connect({
    brokers: servers.brokers.split(","),
    clientId: "partial-commit",
    group,
    topics: [topic],
    sessionTimeoutMs: 2000,
  }, new AbortController().signal);
  const joined = Promise.withResolvers<Session>();
  const nothing = () => Promise.resolve();
  const handler: MemberHandler = {
    joined: (session) => Promise.resolve(joined.resolve(session)),
    records: nothing,
    revoked: nothing,
    lost: nothing,
  };
  const member = client.createMember(handler);
  const running = member.run();
  const session = await joined.promise;
  const { partition, first, next } = manifest.ranges[0]!;
  const metadata = `k1 ${manifest.store} ${manifest.id} ${first}`;
  const outcome = await session.commit([{ topic, partition, offset: BigInt(next), metadata }]);
  assert.equal(outcome.kind, "committed");
  member.stop();
  await running;
  await client.disconnect();
}

interface StoredManifest {
  readonly id: string;
  readonly store: string;
  readonly ranges: readonly { readonly partition: number; readonly first: string; readonly next: string }[];
}

async function readManifest(job: Job): Promise<StoredManifest> {
  const folders = await preparedFolders(job);
  assert.equal(folders.length, 1, "one checkpoint is prepared");
  const home = `${job.output}/.kafka2parquet`;
  for await (const cluster of Deno.readDir(home)) {
    if (!cluster.isDirectory) continue;
    const path = `${home}/${cluster.name}/${job.group}/${folders[0]}/manifest.json`;
    const manifest = JSON.parse(await Deno.readTextFile(path)) as StoredManifest;
    assert.equal(manifest.ranges.length, 2, "it holds both partitions");
    return manifest;
  }
  throw new Error(`${home} holds no cluster`);
}

export interface Scenario {
  readonly name: string;
  readonly topic?: Pick<TopicOptions, "partitions" | "config">;
  play(job: Job): Promise<void>;
}

/**
 * Plays scenarios, a few at the same time, each with a topic, group and folder of its own; fails with all that
 * failed.
 */
export async function playAll(servers: TestServers, scenarios: readonly Scenario[]): Promise<void> {
  const failures: string[] = [];
  const left = scenarios.values();
  const player = async () => {
    for (const scenario of left) {
      await using folder = await tempDir();
      try {
        await scenario.play(await makeJob(servers, folder, { partitions: 2, ...scenario.topic }));
      } catch (error) {
        failures.push(`${scenario.name}: ${messageOf(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: SCENARIOS_AT_ONCE }, player));
  assert.deepEqual(failures, []);
}
