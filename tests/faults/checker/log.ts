/** The producer's own account of what it has written. */

/** One line of the producer's log, which is JSON. */
export interface LoggedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** The value of the id column; no two records share one, but where the producer has sent it twice. */
  readonly id: number;
  /** What became of its transaction; records without one are committed when the broker has them. */
  readonly outcome: "committed" | "aborted" | "unknown";
  /** What the program is to make of it: `row` by default. */
  readonly kind?: "row" | "dead_letter" | "skipped";
}

/** Reads a log. A last line that is not whole is that of a producer that was killed while it wrote. */
export function readLog(path: string): LoggedRecord[] {
  const lines = Deno.readTextFileSync(path).split("\n");
  lines.pop();
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as LoggedRecord);
}

/** The records of one partition in order of their offsets. */
export class PartitionLog {
  readonly #records: LoggedRecord[] = [];
  #isSorted = true;

  add(record: LoggedRecord): void {
    this.#records.push(record);
    this.#isSorted = false;
  }

  /** The records with offsets in `[first, next)`. */
  between(first: number, next: number): LoggedRecord[] {
    if (!this.#isSorted) this.#records.sort((a, b) => a.offset - b.offset);
    this.#isSorted = true;
    const found: LoggedRecord[] = [];
    for (let i = this.#indexOf(first); i < this.#records.length && this.#records[i]!.offset < next; i++) {
      found.push(this.#records[i]!);
    }
    return found;
  }

  /** The index of the first record at or after an offset. */
  #indexOf(offset: number): number {
    let [low, high] = [0, this.#records.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#records[middle]!.offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export function keyOf(at: { readonly topic: string; readonly partition: number }): string {
  return `${at.topic}/${at.partition}`;
}

export function byPartition(records: readonly LoggedRecord[]): Map<string, PartitionLog> {
  const logs = new Map<string, PartitionLog>();
  for (const record of records) {
    const log = logs.get(keyOf(record)) ?? new PartitionLog();
    log.add(record);
    logs.set(keyOf(record), log);
  }
  return logs;
}
