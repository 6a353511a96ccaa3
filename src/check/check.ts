/** The checks one after the other; those that depend on one that has failed are left out. */
import { loadStart } from "../archiver/mod.ts";
import type { Config } from "../config.ts";
import { ExitCode } from "../errors.ts";
import { checkBrokers, type ReachedKafka } from "./brokers.ts";
import { checkClock } from "./clock.ts";
import type { CheckContext } from "./context.ts";
import { type CheckName, type Finding, notChecked, Notes } from "./findings.ts";
import { checkGroup } from "./group.ts";
import { checkRegistry, type TopicToResolve } from "./registry.ts";
import { checkSink } from "./sink.ts";
import { checkTopics, type TopicLook } from "./topics.ts";

export interface CheckOptions {
  /** Called before each check. */
  onStart?(check: CheckName): void;
}

/** A finding with what the next checks go on with, where there is that. */
interface Checked<T> {
  readonly finding: Finding;
  readonly value: T | undefined;
}

/** Finds out whether archiving would work, and changes nothing; `startupTimeoutMs` is how long servers are waited for. */
export async function* check(config: Config, options: CheckOptions = {}): AsyncGenerator<Finding> {
  const context: CheckContext = { config, start: await loadStart() };
  const run = async <T>(
    name: CheckName,
    otherwise: ExitCode,
    body: (notes: Notes) => T | Promise<T>,
  ): Promise<Checked<T>> => {
    options.onStart?.(name);
    const notes = new Notes(name, otherwise);
    let value: T | undefined;
    try {
      value = await body(notes);
    } catch (error) {
      notes.fail(error);
    }
    return { finding: notes.finding, value };
  };
  const brokers = await run("brokers", ExitCode.unavailable, (notes) => checkBrokers(context, notes));
  yield brokers.finding;
  const kafka = brokers.value;
  let looks: TopicLook[] | undefined;
  try {
    if (kafka === undefined) {
      yield notChecked("topics", "brokers failed");
      yield notChecked("group", "brokers failed");
    } else {
      const topics = await run("topics", ExitCode.unavailable, (notes) => checkTopics(context, kafka, notes));
      yield topics.finding;
      looks = topics.value;
      if (looks === undefined || topics.finding.state === "failed") {
        yield notChecked("group", "topics failed");
      } else {
        const reached = { ...kafka, looks };
        const group = await run(
          "group",
          ExitCode.unavailable,
          (notes) => checkGroup(context, reached, notes),
        );
        yield group.finding;
      }
    }
  } finally {
    kafka?.client.disconnect();
  }
  const resolved = looks ?? named(context, kafka);
  const registry = await run(
    "registry",
    ExitCode.unavailable,
    (notes) => checkRegistry(context, resolved, notes),
  );
  yield registry.finding;
  const sink = await run("sink", ExitCode.config, (notes) => checkSink(context, notes, kafka?.cluster));
  yield sink.finding;
  const { aheadMs } = registry.value ?? {};
  if (registry.value === undefined) yield notChecked("clock", "registry failed");
  else if (aheadMs === undefined) yield notChecked("clock", "the registry does not tell the time");
  else yield (await run("clock", ExitCode.config, (notes) => checkClock(aheadMs, notes))).finding;
}

/** Where Kafka has not told more of them: the topics by their names. */
function named({ config, start }: CheckContext, kafka: ReachedKafka | undefined): TopicToResolve[] {
  const names = kafka?.topics ?? config.topics.filter((topic) => !start.isPattern(topic));
  return names.map((topic) => ({ topic }));
}
