/** What becomes of a partition's offsets that stand in no visible file: a pure decision. */
import type { CommitMetadata } from "../checkpoint/mod.ts";
import type { OffsetRange } from "../model.ts";
import { type Coverage, intersection, subtract } from "./coverage.ts";

/** What Kafka says of a partition. */
export interface KafkaFacts {
  readonly logStart: bigint;
  /** The end of what a reader of committed records may see. */
  readonly stableEnd: bigint;
  /** Undefined where the group has committed nothing. */
  readonly committed: bigint | undefined;
  /** Undefined where the commit is not ours. */
  readonly metadata: CommitMetadata | undefined;
}

export interface PartitionFacts {
  readonly coverage: Pick<Coverage, "ranges" | "holes" | "earliest" | "last">;
  /** Where the archive begins, as footers tell; undefined where none does. */
  readonly start: bigint | undefined;
  /** Files before the first one are elsewhere. */
  readonly fromFirstFile?: boolean;
  /** Ranges of checkpoints that will be published, as far as one can tell. */
  readonly prepared: readonly OffsetRange[];
  /** Undefined where no broker was asked. */
  readonly kafka: KafkaFacts | undefined;
}

/** Offsets that should stand in a file. */
export interface Gap extends OffsetRange {
  /** Numbers of the files on both sides; undefined where there is none. */
  readonly before?: number | undefined;
  readonly after?: number | undefined;
  /**
   * `unknown`: no broker was asked. `in-log`: the broker tells whether there are records. `deleted`: the broker has
   * deleted what was there. `beyond-log`: the log ends before.
   */
  readonly place: "unknown" | "in-log" | "deleted" | "beyond-log";
}

export interface Judgement {
  readonly gaps: readonly Gap[];
  /** In no visible file, but in a checkpoint that is prepared. */
  readonly prepared: readonly OffsetRange[];
  /** At the end: the group has committed them as records that make no row; they will stand in the next file. */
  readonly withoutRows: readonly OffsetRange[];
  /** In Kafka, and before the archive's first file. */
  readonly notArchived: OffsetRange | undefined;
  /** In a visible file, although the group has not committed them. */
  readonly uncommitted: OffsetRange | undefined;
}

export function judgePartition({ coverage, prepared, kafka, ...told }: PartitionFacts): Judgement {
  const { ranges, holes } = coverage;
  const start = startOf({ coverage, kafka, ...told });
  const first = ranges[0]?.first ?? start;
  const end = ranges.at(-1)?.next ?? start;
  const { committed, metadata } = kafka ?? {};
  const missing: Missing[] = [...holes];
  if (start !== undefined && start < first!) {
    missing.unshift({ first: start, next: first!, after: coverage.earliest });
  }
  if (committed !== undefined && end !== undefined && end < committed) {
    missing.push({ first: end, next: committed, before: coverage.last });
  }
  const withoutRows = committed !== undefined && metadata !== undefined && metadata.checkpoint === undefined
    ? [{ first: metadata.first, next: committed }]
    : [];
  const gaps = missing.flatMap((hole) =>
    subtract(hole, [...prepared, ...withoutRows])
      .flatMap((rest) => placed(rest, kafka).map((part) => ({ ...hole, ...part })))
  );
  const isEmpty = ranges.length === 0;
  return {
    gaps,
    prepared: prepared.flatMap((range) => subtract(range, ranges)),
    withoutRows: withoutRows.flatMap((range) => subtract(range, [...ranges, ...prepared])),
    notArchived: kafka && start !== undefined
      ? intersection({ first: 0n, next: start }, { first: kafka.logStart, next: kafka.stableEnd })
      : undefined,
    uncommitted: committed === undefined || isEmpty
      ? undefined
      : intersection({ first: ranges[0]!.first, next: end! }, { first: committed, next: end! }),
  };
}

interface Missing extends OffsetRange {
  readonly before?: number | undefined;
  readonly after?: number | undefined;
}

/** Where the archive begins: the earliest offset that a file, a footer or the last commit tells of. */
function startOf(facts: Omit<PartitionFacts, "prepared">): bigint | undefined {
  const { coverage, kafka, start, fromFirstFile } = facts;
  const first = coverage.ranges[0]?.first;
  if (fromFirstFile && first !== undefined) return first;
  const told = [first, start, kafka?.metadata?.start];
  // Another program's commit, or the position at the start: nothing was archived.
  if (told.every((one) => one === undefined)) return kafka?.metadata?.first ?? kafka?.committed;
  return told.reduce((least, one) => least === undefined || (one !== undefined && one < least) ? one : least);
}

/** The parts of a range by where they lie in the log. */
function placed(range: OffsetRange, kafka: KafkaFacts | undefined): (OffsetRange & Pick<Gap, "place">)[] {
  if (kafka === undefined) return [{ ...range, place: "unknown" }];
  const { logStart, stableEnd } = kafka;
  const places = [
    { first: range.first, next: logStart, place: "deleted" },
    { first: logStart, next: stableEnd, place: "in-log" },
    { first: stableEnd > logStart ? stableEnd : logStart, next: range.next, place: "beyond-log" },
  ] as const;
  return places.flatMap(({ place, ...part }) => {
    const common = intersection(range, part);
    return common === undefined ? [] : [{ ...common, place }];
  });
}
