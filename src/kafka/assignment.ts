/** How the group's leader deals out partitions. */

/** A member and the topics that it wants. */
export interface Subscription {
  readonly memberId: string;
  readonly topics: readonly string[];
}

/** Topic → partitions, for one member. */
export type TopicPartitions = Map<string, number[]>;

/**
 * Each partition to one of the members that want its topic, evenly: the member that has the fewest so far, the
 * first by id among equals. The same input gives the same result, whoever leads.
 */
export function assignPartitions(
  members: readonly Subscription[],
  partitions: ReadonlyMap<string, readonly number[]>,
): Map<string, TopicPartitions> {
  const sorted = [...members].sort((a, b) => a.memberId < b.memberId ? -1 : 1);
  const assignments = new Map(sorted.map(({ memberId }) => [memberId, new Map() as TopicPartitions]));
  const counts = new Map(sorted.map(({ memberId }) => [memberId, 0]));
  for (const topic of [...partitions.keys()].sort()) {
    const wanting = sorted.filter(({ topics }) => topics.includes(topic));
    if (wanting.length === 0) continue;
    for (const partition of [...partitions.get(topic)!].sort((a, b) => a - b)) {
      let chosen = wanting[0]!.memberId;
      for (const { memberId } of wanting) if (counts.get(memberId)! < counts.get(chosen)!) chosen = memberId;
      counts.set(chosen, counts.get(chosen)! + 1);
      const assignment = assignments.get(chosen)!;
      const list = assignment.get(topic);
      if (list === undefined) assignment.set(topic, [partition]);
      else list.push(partition);
    }
  }
  return assignments;
}
