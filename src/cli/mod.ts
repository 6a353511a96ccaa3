/** The command line's door. */
import { closeLogging, reportError } from "../log.ts";
import { check } from "./check.ts";
import { runCommand } from "./program.ts";
import { inspect } from "./inspect.ts";
import { redrive } from "./redrive.ts";
import { run } from "./run.ts";
import { schema } from "./schema.ts";
import { status } from "./status.ts";
import { verify } from "./verify.ts";

/** Runs the program with `args` (without the program's own name) and gives its exit code; never throws. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await runCommand(args, { run, check, inspect, schema, verify, redrive, status });
  } catch (error) {
    return reportError(error);
  } finally {
    closeLogging();
  }
}
