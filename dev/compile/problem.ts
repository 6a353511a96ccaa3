/** What keeps the binary from being made, and what to do about it. */
export class CompileProblem extends Error {
  override readonly name = "CompileProblem";
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}
