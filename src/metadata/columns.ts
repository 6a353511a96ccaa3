/** Filling the metadata columns of an open file, straight from the arrays of a fetch. */
import { isUtf8 } from "../avro/mod.ts";
import { type ColumnBuffers, Columns } from "../columns/mod.ts";
import type { MetadataField } from "../config.ts";
import type { FetchedRecords } from "../model.ts";
import { appendBytes, type Source, sourceOf } from "./bytes.ts";
import { appendHeaders } from "./headers.ts";
import type { MetadataLayout } from "./layout.ts";

/** The records `[from, to)` of a fetch, which lie in one run. */
export interface Stretch {
  readonly fetched: FetchedRecords;
  /** The buffer of the run. */
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** A record whose key cannot stand in its column. */
export interface BadKey {
  readonly index: number;
  readonly reason: string;
}

const TWO_32 = 2 ** 32;

export class MetadataColumns {
  readonly columns: Columns;
  readonly #layout: MetadataLayout;

  constructor(layout: MetadataLayout) {
    this.#layout = layout;
    this.columns = new Columns(layout.schema);
  }

  /** Records of the stretch that {@link append} cannot take, in order. */
  badKeys({ fetched: { keyStart, keyEnd }, bytes, from, to }: Stretch): BadKey[] {
    const bad: BadKey[] = [];
    if (this.#layout.keyForm !== "string" || !this.#layout.fields.includes("key")) return bad;
    for (let index = from; index < to; index++) {
      const start = keyStart[index]!;
      if (start >= 0 && !isUtf8(bytes, start, keyEnd[index]!)) {
        bad.push({ index, reason: "the key is not valid UTF-8, as --metadata key:string needs it" });
      }
    }
    return bad;
  }

  /** Appends a row for each record; none where it throws UserError, because a column is full. */
  append(stretch: Stretch): void {
    const { columns } = this;
    const source = sourceOf(stretch.bytes);
    columns.reserve(stretch.to - stretch.from);
    try {
      for (const [index, field] of this.#layout.fields.entries()) {
        fill(columns.buffers[index]!, field, { ...stretch, source, row: columns.rows });
      }
    } catch (error) {
      columns.truncate(columns.rows);
      throw error;
    }
    columns.advance(stretch.to - stretch.from);
  }
}

interface Filling extends Stretch {
  readonly source: Source;
  /** Of the first record. */
  readonly row: number;
}

function fill(column: ColumnBuffers, field: MetadataField, filling: Filling): void {
  const { fetched, from, to, row } = filling;
  switch (field) {
    case "topic":
      // The index of its only symbol.
      return void column.values.fill(0, row, row + to - from);
    case "partition":
      return void column.values.fill(fetched.partition, row, row + to - from);
    case "offset":
      return fillLongs(column, fetched.offsets, filling);
    case "timestamp":
      return fillLongs(column, fetched.timestamps, filling);
    case "key":
      return fillKeys(column, filling);
    case "headers": {
      const { headersStart, headersEnd } = fetched;
      for (let index = from, at = row; index < to; index++, at++) {
        appendHeaders(column, at, filling.source, headersStart[index]!, headersEnd[index]!);
      }
    }
  }
}

/** Whole doubles as 64 bits in two words: no BigInt a row. */
function fillLongs(column: ColumnBuffers, doubles: Float64Array, { from, to, row }: Filling): void {
  const { values } = column;
  for (let index = from, at = 2 * row; index < to; index++, at += 2) {
    const value = doubles[index]!;
    values[at] = value | 0;
    values[at + 1] = Math.floor(value / TWO_32);
  }
}

function fillKeys(column: ColumnBuffers, { fetched, source, from, to, row }: Filling): void {
  const { keyStart, keyEnd } = fetched;
  const { validity, offsets } = column;
  for (let index = from, at = row; index < to; index++, at++) {
    const start = keyStart[index]!;
    if (start >= 0) {
      appendBytes(column, at, source, start, keyEnd[index]!);
    } else {
      validity[at >>> 3]! &= ~(1 << (at & 7));
      offsets[at + 1] = offsets[at]!;
    }
  }
}
