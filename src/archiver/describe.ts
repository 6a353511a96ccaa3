/** What happens to partitions, in words. */
import { ExitCode, UserError } from "../errors.ts";
import type { FetchProblem } from "../kafka/mod.ts";
import type { TopicPartition } from "../model.ts";

/** `customer_events[0-3,7]`, for each topic. */
export function describeAssignment(assignment: readonly TopicPartition[]): string {
  if (assignment.length === 0) return "no partitions, the other members have them all";
  const topics = Map.groupBy(assignment, ({ topic }) => topic);
  return [...topics].map(([topic, partitions]) => {
    const numbers = partitions.map(({ partition }) => partition).sort((a, b) => a - b);
    const spans: string[] = [];
    for (let i = 0; i < numbers.length;) {
      let last = i;
      while (numbers[last + 1] === numbers[last]! + 1) last++;
      spans.push(last === i ? `${numbers[i]}` : `${numbers[i]}-${numbers[last]}`);
      i = last + 1;
    }
    return `${topic}[${spans.join(",")}]`;
  }).join(" ");
}

/** What a partition that cannot be fetched any more means for the user. */
export function fetchError({ topic, partition }: TopicPartition, problem: FetchProblem): UserError {
  const where = `${topic}[${partition}]`;
  switch (problem.kind) {
    case "out-of-range": {
      const { position, logStart, logEnd } = problem;
      const message = position < logStart
        ? `${where}: offsets ${position} to ${
          logStart - 1n
        } are lost: Kafka has deleted them before they were archived`
        : `${where}: the group's offset ${position} is beyond the end, Kafka's next one is ${logEnd}: was the topic made again?`;
      return new UserError(message, {
        exitCode: ExitCode.config,
        hint: "Say how to go on with --on-out-of-range earliest or latest.",
      });
    }
    case "corrupt":
      return new UserError(
        `${where} offset ${problem.offset}: the record batch is damaged: ${problem.reason}`,
        {
          hint: "Have the broker's log checked; another replica may be whole.",
        },
      );
    case "unsupported":
      return new UserError(`${where} offset ${problem.offset} cannot be read: ${problem.reason}`);
    case "topic-gone":
      return new UserError(`${where} does not exist any more`, {
        hint: "Start again without this --topic, or make it again.",
      });
  }
}
