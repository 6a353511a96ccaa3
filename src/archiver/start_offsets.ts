/** Where partitions without a committed offset start. */
import type { Config } from "../config.ts";
import { ExitCode, UserError } from "../errors.ts";
import type { KafkaClient, Session } from "../kafka/mod.ts";
import type { TopicPartition } from "../model.ts";
import type { Sink } from "../sink/mod.ts";
import { archivedPositions } from "./archive_positions.ts";
import { keyOf } from "./recovery.ts";

export interface StartContext {
  readonly session: Session;
  readonly config: Config;
  readonly cluster: string;
  readonly client: KafkaClient;
  readonly sink: Sink;
  /** Whether a partition was there when the program started. */
  isOld(partition: TopicPartition): boolean;
}

/**
 * The offsets that `--from` says, by {@link keyOf}.
 *
 * @throws UserError with exit code 78 where Kafka has lost the offsets of a group that has archived the topic: to start
 * over would archive its records a second time.
 */
export async function startOffsets(
  partitions: readonly TopicPartition[],
  { session, config, cluster, client, sink, isOld }: StartContext,
): Promise<Map<string, bigint>> {
  const { from, group, output } = config;
  if (from === "files") {
    const archived = await archivedPositions(sink, { cluster, group });
    const others = partitions.filter((at) => !archived.has(keyOf(at)));
    return new Map([...offsetMap(await client.offsets(others, "earliest")), ...archived]);
  }
  // What was made while we run is new from its first record on, whatever the policy is for what was there before.
  const made = partitions.filter((at) => !isOld(at));
  const old = partitions.filter(isOld);
  for (const topic of new Set(old.map((at) => at.topic))) {
    if (!await sink.holds(topic)) continue;
    const all = (await client.partitions(topic)).map((partition) => ({ topic, partition }));
    // Where other partitions have offsets, these were added while nobody ran.
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
    ...await client.offsets(made, "earliest"),
    ...await client.offsets(old, from === "latest" ? "stable" : from),
  ]);
}

export function offsetMap(
  offsets: readonly (TopicPartition & { readonly offset: bigint })[],
): Map<string, bigint> {
  return new Map(offsets.map((entry) => [keyOf(entry), entry.offset]));
}
