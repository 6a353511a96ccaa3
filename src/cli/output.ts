/** Data on stdout: written in pieces, and no failure where the reader has seen enough. */

const BUFFER_CHARACTERS = 32 * 1024;
/** Where stdout is no terminal: as wide as most are. */
const WIDTH_DEFAULT = 110;

/** Thrown where nobody reads stdout any more, as with `| head`. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

export class Output {
  readonly #write: (bytes: Uint8Array) => number;
  readonly #encoder = new TextEncoder();
  #pending = "";

  /** `write` is stdout's unless a test listens. */
  constructor(write = (bytes: Uint8Array) => Deno.stdout.writeSync(bytes)) {
    this.#write = write;
  }

  /** Throws {@link OutputClosed}. */
  write(text: string): void {
    this.#pending += text;
    if (this.#pending.length >= BUFFER_CHARACTERS) this.flush();
  }

  lines(lines: readonly string[]): void {
    for (const line of lines) this.write(`${line}\n`);
  }

  /** Throws {@link OutputClosed}. */
  flush(): void {
    let bytes = this.#encoder.encode(this.#pending);
    this.#pending = "";
    try {
      while (bytes.length > 0) bytes = bytes.subarray(this.#write(bytes));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
      throw error;
    }
  }
}

/** Cells of a line on this terminal; without one, `otherwise`. */
export function terminalWidth(otherwise: number = WIDTH_DEFAULT): number {
  try {
    // Some terminals, those of scripts among them, do not know how wide they are.
    return Deno.stdout.isTerminal() ? Deno.consoleSize().columns || otherwise : otherwise;
  } catch {
    return otherwise;
  }
}
