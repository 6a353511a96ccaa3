/** How many bad records are too many: `--max-errors`, for one topic in one archiver. Deciding is pure. */
import type { MaxErrors } from "../config.ts";

/** A share is that of so many records that came last; before, nothing is told by it. */
export const SHARE_OF_RECORDS = 1000;

/** The limits of all topics: they live as long as the archiver, through all its sessions. */
export class ErrorLimits {
  readonly #max: MaxErrors | undefined;
  readonly #topics = new Map<string, ErrorLimit>();

  constructor(max: MaxErrors | undefined) {
    this.#max = max;
  }

  /** Undefined where any number of bad records will do. */
  of(topic: string): ErrorLimit | undefined {
    if (this.#max === undefined) return undefined;
    let limit = this.#topics.get(topic);
    if (limit === undefined) this.#topics.set(topic, limit = new ErrorLimit(this.#max));
    return limit;
  }
}

export class ErrorLimit {
  readonly #max: MaxErrors;
  /** Records that went by, good and bad. */
  #seen = 0;
  #bad = 0;
  /** When the last bad ones went by, as numbers of records seen: never more than {@link SHARE_OF_RECORDS}. */
  readonly #recent: number[] = [];
  /** The highest offset of a bad record, by partition: what comes again in another session is known already. */
  readonly #highest = new Map<number, number>();

  constructor(max: MaxErrors) {
    this.#max = max;
  }

  /** Counts records that became rows, or were left out for another reason. */
  good(count: number): void {
    this.#seen += count;
  }

  /** Counts a bad record. @returns what is too much with it, in words; undefined where it is not. */
  bad(partition: number, offset: number): string | undefined {
    this.#seen++;
    if (offset <= (this.#highest.get(partition) ?? -1)) return undefined;
    this.#highest.set(partition, offset);
    this.#bad++;
    if (this.#max.kind === "count") {
      return this.#bad > this.#max.records ? `${this.#bad} since the start` : undefined;
    }
    const recent = this.#recent;
    while (recent.length > 0 && recent[0]! <= this.#seen - SHARE_OF_RECORDS) recent.shift();
    const count = recent.push(this.#seen);
    const isTooMuch = this.#seen >= SHARE_OF_RECORDS && count * 100 > this.#max.percent * SHARE_OF_RECORDS;
    return isTooMuch ? `${count} of the last ${SHARE_OF_RECORDS} records` : undefined;
  }
}
