/** Which transactional batches belong to transactions that were aborted. */

/** A transaction of `producerId` that started at `firstOffset` and was aborted. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/**
 * Fed with the batches of one partition in the order of offsets. The broker's list names where an aborted
 * transaction starts; it ends at the producer's next abort marker. The list comes in no particular order.
 */
export class AbortedFilter {
  readonly #transactions: readonly AbortedTransaction[];
  readonly #open = new Set<number>();
  #next = 0;

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#transactions = transactions.length < 2
      ? transactions
      : [...transactions].sort((a, b) => a.firstOffset - b.firstOffset);
  }

  /** To be called for each batch of a producer with an id, before it is judged: control batches too. */
  advance(lastOffset: number): void {
    for (; this.#next < this.#transactions.length; this.#next++) {
      const transaction = this.#transactions[this.#next]!;
      if (transaction.firstOffset > lastOffset) return;
      this.#open.add(transaction.producerId);
    }
  }

  /** The batch was an abort marker of this producer. */
  end(producerId: number): void {
    this.#open.delete(producerId);
  }

  isAborted(producerId: number): boolean {
    return this.#open.has(producerId);
  }
}

/** For a fetch without aborted transactions. */
export const NO_ABORTED = new AbortedFilter([]);
