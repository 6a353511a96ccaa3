/** What stops a partition, as errors for a person. */
import { ExitCode, UserError } from "../errors.ts";
import type { TopicPartition } from "../model.ts";
import type { FetchProblem } from "./api.ts";
import { codeName } from "./codes.ts";

/** A fetch problem as an error for a person. */
export function describeProblem({ topic, partition }: TopicPartition, problem: FetchProblem): UserError {
  const where = `${topic}, partition ${partition}`;
  switch (problem.kind) {
    case "out-of-range":
      return new UserError(
        `Offset ${problem.position} of ${where} is not there: the broker holds ${problem.logStart} to ${problem.logEnd}`,
        { hint: "Records were deleted before they were archived, or the topic was made anew." },
      );
    case "corrupt":
      return new UserError(
        `The record batch at offset ${problem.offset} of ${where} is damaged: ${problem.reason}`,
        {
          hint: "Check the broker's disk; another replica may hold a good copy.",
        },
      );
    case "unsupported":
      return new UserError(`Cannot read offset ${problem.offset} of ${where}: ${problem.reason}`);
    case "topic-gone":
      return new UserError(`${where} does not exist any more`, {
        exitCode: ExitCode.config,
        hint: "Was the topic deleted? Take it out of --topic, or make it again.",
      });
  }
}

/** Lack of rights on a topic. */
export function topicDenied(topic: string, errorCode: number): UserError {
  return new UserError(`No right to read the topic "${topic}": ${codeName(errorCode)}`, {
    exitCode: ExitCode.config,
    hint: "Allow DESCRIBE and READ on the topic.",
  });
}

/** Lack of rights on a group or on one of its topics. */
export function groupDenied(groupId: string, errorCode: number): UserError {
  return new UserError(`No right to use the consumer group "${groupId}": ${codeName(errorCode)}`, {
    exitCode: ExitCode.config,
    hint: "Allow READ on the group and on its topics, or choose another group with --group.",
  });
}
