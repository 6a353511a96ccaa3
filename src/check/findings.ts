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
  /** `what` and `hint` in pieces that belong together; given where the hint is not of all that `what` says. */
  readonly parts?: readonly Part[];
  /** What the program ends with for it, where it has failed: 69 or 78. */
  readonly exitCode?: ExitCode;
}

/** One of several problems, with what to do about it. */
export interface Part {
  readonly what: string;
  readonly hint?: string | undefined;
}

/** Gathers what one check finds out. */
export class Notes {
  readonly #check: CheckName;
  readonly #said: string[] = [];
  readonly #warnings: Part[] = [];
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
        ...told(this.#failures.map(({ message, hint }) => ({ what: message, hint }))),
        exitCode: worst(codes),
      };
    }
    const said = joined(this.#said, "; ");
    if (this.#warnings.length === 0) return { check: this.#check, state: "ok", what: said };
    return { check: this.#check, state: "warning", ...told(this.#warnings, said) };
  }
}

export function notChecked(check: CheckName, why: string): Finding {
  return { check, state: "not checked", what: why };
}

/** What the program ends with: who has to mend the configuration need not wait for a server first. */
export function worst(exitCodes: readonly ExitCode[]): ExitCode {
  return exitCodes.includes(ExitCode.config) ? ExitCode.config : exitCodes.at(0) ?? ExitCode.ok;
}

/** Problems in one line, behind what else was `said`; and in pieces, where they ask for different things. */
function told(problems: readonly Part[], said = ""): Pick<Finding, "what" | "hint" | "parts"> {
  const hints = problems.flatMap(({ hint }) => hint ?? []);
  const before = said === "" ? [] : [said];
  const what = joined([...before, ...problems.map(({ what }) => what)], "; ");
  if (hints.length === 0) return { what };
  const hint = joined(hints, " ");
  const byHint = [...Map.groupBy(problems, ({ hint }) => hint)];
  if (byHint.length === 1) return { what, hint };
  const parts = byHint.map(([hint, list], index): Part => ({
    what: joined([...(index === 0 ? before : []), ...list.map(({ what }) => what)], "; "),
    ...(hint !== undefined && { hint }),
  }));
  return { what, hint, parts };
}

/** Several topics may have the same problem. */
function joined(texts: readonly string[], between: string): string {
  return [...new Set(texts)].join(between);
}
