/** Whether a folder can do what the protocol needs, found out before any data is written. */
import { join } from "node:path";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { removeIfThere, writeDurably } from "./files.ts";
import { codeOf, sinkError } from "./problems.ts";

export const OUTPUT_FLAG = "--output";
/** Dead letters are all that goes anywhere but the output folder. */
export const ALSO_INTO_FLAG = "--dead-letter";

/** What `prepare` gives. @throws UserError that names the folder and its flag where it fails. */
export async function usable<T>(folder: string, flag: string, prepare: () => Promise<T>): Promise<T> {
  try {
    return await prepare();
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`Cannot write to ${folder}: ${closedReason(cause) ?? reasonOf(cause)}`, {
      hint: `Give ${flag} a folder on a local disk that this user may write to.`,
      exitCode: exitCodeOf(cause),
      cause,
    });
  }
}

/**
 * Makes, links and removes a small file, so that a file system that cannot do it is found before any data is.
 *
 * @param told What the first folder is called in an error.
 */
export async function tryLink(home: string, folder: string, told = home): Promise<void> {
  const name = `.try-${crypto.randomUUID()}`;
  const [from, to] = [join(home, name), join(folder, name)];
  try {
    await writeDurably(from, new Uint8Array(1));
    await Deno.link(from, to);
  } catch (cause) {
    const known = sinkError(folder, cause);
    if (known.problem === "full") throw known;
    // What may not be linked where it may be written is a file system without hard links: EPERM.
    if (known.problem === "read-only" || codeOf(cause) === "EACCES") {
      throw new UserError(`Cannot write to ${folder}: ${closedReason(cause)}`, {
        hint: known.hint!,
        exitCode: exitCodeOf(cause),
        cause,
      });
    }
    throw new UserError(`Cannot move files from ${told} to ${folder}: ${reasonOf(cause)}`, {
      hint: "Both must be on the same file system, writable, and that file system must have hard links.",
      cause,
    });
  } finally {
    await removeIfThere(to);
    await removeIfThere(from);
  }
}

/** Why a folder is closed to us, in words without the name of the file with which that was found. */
function closedReason(cause: unknown): string | undefined {
  if (cause instanceof Deno.errors.NotCapable) return undefined;
  switch (sinkError("", cause).problem) {
    case "read-only":
      return "the file system is read-only";
    case "denied":
      return "permission denied";
    default:
      return undefined;
  }
}

/** A folder that is closed to us at the start was so named by mistake; a disk that is full was not. */
function exitCodeOf(cause: unknown): ExitCode {
  const { problem } = sinkError("", cause);
  return problem === "read-only" || problem === "denied" ? ExitCode.config : ExitCode.failure;
}

/** In plain words where the runtime speaks of its own flags, which nobody can give to a compiled program. */
function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) return "this program was not given the right to write there";
  // The name of a file that was only tried, and is gone, tells nobody anything.
  return messageOf(error).replace(/: \w+ '[^']*\/\.try-.*$/, "");
}
