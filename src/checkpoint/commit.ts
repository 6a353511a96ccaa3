/** Committing until the answer is certain, and what is to be said of files that a commit names and nobody finds. */
import { getLogger } from "@logtape/logtape";
import type { CommitOutcome } from "../kafka/mod.ts";
import type { OffsetToCommit, PartitionRange } from "../model.ts";
import { sleep } from "../wait.ts";
import { describeRanges } from "../words.ts";

const log = getLogger(["kafka2parquet", "checkpoint"]);

const COMMIT_RETRY_MS = 200;

/**
 * What is known of a commit. `repeated`: it is accepted, but an attempt before it had no answer and may still arrive:
 * then it would take back whatever this member commits for these partitions later. `unknown`: the session is over, the
 * judge will settle it, and nothing may be touched.
 */
export type CommitCertainty = "committed" | "repeated" | "unknown";

/**
 * Commits in the captured session, repeating the same request while the answer is unknown.
 *
 * @throws Error for an answer that no repetition mends.
 */
export async function commitUntilKnown(
  offsets: readonly OffsetToCommit[],
  options: {
    session: AbortSignal;
    commit(offsets: readonly OffsetToCommit[]): Promise<CommitOutcome>;
  },
): Promise<CommitCertainty> {
  let certainty: CommitCertainty = "committed";
  while (!options.session.aborted) {
    const outcome = await options.commit(offsets);
    switch (outcome.kind) {
      case "committed":
        return certainty;
      case "session-over":
      case "rebalance":
        return "unknown";
      case "retry":
        certainty = "repeated";
        log.warning("The offset commit was not answered, asking again: {code} {reason}", {
          code: outcome.code,
          reason: outcome.message,
        });
        await sleep(COMMIT_RETRY_MS, options.session);
        break;
      case "failed":
        throw new Error(
          `Kafka refused to commit offsets: ${
            outcome.refused.map(({ topic, partition, code }) => `${topic}[${partition}] ${code}`).join(", ")
          }`,
        );
    }
  }
  return "unknown";
}

/** Says which offsets are in no file, where a committed checkpoint's file is neither prepared nor published. */
export function reportMissing(missing: readonly string[], ranges: Iterable<PartitionRange>): void {
  if (missing.length === 0) return;
  log.error("Committed files are gone: {files}; they held {ranges}. Read these offsets again from Kafka.", {
    files: missing.join(", "),
    ranges: describeRanges([...ranges]),
  });
}
