/** Whether the registry answers, and what columns the topics' schemas become. */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { type FoundSchema, Registry } from "../registry/mod.ts";
import { noun } from "../words.ts";
import { type CheckContext, few, inTime } from "./context.ts";
import type { Notes } from "./findings.ts";
import type { Sample } from "./topics.ts";

/** How nearly everybody names the subject of a topic's values. */
const VALUE_SUFFIX = "-value";

/** A topic of which the brokers may have told how its records look. */
export interface TopicToResolve {
  readonly topic: string;
  readonly sample?: Sample | undefined;
}

interface Named extends Pick<FoundSchema, "id" | "schemaType" | "text" | "references"> {
  /** `orders-value version 3, id 7`. */
  readonly name: string;
}

/** @returns how far the registry's clock is ahead of ours, `undefined` where it does not tell. */
export async function checkRegistry(
  context: CheckContext,
  topics: readonly TopicToResolve[],
  notes: Notes,
): Promise<{ readonly aheadMs: number | undefined }> {
  const { config } = context;
  const end = new AbortController();
  const registry = new Registry({
    urls: config.registry,
    signal: end.signal,
    security: config.registrySecurity,
  });
  try {
    await registry.ping(end.signal, config.startupTimeoutMs);
    notes.say("answers");
    const told = await inTime(
      context,
      "The schema registry",
      Promise.all(topics.map((topic) => columnsOf(context, registry, { ...topic, notes }))),
    );
    const all = told.flat();
    if (all.length > 0) notes.say(few(all));
    return { aheadMs: registry.aheadMs };
  } finally {
    // Questions without an answer would be repeated for ever.
    end.abort();
  }
}

async function columnsOf(
  context: CheckContext,
  registry: Registry,
  { topic, sample, notes }: TopicToResolve & { readonly notes: Notes },
): Promise<string[]> {
  if (sample?.kind === "no header") {
    notes.warn(
      `a record of ${topic} has ${sample.reason}`,
      `Such records are not archived as rows: --on-error ${context.config.onError} decides about them.`,
    );
  }
  try {
    const schema = await findSchema(registry, topic, sample);
    if (schema === undefined) {
      if (sample === undefined) {
        notes.warn(
          `no subject ${topic}${VALUE_SUFFIX}`,
          "A topic's columns are known with its first record, by the schema id in that.",
        );
      }
      return [];
    }
    return [`${schema.name}: ${await countColumns(context, schema)}`];
  } catch (error) {
    notes.fail(error);
    return [];
  }
}

/** What the last version of the topic's subject says; where subjects are named otherwise, what its last record does. */
async function findSchema(
  registry: Registry,
  topic: string,
  sample: Sample | undefined,
): Promise<Named | undefined> {
  const latest = await registry.latest(topic + VALUE_SUFFIX);
  if (latest.kind === "found") {
    return { ...latest, name: `${latest.subject} version ${latest.version}, id ${latest.id}` };
  }
  if (sample?.kind !== "schema") return undefined;
  const found = await registry.schema(sample.id);
  if (found.kind === "found") return { ...found, name: `a record of ${topic} has schema ${found.id}` };
  throw new UserError(`A record of ${topic} cannot be decoded: ${found.reason}`, {
    exitCode: ExitCode.config,
    hint: "Name the registry with which the topic was written with --registry.",
  });
}

/** By what resolves schemas while archiving. */
async function countColumns({ config, start }: CheckContext, schema: Named): Promise<string> {
  const schemas = start.schemasOf(config, () => Promise.resolve({ ...schema, kind: "found" }));
  try {
    // The lookup gives the one schema, whatever it is asked for.
    const resolved = await schemas.resolve(0, new AbortController().signal);
    if (resolved.kind === "avro") {
      const count = resolved.columns.columns.length;
      return `${count} ${noun(count, "column")}`;
    }
    throw new UserError(resolved.reason, { hint: "kafka2parquet archives Avro records." });
  } catch (cause) {
    throw new UserError(`${schema.name}: ${messageOf(cause)}`, {
      exitCode: ExitCode.config,
      ...cause instanceof UserError && cause.hint !== undefined && { hint: cause.hint },
      cause,
    });
  }
}
