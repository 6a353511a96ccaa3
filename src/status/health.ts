/** Whether the program lives, and whether it can do its work. Pure. */
import { type Check, CHECKS, type Facts, type WorkerFacts } from "./facts.ts";

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  /** `ok`, `joined`, or why not. */
  readonly says: string;
}

const OK: Readonly<Record<Check, string>> = { broker: "ok", registry: "ok", sink: "ok", group: "joined" };
const NO_REPORT = "nothing heard of it yet";

/** All archivers are at work, or done. */
export function liveness({ workers }: Facts): CheckResult[] {
  return workers.map(({ number, dead }) => ({
    name: workers.length === 1 ? "worker" : `worker ${number}`,
    ok: dead === null,
    says: dead === null ? "ok" : `failed: ${dead}`,
  }));
}

/** All archivers have joined, nothing that they need is away, and the end has not begun. */
export function readiness(facts: Facts): CheckResult[] {
  const working = facts.workers.filter(({ isOver }) => !isOver);
  const results = CHECKS.map((check): CheckResult => {
    const reason = working.map((worker) => reasonOf(check, worker, working.length)).find((one) =>
      one !== null
    );
    if (reason === undefined || reason === null) return { name: check, ok: true, says: OK[check] };
    return { name: check, ok: false, says: `failed: ${reason}` };
  });
  if (facts.state === "draining") results.push({ name: "shutdown", ok: false, says: "draining" });
  return results;
}

export function isAllOk(results: readonly CheckResult[]): boolean {
  return results.every(({ ok }) => ok);
}

/** `[+]broker ok`, a line for each. */
export function checkLines(results: readonly CheckResult[]): string {
  return results.map(({ name, ok, says }) => `[${ok ? "+" : "-"}]${oneLine(`${name} ${says}`)}\n`).join("");
}

function reasonOf(check: Check, { number, dead, checks }: WorkerFacts, workers: number): string | null {
  // One that is dead has told of its last moments, not of now.
  const reason = dead ?? (checks === undefined ? NO_REPORT : checks[check]);
  return reason === null || workers === 1 ? reason : `worker ${number}: ${reason}`;
}

function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex -- finding control characters is the purpose
  return text.replaceAll(/[\x00-\x1f\x7f]+/g, " ");
}
