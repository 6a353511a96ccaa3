/** Which topics are archived: names, and patterns between slashes that whole names match. */
import type { KafkaClient } from "../kafka/mod.ts";

export function isPattern(topic: string): boolean {
  return topic.startsWith("/");
}

/** The topics that are named, and those of `existing` that match a pattern; each once. */
export function selectTopics(wanted: readonly string[], existing: readonly string[]): string[] {
  const named = wanted.filter((topic) => !isPattern(topic));
  const patterns = wanted.filter(isPattern).map((pattern) => new RegExp(`^(?:${pattern.slice(1, -1)})$`));
  const matched = existing.filter((topic) => patterns.some((pattern) => pattern.test(topic)));
  return [...new Set([...named, ...matched])];
}

/** The topics to archive as they are now. */
export async function currentTopics(wanted: readonly string[], client: KafkaClient): Promise<string[]> {
  const existing = wanted.some(isPattern) ? await client.listTopics() : [];
  return selectTopics(wanted, existing);
}
