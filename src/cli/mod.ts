/** The command line's door. */
import { ExitCode } from "../errors.ts";
import { HELP_WIDTH_DEFAULT, helpFor } from "./help.ts";
import { Output, OutputClosed, terminalWidth } from "./output.ts";

/** Runs the program with `args` (without the program's own name) and gives its exit code; never throws. */
export async function main(args: readonly string[]): Promise<number> {
  const help = helpFor(args, terminalWidth(HELP_WIDTH_DEFAULT));
  if (help !== undefined) return print(help);
  // Loaded here, so that help does not wait for it: commander and the log take several times as long as all of help.
  const { dispatch } = await import("./dispatch.ts");
  return await dispatch(args);
}

function print(text: string): number {
  const output = new Output();
  try {
    output.write(text);
    output.flush();
  } catch (error) {
    if (!(error instanceof OutputClosed)) return ExitCode.failure;
  }
  return ExitCode.ok;
}
