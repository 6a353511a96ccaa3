/** Values of the development tools' flags, and what a tool ends with that was given wrong ones. */
import { ExitCode, UserError } from "../src/errors.ts";

/**
 * The codes of what `parseArgs` throws for flags that it does not know, and for values that are missing or too many.
 */
const PARSE_ARGS_ERROR = /^ERR_PARSE_ARGS_/;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** @throws {UserError} for anything but a whole number from `min`, 1 by default, to `max`. */
export function wholeNumber(
  text: string,
  flag: string,
  { min = 1, max = Infinity }: { min?: number; max?: number } = {},
): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new UserError(
    `Cannot take ${JSON.stringify(text)} for --${flag}: a whole number ${range} is needed`,
    {
      exitCode: ExitCode.usage,
    },
  );
}

/** Milliseconds of `30s`, `5m` or `1h`. @throws {UserError} for anything else. */
export function durationMs(text: string, flag: string): number {
  const match = /^(\d+)(ms|s|m|h)$/.exec(text);
  const value = Number(match?.[1]) * (UNIT_MS[match?.[2] ?? ""] ?? NaN);
  if (value > 0) return value;
  throw new UserError(
    `Cannot take ${JSON.stringify(text)} for --${flag}: a duration such as 30s or 5m is needed`,
    {
      exitCode: ExitCode.usage,
    },
  );
}

/** What a tool ends with that has thrown this. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UserError) return error.exitCode;
  const code = error instanceof TypeError && "code" in error ? String(error.code) : "";
  return PARSE_ARGS_ERROR.test(code) ? ExitCode.usage : ExitCode.failure;
}
