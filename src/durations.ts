/** How long something took, each time that it happened: counted in classes, as histograms are. */

/** Upper bounds of the classes in seconds; what is longer has a class of its own. */
export const DURATION_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

export interface Durations {
  /** Of each class, one more than there are bounds. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
}

export const NO_DURATIONS: Durations = {
  counts: Array.from({ length: DURATION_BOUNDS.length + 1 }, () => 0),
  sumSeconds: 0,
};

/** With one more. */
export function withDuration({ counts, sumSeconds }: Durations, seconds: number): Durations {
  const found = DURATION_BOUNDS.findIndex((bound) => seconds <= bound);
  const at = found < 0 ? DURATION_BOUNDS.length : found;
  return { counts: counts.with(at, counts[at]! + 1), sumSeconds: sumSeconds + seconds };
}

export function sumOfDurations(one: Durations, other: Durations): Durations {
  return {
    counts: one.counts.map((count, i) => count + other.counts[i]!),
    sumSeconds: one.sumSeconds + other.sumSeconds,
  };
}
