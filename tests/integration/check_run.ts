/** `kafka2parquet check` as tests run it. */
import assert from "node:assert/strict";
import { type Program, runProgram } from "../support/mod.ts";

/** One line of `--json`. */
export interface Line {
  readonly check: string;
  readonly ok: boolean;
  readonly state: "ok" | "warning" | "failed" | "not checked";
  readonly what: string;
  readonly hint?: string;
}

export interface Checked {
  readonly code: number;
  /** By the check's name, in the order in which they were told. */
  readonly lines: ReadonlyMap<string, Line>;
  readonly program: Program;
}

export const ALL = ["config", "brokers", "topics", "group", "registry", "sink", "clock"];

/** Runs it with `--json`, which is held to its form. */
export async function runCheck(
  args: readonly string[],
  { env = {}, run = runProgram }: {
    readonly env?: Record<string, string>;
    readonly run?: typeof runProgram;
  } = {},
): Promise<Checked> {
  await using program = run(["check", "--json", ...args], { env });
  const { code } = await program.exit;
  const [last, ...rest] = program.stdout.map((line) => JSON.parse(line)).reverse();
  const output = [...program.stdout, ...program.stderr].join("\n");
  assert.deepEqual(last, { ok: code === 0, exit: code }, output);
  const lines = new Map((rest.reverse() as Line[]).map((line) => [line.check, line]));
  assert.deepEqual([...lines.keys()], ALL, output);
  for (const { ok, state } of lines.values()) assert.equal(ok, state === "ok" || state === "warning");
  assert.equal(program.stderr.join("\n"), "", "all is told by its lines");
  return { code, lines, program };
}

/** The line's state, and what it and its hint say. */
export function assertLine(
  { lines, program }: Checked,
  check: string,
  state: Line["state"],
  ...said: readonly RegExp[]
): void {
  const line = lines.get(check)!;
  const output = program.stdout.join("\n");
  assert.equal(line.state, state, output);
  for (const pattern of said) assert.match(`${line.what}\n${line.hint ?? ""}`, pattern, output);
}
