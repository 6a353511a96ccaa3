/**
 * A column that already holds rows, as one of a wider type: what schema evolution does to an open file.
 *
 * The old column is left as it is until all others have been widened, too, so that a failure on the way (no memory, a
 * column too full) changes nothing. Where the layout is the same, both stand on the same arrays, and nothing is copied.
 */
import { bitmapBytes, childSpecs, ColumnBuffers } from "./buffers.ts";
import type { ColumnSpec, ColumnType } from "./schema.ts";

const encoder = new TextEncoder();

/**
 * The first `rows` rows of a column as one of `spec`, which is `column`'s own or wider. Children of the old type stand
 * first in the new one, in the same order.
 */
export function widened(column: ColumnBuffers, spec: ColumnSpec, rows: number): ColumnBuffers {
  if (spec === column.spec) return column;
  const from = column.spec.type;
  if (from.kind === "bool" && from.absent && !isAbsent(spec.type)) {
    return nullColumn(spec, { rows, capacity: column.capacity, bytesMax: column.bytesMax });
  }
  const isNested = from.kind === "list" || from.kind === "map";
  const items = isNested ? column.offsets[rows] ?? 0 : rows;
  const capacity = isNested ? column.itemCapacity : column.capacity;
  const children = childSpecs(spec.type).map((child, index) => {
    const old = column.children[index];
    return old === undefined
      ? nullColumn(child, { rows: items, capacity, bytesMax: column.bytesMax })
      : widened(old, child, items);
  });
  const wide = new ColumnBuffers(spec, column.bytesMax, children);
  if (hasSameLayout(from, spec.type)) wide.share(column);
  else convert(column, wide, rows);
  if (spec.nullable) wide.validity = column.spec.nullable ? column.validity : allValid(column.capacity);
  return wide;
}

/** A column whose first `rows` rows are null. */
export function nullColumn(
  spec: ColumnSpec,
  { rows, capacity, bytesMax }: { rows: number; capacity: number; bytesMax: number },
): ColumnBuffers {
  const column = new ColumnBuffers(spec, bytesMax);
  if (capacity > 0) column.reserveRows(capacity);
  if (rows > 0) column.fillNulls(0, rows);
  return column;
}

function isAbsent(type: ColumnType): boolean {
  return type.kind === "bool" && type.absent === true;
}

function allValid(capacity: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bitmapBytes(capacity)).fill(0xff);
}

function hasSameLayout(from: ColumnType, to: ColumnType): boolean {
  if (from.kind === "decimal" && to.kind === "decimal") return from.byteWidth === to.byteWidth;
  return from.kind === to.kind || (from.kind === "utf8" && to.kind === "binary");
}

function convert(from: ColumnBuffers, to: ColumnBuffers, rows: number): void {
  if (from.capacity === 0) return;
  to.reserveRows(from.capacity);
  const { type } = from.spec;
  switch (to.spec.type.kind) {
    case "int64":
      return widenWords(from, to, rows);
    case "decimal":
      return widenWords(from, to, rows);
    case "float64":
      return toDoubles(from, to, rows);
    case "utf8":
    case "binary":
      return type.kind === "enum"
        ? spellSymbols(from, { to, rows, symbols: type.symbols })
        : unfix(from, to, rows);
    default:
      throw new TypeError(`Cannot make ${to.spec.type.kind} of ${type.kind}`);
  }
}

/** Two's complement of more words, lowest first. */
function widenWords(from: ColumnBuffers, to: ColumnBuffers, rows: number): void {
  const [few, many] = [from.stride, to.stride];
  for (let row = 0; row < rows; row++) {
    for (let word = 0; word < few; word++) to.values[row * many + word] = from.values[row * few + word]!;
    to.values.fill(from.values[row * few + few - 1]! >> 31, row * many + few, (row + 1) * many);
  }
}

function toDoubles(from: ColumnBuffers, to: ColumnBuffers, rows: number): void {
  const { values, stride } = from;
  for (let row = 0; row < rows; row++) {
    to.values[row] = stride === 1 ? values[row]! : values[2 * row + 1]! * 2 ** 32 + (values[2 * row]! >>> 0);
  }
}

function spellSymbols(
  from: ColumnBuffers,
  { to, rows, symbols }: { to: ColumnBuffers; rows: number; symbols: readonly string[] },
): void {
  const texts = symbols.map((symbol) => encoder.encode(symbol));
  // What stands under a null may be no symbol at all.
  const textOf = (row: number) => isNull(from, row) ? undefined : texts[from.values[row]!];
  let bytes = 0;
  for (let row = 0; row < rows; row++) bytes += textOf(row)?.length ?? 0;
  to.reserveData(bytes);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    const text = textOf(row);
    if (text !== undefined) {
      to.data.set(text, at);
      at += text.length;
    }
    to.offsets[row + 1] = at;
  }
}

function unfix(from: ColumnBuffers, to: ColumnBuffers, rows: number): void {
  const { stride } = from;
  to.reserveData(rows * stride);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    if (!isNull(from, row)) {
      to.data.set(from.values.subarray(row * stride, (row + 1) * stride), at);
      at += stride;
    }
    to.offsets[row + 1] = at;
  }
}

function isNull({ spec, validity }: ColumnBuffers, row: number): boolean {
  return spec.nullable && (validity[row >>> 3]! >> (row & 7) & 1) === 0;
}
