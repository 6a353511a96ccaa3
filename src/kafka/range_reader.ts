/** Reading a range of offsets without a group: for a look at what the log holds. */
import { UserError } from "../errors.ts";
import type { FetchedRecords, PartitionRange } from "../model.ts";
import type { Cluster } from "./cluster.ts";
import { Fetcher, type FetcherOptions } from "./fetcher.ts";
import { describeProblem } from "./problems.ts";

/** A broker that brings nothing new for this long will not. */
const SILENCE_MAX_MS = 60_000;

/**
 * Hands over the committed records of a range, in the order of offsets; the last call may hold records behind it. Ends
 * early where `take` returns "enough". The range must lie before the partition's stable end.
 *
 * @throws {UserError} where the range cannot be read, or its broker sends nothing for a minute.
 */
export async function readRange(
  cluster: Cluster,
  range: PartitionRange,
  context: {
    readonly options: FetcherOptions;
    readonly take: (fetched: FetchedRecords) => "more" | "enough";
  },
): Promise<void> {
  const { topic, partition, first, next } = range;
  const done = Promise.withResolvers<void>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expect = () => {
    clearTimeout(timer);
    timer = setTimeout(() => done.reject(silent(range)), SILENCE_MAX_MS);
  };
  const fetcher = new Fetcher(cluster, [{ topic, partition }], {
    options: context.options,
    sink: {
      records(fetched) {
        expect();
        if (context.take(fetched) === "enough" || fetched.nextOffset >= next) done.resolve();
        return Promise.resolve();
      },
      failed(at, problem) {
        done.reject(describeProblem(at, problem));
        return Promise.resolve();
      },
      fatal: done.reject,
    },
  });
  fetcher.fetchFrom({ topic, partition }, first);
  expect();
  fetcher.start();
  try {
    await done.promise;
  } finally {
    clearTimeout(timer);
    await fetcher.stop();
  }
}

function silent({ topic, partition, first, next }: PartitionRange): UserError {
  return new UserError(
    `Cannot read offsets ${first} to ${next - 1n} of ${topic}[${partition}]: the broker sends nothing`,
    { hint: "Check that the partition has a leader, and that the leader can read its log." },
  );
}
