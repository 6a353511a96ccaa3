/** The offset ranges of one partition that many files hold, joined where one ends and the next begins. */
import type { OffsetRange } from "../model.ts";

/**
 * Files come in any order, so that ranges join at both ends. Ranges that overlap are kept as they are: joined, they
 * would hide that a record stands in two files.
 */
export class OffsetRanges {
  readonly #byFirst = new Map<bigint, OffsetRange>();
  readonly #byNext = new Map<bigint, OffsetRange>();
  /** Those that begin or end where another one does. */
  readonly #doubled: OffsetRange[] = [];

  add({ first, next }: OffsetRange): void {
    if (first >= next) return;
    if (this.#byFirst.has(first) || this.#byNext.has(next)) {
      this.#doubled.push({ first, next });
      return;
    }
    const before = this.#take(this.#byNext.get(first));
    const after = this.#take(this.#byFirst.get(next));
    const joined = { first: before?.first ?? first, next: after?.next ?? next };
    this.#byFirst.set(joined.first, joined);
    this.#byNext.set(joined.next, joined);
  }

  /** In the order of their first offsets. */
  get ranges(): OffsetRange[] {
    return [...this.#byFirst.values(), ...this.#doubled].sort((a, b) =>
      a.first < b.first ? -1 : a.first > b.first ? 1 : 0
    );
  }

  /** Whether a record stands in two of the files. */
  get overlap(): boolean {
    let end = -1n;
    for (const { first, next } of this.ranges) {
      if (first < end) return true;
      if (next > end) end = next;
    }
    return false;
  }

  #take(range: OffsetRange | undefined): OffsetRange | undefined {
    if (range === undefined) return undefined;
    this.#byFirst.delete(range.first);
    this.#byNext.delete(range.next);
    return range;
  }
}
