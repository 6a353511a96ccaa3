/** What is in the way at the moment, and how often something was: kept as it happens, told to who asks. */

export class Trouble {
  /** By what has failed: a broker, a topic. */
  readonly #reasons = new Map<string, string>();
  #count = 0;

  /** `what` has failed, and is tried again. */
  failed(what: string, reason: string): void {
    this.#reasons.set(what, reason);
    this.#count++;
  }

  /** `what` works, or is not needed any more. */
  over(what: string): void {
    this.#reasons.delete(what);
  }

  /** Nothing that has failed is needed any more. */
  allOver(): void {
    this.#reasons.clear();
  }

  /** Why it does not work at the moment: the oldest reason; undefined where it does. */
  get reason(): string | undefined {
    const [reason] = this.#reasons.values();
    return reason;
  }

  /** Failures so far. */
  get count(): number {
    return this.#count;
  }
}
