/** From records of one schema to rows of the open file: value, key and metadata side by side, or none of them. */
import type { Decoder } from "../avro/mod.ts";
import type { Columns } from "../columns/mod.ts";
import type { Stretch } from "../metadata/mod.ts";
import type { OpenFile } from "./open_file.ts";

/** A record that cannot become a row. */
export interface BadRow {
  readonly index: number;
  readonly kind: "bad-value" | "bad-key";
  readonly reason: string;
}

/** What is decoded into what: the columns hold as many rows as the file. */
export interface Decoding {
  readonly decoder: Decoder;
  readonly columns: Columns;
  /** Bytes of each value or key before Avro begins. */
  readonly skip: number;
}

export interface RowsOptions {
  /** Undefined where all values of the stretch are null. */
  readonly values: Decoding | undefined;
  /** Undefined where no key is decoded, or all of the stretch are null. */
  readonly keys: Decoding | undefined;
}

/**
 * Appends a row for each good record of the stretch.
 *
 * @returns the bad ones, in order.
 * @throws UserError where a column is full; the file is then as it was before.
 */
export function appendRows(
  file: OpenFile,
  stretch: Stretch,
  { values, keys }: RowsOptions,
): BadRow[] {
  const before = file.rows;
  try {
    let bad = takeKeys(file, stretch, keys);
    if (values !== undefined) bad = takeValues(values, stretch, bad);
    const good = goodParts(stretch, bad);
    if (keys !== undefined) keepKeys(keys, { before, good });
    for (const part of good) file.metadata?.append(part);
    return bad;
  } catch (error) {
    file.truncate(before);
    throw error;
  }
}

/** Keys that cannot stand in their column, or cannot be decoded: those of records with a bad value included. */
function takeKeys(file: OpenFile, stretch: Stretch, keys: Decoding | undefined): BadRow[] {
  if (keys !== undefined) return decode(keys, stretch, "key");
  const bad = file.metadata?.badKeys(stretch) ?? [];
  return bad.map(({ index, reason }) => ({ index, kind: "bad-key", reason }));
}

/** Decodes the values of the records that are not bad already; returns all that are. */
function takeValues(values: Decoding, stretch: Stretch, bad: readonly BadRow[]): BadRow[] {
  if (bad.length === 0) return decode(values, stretch, "value");
  const more = goodParts(stretch, bad).flatMap((part) => decode(values, part, "value"));
  return [...bad, ...more].sort((one, other) => one.index - other.index);
}

/** Leaves the keys of the good records only. */
function keepKeys(keys: Decoding, { before, good }: { before: number; good: readonly Stretch[] }): void {
  const rows = good.reduce((sum, { from, to }) => sum + to - from, before);
  // All good records have their key there: as many as that means no others.
  if (keys.columns.rows === rows) return;
  keys.columns.truncate(before);
  for (const part of good) decode(keys, part, "key");
}

function decode({ decoder, columns, skip }: Decoding, part: Stretch, what: "value" | "key"): BadRow[] {
  const { fetched, bytes, from, to } = part;
  const isKey = what === "key";
  const starts = isKey ? fetched.keyStart : fetched.valueStart;
  const ends = isKey ? fetched.keyEnd : fetched.valueEnd;
  const bad: BadRow[] = [];
  decoder.decode(columns, { bytes, starts, ends, skip, from, to }, (index, reason) => {
    bad.push(
      isKey ? { index, kind: "bad-key", reason: `the key: ${reason}` } : { index, kind: "bad-value", reason },
    );
  });
  return bad;
}

/** What is left of the stretch without the bad records, which are in order. */
function goodParts(stretch: Stretch, bad: readonly BadRow[]): Stretch[] {
  if (bad.length === 0) return stretch.from < stretch.to ? [stretch] : [];
  const parts: Stretch[] = [];
  let { from } = stretch;
  for (const { index } of bad) {
    if (from < index) parts.push({ ...stretch, from, to: index });
    from = index + 1;
  }
  if (from < stretch.to) parts.push({ ...stretch, from });
  return parts;
}
