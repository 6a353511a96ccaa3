/** What a redrive has done, file by file. */
import type { UserError } from "../errors.ts";
import type { Kind } from "./reasons.ts";

export interface KindCounts {
  records: number;
  redriven: number;
}

/** One dead-letter file that was looked through. */
export interface FileReport {
  readonly kind: "file";
  readonly path: string;
  readonly topic: string;
  /** By the reason why they were dead letters. */
  readonly reasons: ReadonlyMap<Kind, Readonly<KindCounts>>;
  readonly records: number;
  readonly redriven: number;
  /** Of those of which there is still no row, by the reason of today. */
  readonly remaining: ReadonlyMap<string, number>;
  /** New files of rows; in a dry run those that there would be have no name. */
  readonly dataFiles: readonly { readonly path: string | undefined; readonly rows: number }[];
  /** The dead-letter file that has come in its place; undefined where none was needed, or nothing was done. */
  readonly deadLetterFile: string | undefined;
  /** Files that were prepared and are nowhere any more. */
  readonly missing: readonly string[];
}

export type Report =
  | FileReport
  /** Of an earlier redrive that died between its commit and its end: the files have their names now. */
  | {
    readonly kind: "recovered";
    readonly path: string;
    readonly files: readonly string[];
    readonly missing: readonly string[];
  }
  /** Another redrive has exchanged it meanwhile. */
  | { readonly kind: "gone"; readonly path: string }
  | {
    readonly kind: "passed-over";
    readonly path: string;
    /** A file of another kind or program, one of another archive, or one whose checkpoint is being published. */
    readonly why: "other-kind" | "foreign" | "publishing";
  }
  | { readonly kind: "failed"; readonly path: string; readonly error: UserError };
