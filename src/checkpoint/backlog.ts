/** Encoded files that are not published yet, of all pipelines of a session. */

/** At one row a file bytes are no limit: each of these is an open file for a moment, and a promise or two. */
const FILES_MAX = 256;

export class Backlog {
  readonly #bytesMax: number;
  #bytes = 0;
  #files = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes > this.#bytesMax || this.#files > FILES_MAX;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    this.#files++;
  }

  remove({ files, bytes }: { files: number; bytes: number }): void {
    this.#bytes -= bytes;
    this.#files -= files;
  }
}
