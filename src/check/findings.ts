/** What a check has found, one line each. */
import { ExitCode, UserError } from "../errors.ts";

/** In the order in which they are told. */
export const CHECKS = ["config", "brokers", "topics", "group", "registry", "sink", "clock"] as const;
export type CheckName = typeof CHECKS[number];

export interface Finding {
  readonly check: CheckName;
  /** A warning keeps nobody from archiving; what was not checked depends on something that has failed. */
  readonly state: "ok" | "warning" | "failed" | "not checked";
  readonly what: string;
  /** What to do about it. */
  readonly hint?: string;
  /** What the program ends with for it, where it has failed: 69 or 78. */
  readonly exitCode?: ExitCode;
}

interface Warning {
  readonly what: string;
  readonly hint: string | undefined;
}

/** Gathers what one check finds out. */
export class Notes {
  readonly #check: CheckName;
  readonly #said: string[] = [];
  readonly #warnings: Warning[] = [];
  readonly #failures: UserError[] = [];
  /** Of failures that do not say which side they are on. */
  readonly #exitCode: ExitCode;

  constructor(check: CheckName, exitCode: ExitCode) {
    this.#check = check;
    this.#exitCode = exitCode;
  }

  say(what: string): void {
    this.#said.push(what);
  }

  warn(what: string, hint?: string): void {
    this.#warnings.push({ what, hint });
  }

  /** @throws what is no error for a person. */
  fail(error: unknown): void {
    if (!(error instanceof UserError)) throw error;
    this.#failures.push(error);
  }

  get finding(): Finding {
    if (this.#failures.length > 0) {
      const codes = this.#failures.map(({ exitCode }) =>
        exitCode === ExitCode.failure ? this.#exitCode : exitCode
      );
      return {
        check: this.#check,
        state: "failed",
        what: joined(this.#failures.map(({ message }) => message), "; "),
        ...hintOf(this.#failures),
        exitCode: worst(codes),
      };
    }
    const what = joined([...this.#said, ...this.#warnings.map(({ what }) => what)], "; ");
    if (this.#warnings.length === 0) return { check: this.#check, state: "ok", what };
    return { check: this.#check, state: "warning", what, ...hintOf(this.#warnings) };
  }
}

export function notChecked(check: CheckName, why: string): Finding {
  return { check, state: "not checked", what: why };
}

/** What the program ends with: who has to mend the configuration need not wait for a server first. */
export function worst(exitCodes: readonly ExitCode[]): ExitCode {
  return exitCodes.includes(ExitCode.config) ? ExitCode.config : exitCodes.at(0) ?? ExitCode.ok;
}

function hintOf(problems: readonly { readonly hint: string | undefined }[]): { hint?: string } {
  const hints = problems.flatMap(({ hint }) => hint ?? []);
  return hints.length === 0 ? {} : { hint: joined(hints, " ") };
}

/** Several topics may have the same problem. */
function joined(texts: readonly string[], between: string): string {
  return [...new Set(texts)].join(between);
}
