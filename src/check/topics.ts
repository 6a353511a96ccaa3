/** Whether the topics are there and may be read, and for how long Kafka keeps them. */
import type { KafkaClient, Retention } from "../kafka/mod.ts";
import type { FetchedRecords, SchemaId, TopicPartition } from "../model.ts";
import { durationText, noun, sizeText } from "../words.ts";
import type { ReachedKafka } from "./brokers.ts";
import { type CheckContext, few, inTime } from "./context.ts";
import type { Notes } from "./findings.ts";

/** The last records may be deleted ones (tombstones), or marks of transactions. */
const SAMPLE_OFFSETS = 20n;

/** A topic as it stands. */
export interface TopicLook {
  readonly topic: string;
  readonly partitions: readonly PartitionLook[];
  /** Undefined where the brokers do not tell. */
  readonly retention: Retention | undefined;
  /** What the header of a late record says; undefined where there is none with a value. */
  readonly sample: Sample | undefined;
}

export interface PartitionLook extends TopicPartition {
  readonly logStart: bigint;
  /** The end of what may be read. */
  readonly stableEnd: bigint;
  readonly logEnd: bigint;
}

export type Sample =
  | { readonly kind: "schema"; readonly id: SchemaId }
  | { readonly kind: "no header"; readonly reason: string };

/** The topics that can be archived; `notes` tell of the others. */
export async function checkTopics(
  context: CheckContext,
  { client, topics }: ReachedKafka,
  notes: Notes,
): Promise<TopicLook[]> {
  const { config, start } = context;
  const patterns = config.topics.filter(start.isPattern);
  if (topics.length === 0) {
    notes.warn(
      `no topic matches ${patterns.join(", ")} yet`,
      "Archiving would wait for one: check the pattern, and the right to DESCRIBE the topics.",
    );
    return [];
  }
  const looks = await inTime(context, "Kafka", lookAtAll(context, client, topics, notes));
  const told = looks.map(({ topic, partitions, retention }) =>
    `${topic} (${partitions.length} ${noun(partitions.length, "partition")}, ${keptText(retention)})`
  );
  notes.say(few(told));
  notes.say("may be read");
  return looks;
}

async function lookAtAll(
  context: CheckContext,
  client: KafkaClient,
  topics: readonly string[],
  notes: Notes,
): Promise<TopicLook[]> {
  const retentions = await client.retention(topics);
  const looks = await Promise.all(topics.map(async (topic) => {
    try {
      return [await lookAt(context, client, { topic, retention: retentions.get(topic) })];
    } catch (error) {
      // The others are looked at all the same: one run tells of all that is wrong.
      notes.fail(error);
      return [];
    }
  }));
  return looks.flat();
}

async function lookAt(
  context: CheckContext,
  client: KafkaClient,
  { topic, retention }: Pick<TopicLook, "topic" | "retention">,
): Promise<TopicLook> {
  const all = (await client.partitions(topic)).map((partition) => ({ topic, partition }));
  const [starts, stableEnds, ends] = await Promise.all([
    client.offsets(all, "earliest"),
    client.offsets(all, "stable"),
    client.offsets(all, "latest"),
  ]);
  const partitions = all.map((at, index) => ({
    ...at,
    logStart: starts[index]!.offset,
    stableEnd: stableEnds[index]!.offset,
    logEnd: ends[index]!.offset,
  }));
  // Also where nothing is to be fetched: it shows that it would be allowed.
  const holding = partitions.find(({ logStart, stableEnd }) => stableEnd > logStart) ?? partitions[0]!;
  const from = holding.stableEnd - SAMPLE_OFFSETS;
  const fetched = await client.peek(holding, from > holding.logStart ? from : holding.logStart);
  return { topic, partitions, retention, sample: fetched && sampleOf(context, fetched) };
}

function sampleOf({ start }: CheckContext, fetched: FetchedRecords): Sample | undefined {
  const wireIds = new start.WireIds();
  for (let index = fetched.count - 1; index >= 0; index--) {
    const run = fetched.runs.find(({ from, to }) => index >= from && index < to);
    if (run === undefined || fetched.valueStart[index]! < 0) continue;
    const wireId = wireIds.at(fetched, run.bytes, index);
    if (wireId !== start.NO_WIRE_ID) return { kind: "schema", id: wireIds.name(wireId).id };
    return { kind: "no header", reason: start.wireProblem(fetched, run.bytes, index) };
  }
  return undefined;
}

/** `kept for 7 d or 1.0 GiB a partition`. */
function keptText(retention: Retention | undefined): string {
  if (retention === undefined) return "no right to see for how long it is kept";
  const { ms, bytes } = retention;
  const limits = [
    ...ms === undefined ? [] : [durationText(ms / 1_000)],
    ...bytes === undefined ? [] : [`${sizeText(bytes)} a partition`],
  ];
  return limits.length === 0 ? "kept for ever" : `kept for ${limits.join(" or ")}`;
}
