/** What is wrong with the place where files go, in words, and what to do about it. */
import { messageOf, UserError } from "../errors.ts";

/** What can be told apart: nearly all of it goes away without the program. */
export type SinkProblem = "full" | "read-only" | "denied" | "gone" | "other";

/** A sink that cannot do what it was asked; its message names the folder, its hint says what to do. */
export class SinkError extends UserError {
  readonly problem: SinkProblem;

  constructor(problem: SinkProblem, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options);
    this.problem = problem;
  }
}

/**
 * The error that a person is told where `cause` was met in `folder`. The message is the same for all files there, so
 * that the log can gather what repeats.
 */
export function sinkError(folder: string, cause: unknown): SinkError {
  if (cause instanceof SinkError) return cause;
  switch (codeOf(cause)) {
    case "ENOSPC":
      return new SinkError("full", `${folder}: the disk is full`, {
        hint: "Free some space on it, or make it larger.",
        cause,
      });
    case "EDQUOT":
      return new SinkError("full", `${folder}: the disk quota is used up`, {
        hint: "Free some space, or ask for a larger quota.",
        cause,
      });
    case "EROFS":
      return new SinkError("read-only", `${folder}: the file system is read-only`, {
        hint: "Make it writable again; the system's log says why it is not.",
        cause,
      });
    case "EACCES":
    case "EPERM":
      return new SinkError("denied", `${folder}: permission denied`, {
        hint: "Let the user of this program write there.",
        cause,
      });
    case "ENOENT":
    case "ENOTDIR":
    case "ESTALE":
      return new SinkError("gone", `${folder}: the folder, or one of the program's own in it, is gone`, {
        hint: "Put it back where it was, or mount its disk again.",
        cause,
      });
    case "EIO":
      return new SinkError("other", `${folder}: the disk reports an input/output error`, {
        hint: "Check the disk; the system's log says more.",
        cause,
      });
    case "EMFILE":
    case "ENFILE":
      return new SinkError("other", `${folder}: too many open files`, {
        hint: "Raise the limit (ulimit -n).",
        cause,
      });
    default:
      return new SinkError("other", `${folder}: ${messageOf(cause)}`, { cause });
  }
}

/** What is told of an error that is tried again: message and hint in one line. */
export function problemLine(error: unknown): string {
  const hint = error instanceof UserError && error.hint !== undefined ? `. ${error.hint}` : "";
  return messageOf(error) + hint;
}

/** The operating system's name of an error; undefined for any other. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof Deno.errors.NotCapable) return "EACCES";
  if (error instanceof Deno.errors.NotFound) return "ENOENT";
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : undefined;
}
