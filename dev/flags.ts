/** Values of the development tools' flags. */
import { ExitCode, UserError } from "../src/errors.ts";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** @throws {UserError} for anything but a whole number of at least 1. */
export function wholeNumber(text: string, flag: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new UserError(
    `Cannot take ${JSON.stringify(text)} for --${flag}: a whole number of at least 1 is needed`,
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
