/**
 * Which columns gain from a dictionary, found out by trying.
 *
 * A dictionary of a column whose values hardly repeat takes time to build and makes the file no smaller. On customer
 * events, leaving it out where it does not help makes encoding 11 % (1200 rows a file) to 18 % (24,000 rows) faster and
 * the files 7 % smaller (bench/encode.ts). So now and then a file is encoded with all dictionaries, and a part of it
 * with none, and for each column the smaller way is taken for the files after it.
 */
import { parquetMetadata } from "hyparquet";

/** Files between two trials: at 1200 rows a file a trial adds 0.4 %. Values change slowly, if at all. */
const TRIAL_EVERY_FILES = 256;
/** A dictionary is kept where it makes a column smaller by more than this: readers filter faster with one. */
const KEPT_ABOVE_GAIN = 0.03;

export class DictionaryChoice {
  #files = 0;
  #without: readonly string[] = [];

  /** Columns to write without a dictionary, by name. */
  get without(): readonly string[] {
    return this.#without;
  }

  /**
   * Counts a file. @returns whether it is to be encoded with all dictionaries, and in part with none, for
   * {@link learn}.
   */
  isTrial(): boolean {
    return this.#files++ % TRIAL_EVERY_FILES === 0;
  }

  /** Takes a file of which all columns have a dictionary, and a file of `share` of its rows without any. */
  learn(withAll: Uint8Array, withNone: Uint8Array, share: number): void {
    this.#without = columnsBetterWithout(columnSizes(withAll), columnSizes(withNone), share);
  }
}

/**
 * The columns that a dictionary does not make smaller by {@link KEPT_ABOVE_GAIN} or more.
 *
 * @param share how much of the rows the bytes of `withNone` are for
 */
export function columnsBetterWithout(
  withAll: ReadonlyMap<string, number>,
  withNone: ReadonlyMap<string, number>,
  share = 1,
): string[] {
  return [...withAll].filter(([name, bytes]) =>
    bytes * share > (withNone.get(name) ?? Infinity) * (1 - KEPT_ABOVE_GAIN)
  )
    .map(([name]) => name);
}

/** Compressed bytes of each flat column. Leaves of nested ones are left out: the writer cannot be told about them. */
function columnSizes(file: Uint8Array): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const group of parquetMetadata(file).row_groups) {
    for (const { meta_data: column } of group.columns) {
      const name = column?.path_in_schema[0];
      if (column === undefined || name === undefined || column.path_in_schema.length > 1) continue;
      sizes.set(name, (sizes.get(name) ?? 0) + Number(column.total_compressed_size));
    }
  }
  return sizes;
}
