/** A terminal's screen, as far as the program uses it: text, line ends, colours, and erasing to the end of a line. */

export class Screen {
  readonly #columns: number;
  readonly #lines: string[] = [""];
  #column = 0;

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** @throws {Error} at a control character or sequence that no part of the program should write. */
  write(text: string): void {
    // deno-lint-ignore no-control-regex -- control characters are what a terminal is about
    for (const [token] of text.matchAll(/\x1b\[[\d;?]*[a-zA-Z]|\x1b|[^\x1b]/g)) this.#put(token);
  }

  /** The lines so far, without blanks at their ends; the last one is where the cursor is. */
  get lines(): string[] {
    return this.#lines.map((line) => line.trimEnd());
  }

  #put(token: string): void {
    const line = this.#lines.at(-1)!;
    if (token === "\r") this.#column = 0;
    else if (token === "\n") this.#newLine();
    else if (token === "\x1b[K") this.#lines[this.#lines.length - 1] = line.slice(0, this.#column);
    else if (token.startsWith("\x1b[") && token.endsWith("m")) return;
    else if (token < " ") throw new Error(`The program wrote ${JSON.stringify(token)}`);
    else {
      if (this.#column === this.#columns) this.#newLine();
      const before = this.#lines.at(-1)!.padEnd(this.#column);
      this.#lines[this.#lines.length - 1] = before.slice(0, this.#column) + token +
        before.slice(this.#column + 1);
      this.#column++;
    }
  }

  #newLine(): void {
    this.#lines.push("");
    this.#column = 0;
  }
}
