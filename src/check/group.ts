/** Whether the group may be used, and where archiving would begin: found out without joining or committing. */
import { ExitCode, UserError } from "../errors.ts";
import type { KafkaClient } from "../kafka/mod.ts";
import type { TopicPartition } from "../model.ts";
import { lookInto, SinkError } from "../sink/mod.ts";
import { durationText, noun } from "../words.ts";
import type { ReachedKafka } from "./brokers.ts";
import { type CheckContext, inTime } from "./context.ts";
import type { Notes } from "./findings.ts";
import type { PartitionLook, TopicLook } from "./topics.ts";

/** Partitions whose next record is looked at for its age. */
const AGES_MAX = 64;

interface Position extends PartitionLook {
  readonly offset: bigint;
}

export async function checkGroup(
  context: CheckContext,
  kafka: ReachedKafka & { readonly looks: readonly TopicLook[] },
  notes: Notes,
): Promise<void> {
  const { group } = context.config;
  const { members } = await inTime(context, "The group's coordinator", kafka.client.group(group));
  notes.say(
    `${group} has ${members === 0 ? "no" : members} ${noun(members, "member")} now`,
  );
  if (kafka.looks.length === 0) return;
  const positions = await inTime(context, "Kafka", positionsOf(context, kafka, notes));
  tellOutOfRange(context, positions, notes);
  const lag = positions.reduce((sum, { stableEnd, offset }) => sum + before(offset, stableEnd), 0n);
  const lagText = `${lag.toLocaleString("en")} ${noun(Number(lag), "offset")} to archive`;
  const loss = await inTime(context, "Kafka", nearestLoss({ ...kafka, positions }));
  if (loss === undefined) return notes.say(lagText);
  const { topic, partition, seconds } = loss;
  const when = seconds === 0 ? "may be deleted at any moment" : `is kept for ${durationText(seconds)} more`;
  const what = `${lagText}, of which the first (${topic}[${partition}]) ${when}`;
  if (!context.start.isUrgent(loss)) notes.say(what);
  else notes.warn(what, "Start archiving soon, or raise the topic's retention.ms.");
}

/** What archiving itself would do with what the group has committed, and what it has not. */
async function positionsOf(
  { config, start }: CheckContext,
  { client, cluster, looks }: ReachedKafka & { readonly looks: readonly TopicLook[] },
  notes: Notes,
): Promise<Position[]> {
  const { group, output, deadLetter } = config;
  const partitions = looks.flatMap((look) => look.partitions);
  const committed = new Map(
    (await client.committed(group, partitions)).map((entry) => [start.keyOf(entry), entry.offset]),
  );
  const fresh = partitions.filter((at) => committed.get(start.keyOf(at)) === undefined);
  const sink = lookInto({ output, alsoInto: [deadLetter], cluster, group });
  const session = { committed: (all: readonly TopicPartition[]) => client.committed(group, all) };
  const counts = new Map(looks.map(({ topic, partitions }) => [topic, partitions.length]));
  const partitionsAtStart = (topic: string) => counts.get(topic) ?? 0;
  const starts = fresh.length === 0
    ? new Map<string, bigint>()
    : await start.startOffsets(fresh, { session, config, cluster, client, sink, partitionsAtStart })
      .catch(ofConfig);
  const known = partitions.length - fresh.length;
  if (known > 0) notes.say(`goes on where it has committed (${known} ${noun(known, "partition")})`);
  if (fresh.length > 0) {
    notes.say(`starts ${startText(config.from)} (${fresh.length} ${noun(fresh.length, "partition")})`);
  }
  return partitions.map((at) => ({
    ...at,
    offset: committed.get(start.keyOf(at)) ?? starts.get(start.keyOf(at)) ?? at.logStart,
  }));
}

/** The folder is not where it should be, or not ours: waiting for a server does not help. */
function ofConfig(error: unknown): never {
  if (!(error instanceof SinkError)) throw error;
  const { message, hint, cause } = error;
  throw new UserError(message, { exitCode: ExitCode.config, cause, ...hint !== undefined && { hint } });
}

function startText(from: CheckContext["config"]["from"]): string {
  switch (from) {
    case "earliest":
      return "with the earliest record";
    case "latest":
      return "behind the latest record";
    case "files":
      return "where the archive's files end";
    default:
      return `with the first record from ${new Date(from.atMs).toISOString()} on`;
  }
}

/** Archiving would stop there, or go on elsewhere where it was told to. */
function tellOutOfRange({ config, start }: CheckContext, positions: readonly Position[], notes: Notes): void {
  for (const { offset, logStart, logEnd, ...at } of positions) {
    if (offset >= logStart && offset <= logEnd) continue;
    const error = start.fetchError(at, { kind: "out-of-range", position: offset, logStart, logEnd });
    if (config.onOutOfRange === "stop") notes.fail(error);
    else {
      notes.warn(
        error.message,
        `Archiving would go on from ${config.onOutOfRange}, as --on-out-of-range says.`,
      );
    }
  }
}

interface LossAhead extends TopicPartition {
  readonly seconds: number;
  /** How much of the retention is left, from 0 to 1. */
  readonly share: number;
  readonly by: "retention.ms";
}

/** Where Kafka first deletes a record that is to be archived; undefined where it never does. */
async function nearestLoss(
  { client, looks, positions }: {
    readonly client: KafkaClient;
    readonly looks: readonly TopicLook[];
    readonly positions: readonly Position[];
  },
): Promise<LossAhead | undefined> {
  const retentionMs = new Map(looks.map(({ topic, retention }) => [topic, retention?.ms]));
  const waiting = positions.filter(({ topic, offset, stableEnd }) =>
    before(offset, stableEnd) > 0n && retentionMs.get(topic) !== undefined
  );
  const nowMs = Date.now();
  const losses = await Promise.all(
    waiting.slice(0, AGES_MAX).map(async (at): Promise<LossAhead[]> => {
      const { topic, partition, offset, logStart } = at;
      const oldestMs = await timestampAt(client, at, offset > logStart ? offset : logStart);
      const limitMs = retentionMs.get(topic)!;
      if (oldestMs === undefined) return [];
      const leftMs = Math.max(0, oldestMs + limitMs - nowMs);
      const share = limitMs === 0 ? 0 : leftMs / limitMs;
      return [{ topic, partition, seconds: leftMs / 1_000, share, by: "retention.ms" }];
    }),
  );
  return losses.flat().sort((a, b) => a.seconds - b.seconds).at(0);
}

async function timestampAt(
  client: KafkaClient,
  partition: TopicPartition,
  offset: bigint,
): Promise<number | undefined> {
  const fetched = await client.peek(partition, offset);
  return fetched !== undefined && fetched.count > 0 ? fetched.timestamps[0] : undefined;
}

function before(offset: bigint, end: bigint): bigint {
  return end > offset ? end - offset : 0n;
}
