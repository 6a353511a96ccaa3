/** Where partitions without a committed offset start. */
import type { Config } from "../config.ts";
import { ExitCode, UserError } from "../errors.ts";
import type { KafkaClient, Session } from "../kafka/mod.ts";
import type { TopicPartition } from "../model.ts";
import type { Sink } from "../sink/mod.ts";
import { archivedPositions } from "./archive_positions.ts";
import { keyOf } from "./recovery.ts";

export interface StartContext {
  readonly session: Pick<Session, "committed">;
  readonly config: Pick<Config, "from" | "group" | "output">;
  readonly cluster: string;
  readonly client: Pick<KafkaClient, "offsets" | "partitions">;
  readonly sink: Pick<Sink, "files" | "firstPartitions" | "holds">;
  /** How many partitions a topic had when the program started; 0 where there was no such topic. */
  partitionsAtStart(topic: string): number;
}

/**
 * The offsets that `--from` says, by {@link keyOf}.
 *
 * @throws UserError with exit code 78 where Kafka has lost the offsets of a group that has archived the topic: to start
 * over would archive its records a second time.
 */
export async function startOffsets(
  partitions: readonly TopicPartition[],
  { session, config, cluster, client, sink, partitionsAtStart }: StartContext,
): Promise<Map<string, bigint>> {
  const { from, group, output } = config;
  if (from === "files") {
    const archived = await archivedPositions(sink, { cluster, group, partitions });
    const others = partitions.filter((at) => !archived.has(keyOf(at)));
    return new Map([...offsetMap(await client.offsets(others, "earliest")), ...archived]);
  }
  // A partition that was added since the group first met the topic is new from its first record on, whatever the policy
  // is for what was there before.
  const added: TopicPartition[] = [];
  const others: TopicPartition[] = [];
  for (const [topic, list] of Map.groupBy(partitions, (at) => at.topic)) {
    const first = await sink.firstPartitions(topic, partitionsAtStart(topic));
    for (const at of list) (at.partition >= first ? added : others).push(at);
  }
  for (const topic of new Set(others.map((at) => at.topic))) {
    if (!await sink.holds(topic)) continue;
    const all = (await client.partitions(topic)).map((partition) => ({ topic, partition }));
    if ((await session.committed(all)).some(({ offset }) => offset !== undefined)) continue;
    throw new UserError(
      `Kafka holds no offsets of group ${group} for ${topic}, but ${output} holds files that the group has archived of it`,
      {
        exitCode: ExitCode.config,
        hint: "Go on where the files end with --from files, or start over with another --group or --output.",
      },
    );
  }
  return offsetMap([
    ...await client.offsets(added, "earliest"),
    ...await client.offsets(others, from === "latest" ? "stable" : from),
  ]);
}

export function offsetMap(
  offsets: readonly (TopicPartition & { readonly offset: bigint })[],
): Map<string, bigint> {
  return new Map(offsets.map((entry) => [keyOf(entry), entry.offset]));
}
