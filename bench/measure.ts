/** Time, processor time and memory, of code in this process and of programs. */
import process from "node:process";
import { type GuardedProcess, startGuarded } from "../dev/mod.ts";
import { lastLines } from "../dev/server_process.ts";

const MEMORY_POLL_MS = 50;
const LOG_TAIL_LINES = 8;
/** Linux counts the time of processes in hundredths of a second. */
const TICKS_PER_SECOND = 100;

/** One run of a pipeline. */
export interface Run {
  readonly rows: number;
  readonly seconds: number;
  /** User and system time of all threads; undefined where the system does not tell. */
  readonly cpuSeconds: number | undefined;
  readonly peakRssBytes?: number | undefined;
  readonly fileBytes?: number | undefined;
}

/** Runs `work`, which says how many rows it has taken, in this process. */
export async function measureHere(work: () => number | Promise<number>): Promise<Run> {
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  const rows = await work();
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { rows, seconds, cpuSeconds: (user + system) / 1e6 };
}

/**
 * Runs a program from its start to its end. Where we are killed before, its guard ends it and removes `scratchDir`.
 *
 * @throws {Error} with the end of its log where it does not exit with 0.
 */
export async function measureProgram(
  command: readonly string[],
  { logFile, scratchDir, limitMs }: { logFile: string; scratchDir: string; limitMs: number },
): Promise<Omit<Run, "rows">> {
  const cpuBefore = endedChildrenSeconds();
  const startMs = performance.now();
  const env = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
  const program = startGuarded(command, { logFile, scratchDir, env });
  let peakRssBytes: number | undefined;
  const poll = setInterval(() => peakRssBytes = peakOf(program.pid) ?? peakRssBytes, MEMORY_POLL_MS);
  const limit = setTimeout(() => program.signal("SIGKILL"), limitMs);
  try {
    const { code } = await program.exit;
    const seconds = (performance.now() - startMs) / 1000;
    if (code !== 0) {
      throw new Error(
        `exit code ${code} after ${seconds.toFixed(1)} s\n${await lastLines(logFile, LOG_TAIL_LINES)}`,
      );
    }
    const cpuAfter = endedChildrenSeconds();
    const cpuSeconds = cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore;
    return { seconds, cpuSeconds, peakRssBytes };
  } finally {
    clearInterval(poll);
    clearTimeout(limit);
  }
}

/** Processor seconds that a running program uses in `durationMs`. */
export async function measureRunning(
  program: GuardedProcess,
  durationMs: number,
): Promise<number | undefined> {
  const before = statTicks(program.pid, [14, 15]);
  await new Promise((resolve) => setTimeout(resolve, durationMs));
  const after = statTicks(program.pid, [14, 15]);
  return before === undefined || after === undefined ? undefined : (after - before) / TICKS_PER_SECOND;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[sorted.length >> 1] ?? NaN;
}

/** The processor time of our children that have ended: what a child has used is known exactly once it has. */
function endedChildrenSeconds(): number | undefined {
  const ticks = statTicks("self", [16, 17]);
  return ticks === undefined ? undefined : ticks / TICKS_PER_SECOND;
}

/** The sum of fields of /proc/PID/stat, numbered from 1 as in its manual; undefined where there is no such file. */
function statTicks(pid: number | "self", fields: readonly number[]): number | undefined {
  const text = readIfThere(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field is a name in parentheses, which may hold spaces.
  const rest = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields.reduce((sum, field) => sum + Number(rest[field - 3]), 0);
}

function peakOf(pid: number): number | undefined {
  const match = /VmHWM:\s+(\d+) kB/.exec(readIfThere(`/proc/${pid}/status`) ?? "");
  return match === null ? undefined : Number(match[1]) * 1024;
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
