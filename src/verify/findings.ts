/** What a verification has to say beside its table: problems, which make the archive incomplete, and notes. */
import type { OffsetRange } from "../model.ts";
import type { TopicName } from "./archive.ts";

export type ProblemKind =
  /** Offsets in no file, for which there is no good reason. */
  | "hole"
  /** Offsets in two files. */
  | "overlap"
  /** A file that cannot be read. */
  | "damaged"
  /** A folder, or a file of the program's own, that cannot be looked into. */
  | "unreadable"
  /** A file whose footer does not fit it, or was changed. */
  | "edited"
  /** Dead-letter files hold other counts than footers say. */
  | "dead-letters"
  /** Offsets in a visible file that the group has not committed. */
  | "uncommitted"
  /** A topic of which there is no file any more. */
  | "missing";

export type NoteKind =
  /** Offsets in no file, and why that is right. */
  | "explained"
  /** A checkpoint that is not published. */
  | "prepared"
  | "quarantine"
  /** Offsets in Kafka from before the first file. */
  | "not-archived"
  /** What could not be compared with Kafka. */
  | "not-compared"
  /** A file of another program. */
  | "unknown";

export interface Finding extends Partial<TopicName>, Partial<OffsetRange> {
  readonly kind: ProblemKind | NoteKind;
  readonly isProblem: boolean;
  readonly partition?: number;
  readonly files?: readonly string[];
  /** Of a gap: the file that lies before it, and the one behind it, as far as there are any; `files` has both. */
  readonly before?: string;
  readonly after?: string;
  /** In words, without what the other keys say. */
  readonly text: string;
}

export function problem(kind: ProblemKind, rest: Omit<Finding, "kind" | "isProblem">): Finding {
  return { kind, isProblem: true, ...rest };
}

export function note(kind: NoteKind, rest: Omit<Finding, "kind" | "isProblem">): Finding {
  return { kind, isProblem: false, ...rest };
}
