/** How often an archiver that died is replaced. */

/**
 * For all archivers of the process together: what kills one may kill the next one that gets its partitions, and
 * whoever runs the process should learn of it soon.
 */
export const REBUILDS_MAX = 3;
export const REBUILDS_WINDOW_MS = 10 * 60_000;

export class Rebuilds {
  readonly #atMs: number[] = [];

  /** So many there have been within the window that ends now, this one included; undefined where it is one too many. */
  next(nowMs: number): number | undefined {
    const recent = this.#atMs.filter((atMs) => nowMs - atMs < REBUILDS_WINDOW_MS).length;
    if (recent >= REBUILDS_MAX) return undefined;
    this.#atMs.push(nowMs);
    return recent + 1;
  }

  get total(): number {
    return this.#atMs.length;
  }
}
