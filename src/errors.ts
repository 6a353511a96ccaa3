/** Errors that are meant for a person: what, where, the value, and what to do about it. */

/** Exit codes of the program; see the README's table. */
export const ExitCode = {
  ok: 0,
  /** A failure at run time, a failed last flush included. */
  failure: 1,
  usage: 2,
  /** A bounded run ended with dead letters, or any run with too many bad records. */
  deadLetters: 3,
  /** `verify` found holes, overlaps or damage. */
  incomplete: 3,
  /** A broker or registry could not be reached at start. */
  unavailable: 69,
  /** The configuration cannot work. */
  config: 78,
  /** A second Ctrl-C. */
  interrupted: 130,
} as const;
export type ExitCode = typeof ExitCode[keyof typeof ExitCode];

export interface UserErrorOptions {
  /** What to do about it, as an imperative sentence. */
  readonly hint?: string;
  readonly exitCode?: ExitCode;
  readonly cause?: unknown;
}

/** An error that reaches the user as two lines, message and hint, without a stack. */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;

  constructor(message: string, options: UserErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? ExitCode.failure;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
