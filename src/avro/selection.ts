/** Which columns a file gets: what `--include` and `--exclude` say, by the names that columns have. */
import { nearest } from "../nearest.ts";

export interface Patterns {
  /** Only these; all where there are none. */
  readonly include: readonly string[];
  /** Not these, whatever is included. */
  readonly exclude: readonly string[];
}

/** In a pattern, `*` stands for any text, separators included; all else for itself. */
export class ColumnSelection {
  readonly #patterns: Patterns;
  readonly #include: readonly RegExp[];
  readonly #exclude: readonly RegExp[];

  constructor(patterns: Patterns) {
    this.#patterns = patterns;
    this.#include = patterns.include.map(expressionOf);
    this.#exclude = patterns.exclude.map(expressionOf);
  }

  /** All of them, each once. */
  get patterns(): readonly string[] {
    return [...new Set([...this.#patterns.include, ...this.#patterns.exclude])];
  }

  /** Whether a column is wanted that goes by these names: an alias is as good as the name itself. */
  takes(names: readonly string[]): boolean {
    const matches = (pattern: RegExp) => names.some((name) => pattern.test(name));
    return !this.#exclude.some(matches) && (this.#include.length === 0 || this.#include.some(matches));
  }

  /** Patterns that match none of these columns, each with what may have been meant. */
  unmatched(
    columns: readonly (readonly string[])[],
    separator: string,
  ): { readonly pattern: string; readonly meant: string | undefined }[] {
    const names = columns.flat();
    const records = recordsOf(names, separator);
    const candidates = [...records, ...[...records].map((record) => `${record}${separator}*`), ...names];
    return this.patterns
      .filter((pattern) => !names.some((name) => expressionOf(pattern).test(name)))
      .map((pattern) => {
        const meant = nearest(pattern, candidates);
        return {
          pattern,
          meant: meant !== undefined && records.has(meant) ? `${meant}${separator}*` : meant,
        };
      });
  }
}

/** What stands before any separator of a name: no column of its own, but easily taken for one. */
function recordsOf(names: readonly string[], separator: string): Set<string> {
  const records = new Set<string>();
  for (const name of names) {
    for (let at = name.indexOf(separator); at > 0; at = name.indexOf(separator, at + separator.length)) {
      records.add(name.slice(0, at));
    }
  }
  return records;
}

/** Undefined where all columns are wanted. */
export function selectionOf(patterns: Patterns): ColumnSelection | undefined {
  const isAll = patterns.include.length === 0 && patterns.exclude.length === 0;
  return isAll ? undefined : new ColumnSelection(patterns);
}

function expressionOf(pattern: string): RegExp {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[\\^$.+?()[\]{}|/]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "su");
}
