/** The offset ranges that files hold of one partition: what they cover together, where holes are, where they overlap. */
import type { OffsetRange } from "../model.ts";

const CAPACITY_FIRST = 16;

/** Offsets between two files that stand in none. */
export interface Hole extends OffsetRange {
  /** Numbers of the files on both sides. */
  readonly before: number;
  readonly after: number;
}

/** Offsets that stand in two files. */
export interface Overlap extends OffsetRange {
  readonly files: readonly [number, number];
  /** Whether both ranges are the same, as in a file that was copied. */
  readonly isSame: boolean;
}

export interface Coverage {
  /** Joined where one ends and the next begins, in order; they neither touch nor overlap. */
  readonly ranges: readonly OffsetRange[];
  readonly holes: readonly Hole[];
  /** Number of the file that begins first; undefined where there is none. */
  readonly earliest: number | undefined;
  /** Number of the file that reaches furthest; undefined where there is none. */
  readonly last: number | undefined;
  /** Together they are all offsets that stand in two files or more. */
  readonly overlaps: readonly Overlap[];
}

/**
 * Ranges with the numbers of their files, 20 bytes each: 100,000 files of 50 partitions are 100 MB, where an object for
 * each range would take a gigabyte.
 */
export class FileRanges {
  #count = 0;
  #firsts = new BigInt64Array(CAPACITY_FIRST);
  #nexts = new BigInt64Array(CAPACITY_FIRST);
  #files = new Uint32Array(CAPACITY_FIRST);

  get count(): number {
    return this.#count;
  }

  /** Takes a range that is not empty, in any order. */
  add({ first, next }: OffsetRange, file: number): void {
    if (this.#count === this.#files.length) this.#grow();
    this.#firsts[this.#count] = first;
    this.#nexts[this.#count] = next;
    this.#files[this.#count] = file;
    this.#count++;
  }

  coverage(): Coverage {
    const [firsts, nexts, files] = [this.#firsts, this.#nexts, this.#files];
    const order = Uint32Array.from({ length: this.#count }, (_, index) => index).sort((a, b) => {
      const [of, than] = firsts[a] === firsts[b] ? [nexts[a]!, nexts[b]!] : [firsts[a]!, firsts[b]!];
      // Of equal ranges the file that was met first stands first.
      return of < than ? -1 : of > than ? 1 : a - b;
    });
    const ranges: { first: bigint; next: bigint }[] = [];
    const holes: Hole[] = [];
    const overlaps: Overlap[] = [];
    /** The range that reaches furthest so far. */
    let furthest = -1;
    for (const index of order) {
      const [first, next] = [firsts[index]!, nexts[index]!];
      const last = ranges.at(-1);
      if (last === undefined || first > last.next) {
        if (last !== undefined) {
          holes.push({ first: last.next, next: first, before: files[furthest]!, after: files[index]! });
        }
        ranges.push({ first, next });
        furthest = index;
        continue;
      }
      if (first < last.next) {
        overlaps.push({
          first,
          next: next < last.next ? next : last.next,
          files: [files[furthest]!, files[index]!],
          isSame: firsts[furthest] === first && nexts[furthest] === next,
        });
      }
      if (next <= last.next) continue;
      last.next = next;
      furthest = index;
    }
    return { ranges, holes, overlaps, earliest: files[order[0] ?? -1], last: files[furthest] };
  }

  #grow(): void {
    const capacity = this.#files.length * 2;
    const [firsts, nexts, files] = [this.#firsts, this.#nexts, this.#files];
    (this.#firsts = new BigInt64Array(capacity)).set(firsts);
    (this.#nexts = new BigInt64Array(capacity)).set(nexts);
    (this.#files = new Uint32Array(capacity)).set(files);
  }
}

/** What of `range` stands in none of `others`, which come in any order and may overlap. */
export function subtract(range: OffsetRange, others: readonly OffsetRange[]): OffsetRange[] {
  const rest: OffsetRange[] = [];
  let { first } = range;
  for (const other of others.toSorted((a, b) => a.first < b.first ? -1 : a.first > b.first ? 1 : 0)) {
    if (other.next <= first) continue;
    if (other.first >= range.next) break;
    if (other.first > first) rest.push({ first, next: other.first });
    first = other.next;
    if (first >= range.next) return rest;
  }
  if (first < range.next) rest.push({ first, next: range.next });
  return rest;
}

/** What both ranges hold; undefined where that is nothing. */
export function intersection(a: OffsetRange, b: OffsetRange): OffsetRange | undefined {
  const first = a.first > b.first ? a.first : b.first;
  const next = a.next < b.next ? a.next : b.next;
  return first < next ? { first, next } : undefined;
}
