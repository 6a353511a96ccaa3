/** The command line's door. */
import { closeLogging, reportError } from "../log.ts";
import { runCommand } from "./program.ts";
import { run } from "./run.ts";

/** Runs the program with `args` (without the program's own name) and gives its exit code; never throws. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await runCommand(args, { run });
  } catch (error) {
    return reportError(error);
  } finally {
    closeLogging();
  }
}
