/** From records of one schema to rows of the open file: value, key and metadata side by side, or none of them. */
import type { Decoder, OnBad } from "../avro/mod.ts";
import type { Columns } from "../columns/mod.ts";
import type { Stretch } from "../metadata/mod.ts";
import type { OpenFile } from "./open_file.ts";
import { HEADER_BYTES } from "./wire_header.ts";

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
}

export interface RowsOptions {
  /** Undefined where all values of the stretch are null. */
  readonly values: Decoding | undefined;
  /** Undefined where no key is decoded, or all of the stretch are null. */
  readonly keys: Decoding | undefined;
  /** Records from the first bad one on are not taken. */
  readonly stopAtBad: boolean;
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
  { values, keys, stopAtBad }: RowsOptions,
): BadRow[] {
  const before = file.rows;
  try {
    let bad = keys === undefined ? badKeys(file, stretch) : decodeKeys(keys, stretch);
    if (values !== undefined) bad = decodeValues(values, stretch, bad);
    let { to } = stretch;
    const first = bad[0];
    if (first !== undefined && stopAtBad) {
      bad = [first];
      to = first.index;
      values?.columns.truncate(before + to - stretch.from);
    }
    const good = goodParts({ ...stretch, to }, bad);
    if (keys !== undefined) keepKeys(keys, { before, good });
    for (const part of good) file.metadata?.append(part);
    return bad;
  } catch (error) {
    file.truncate(before);
    throw error;
  }
}

function badKeys({ metadata }: OpenFile, stretch: Stretch): BadRow[] {
  return (metadata?.badKeys(stretch) ?? []).map((bad) => ({ ...bad, kind: "bad-key" }));
}

/** Decodes the keys of all records, those without a value included. */
function decodeKeys(keys: Decoding, stretch: Stretch): BadRow[] {
  const bad: BadRow[] = [];
  decodePart(keys, { part: stretch, of: "key" }, (index, reason) => {
    bad.push({ index, kind: "bad-key", reason: `the key: ${reason}` });
  });
  return bad;
}

/** Decodes the values of the records that are not bad already; returns all that are. */
function decodeValues(values: Decoding, stretch: Stretch, bad: readonly BadRow[]): BadRow[] {
  const all = [...bad];
  for (const part of goodParts(stretch, bad)) {
    decodePart(values, { part, of: "value" }, (index, reason) => {
      all.push({ index, kind: "bad-value", reason });
    });
  }
  return bad.length === 0 ? all : all.sort((one, other) => one.index - other.index);
}

/** Leaves the keys of the good records only. */
function keepKeys(keys: Decoding, { before, good }: { before: number; good: readonly Stretch[] }): void {
  const rows = good.reduce((sum, { from, to }) => sum + to - from, before);
  // All good records have their key there: as many as that means no others.
  if (keys.columns.rows === rows) return;
  keys.columns.truncate(before);
  for (const part of good) {
    decodePart(keys, { part, of: "key" }, (index, reason) => {
      throw new Error(`The key of record ${index} was good before: ${reason}`);
    });
  }
}

function decodePart(
  { decoder, columns }: Decoding,
  { part, of }: { part: Stretch; of: "value" | "key" },
  onBad: OnBad,
): void {
  const { fetched, bytes, from, to } = part;
  const starts = of === "value" ? fetched.valueStart : fetched.keyStart;
  const ends = of === "value" ? fetched.valueEnd : fetched.keyEnd;
  decoder.decode(columns, { bytes, starts, ends, skip: HEADER_BYTES, from, to }, onBad);
}

/** What is left of the stretch without the bad records, which are in order. */
function goodParts(stretch: Stretch, bad: readonly BadRow[]): Stretch[] {
  if (bad.length === 0) return stretch.from < stretch.to ? [stretch] : [];
  const parts: Stretch[] = [];
  let { from } = stretch;
  for (const { index } of bad) {
    if (from < index) parts.push({ ...stretch, from, to: Math.min(index, stretch.to) });
    from = index + 1;
  }
  if (from < stretch.to) parts.push({ ...stretch, from });
  return parts;
}
