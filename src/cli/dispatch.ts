/** From arguments to the command that they name: all of the command line but help, which does not wait for this. */
import { closeLogging, reportError } from "../log.ts";
import { check } from "./check.ts";
import { runCommand } from "./program.ts";
import { inspect } from "./inspect.ts";
import { redrive } from "./redrive.ts";
import { run } from "./run.ts";
import { schema } from "./schema.ts";
import { status } from "./status.ts";
import { verify } from "./verify.ts";

/** Runs the command in `args` and gives the program's exit code; never throws. */
export async function dispatch(args: readonly string[]): Promise<number> {
  try {
    return await runCommand(args, { run, check, inspect, schema, verify, redrive, status });
  } catch (error) {
    return reportError(error);
  } finally {
    closeLogging();
  }
}
