/** Answers that are kept, bounded in number, and those that may soon be others in time too. */

export interface CacheOptions {
  /** Answers kept of what was found; the one that was found first is dropped first. */
  readonly foundMax: number;
  /** The same of what is unknown. */
  readonly unknownMax: number;
  /** How long it stays unknown without being asked for again. */
  readonly unknownForMs: number;
  /** Of a clock that never goes back. */
  readonly nowMs: () => number;
}

export class LookupCache<Key, Answer extends { readonly kind: "found" | "unknown" }> {
  readonly #options: CacheOptions;
  readonly #found = new Map<Key, Answer>();
  readonly #unknown = new Map<Key, { readonly answer: Answer; readonly untilMs: number }>();
  readonly #pending = new Map<Key, Promise<Answer>>();

  constructor(options: CacheOptions) {
    this.#options = options;
  }

  /** How many answers are kept. */
  get size(): number {
    return this.#found.size + this.#unknown.size;
  }

  /** The answer that is kept, or what `ask` gives; those who want the same at the same time share one question. */
  lookUp(key: Key, ask: () => Promise<Answer>): Promise<Answer> {
    const kept = this.#get(key);
    if (kept !== undefined) return Promise.resolve(kept);
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      pending = this.#ask(key, ask).finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    return pending;
  }

  #get(key: Key): Answer | undefined {
    const found = this.#found.get(key);
    if (found !== undefined) return found;
    const unknown = this.#unknown.get(key);
    if (unknown === undefined) return undefined;
    if (this.#options.nowMs() < unknown.untilMs) return unknown.answer;
    this.#unknown.delete(key);
    return undefined;
  }

  async #ask(key: Key, ask: () => Promise<Answer>): Promise<Answer> {
    const answer = await ask();
    const { foundMax, unknownMax, unknownForMs, nowMs } = this.#options;
    if (answer.kind === "found") {
      dropOldest(this.#found, foundMax);
      this.#found.set(key, answer);
    } else {
      dropOldest(this.#unknown, unknownMax);
      this.#unknown.set(key, { answer, untilMs: nowMs() + unknownForMs });
    }
    return answer;
  }
}

function dropOldest<Key>(cache: Map<Key, unknown>, max: number): void {
  if (cache.size < max) return;
  for (const key of cache.keys()) {
    cache.delete(key);
    return;
  }
}
