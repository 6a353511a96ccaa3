/** Appending JavaScript values: the slow path beside the compiled decoder. */
import type { ColumnBuffers } from "./buffers.ts";

const encoder = new TextEncoder();

interface Cell {
  readonly row: number;
  /** See `Columns.appendRow` for the shapes. */
  readonly value: unknown;
}

/** Writes one value into row `row`, for which there is room; rows are written in order. */
export function appendValue(column: ColumnBuffers, { row, value }: Cell): void {
  const { spec } = column;
  const isNull = value === null || value === undefined;
  if (isNull && !spec.nullable) throw new TypeError(`Column "${spec.name}" takes no null`);
  if (spec.nullable) setBit(column.validity, row, !isNull);
  if (isNull) appendPlaceholder(column, row);
  else appendPresent(column, { row, value });
}

/** Makes rows `[from, to)` null, for which there is room and of which nothing is written yet. */
export function appendNulls(column: ColumnBuffers, from: number, to: number): void {
  if (!column.spec.nullable) throw new TypeError(`Column "${column.spec.name}" takes no null`);
  if (column.children.length > 0 && column.spec.type.kind === "struct") {
    for (let row = from; row < to; row++) appendValue(column, { row, value: null });
    return;
  }
  for (let row = from; row < to; row++) column.validity[row >>> 3]! &= ~(1 << (row & 7));
  if (column.offsets.length > 1) column.offsets.fill(column.offsets[from]!, from + 1, to + 1);
}

/** What stands in a row that is null, or whose struct is null. */
function appendPlaceholder(column: ColumnBuffers, row: number): void {
  const { type } = column.spec;
  if (column.offsets.length > 1) column.offsets[row + 1] = column.offsets[row]!;
  if (type.kind === "bool") setBit(column.values, row, false);
  else column.values.fill(0, row * column.stride, (row + 1) * column.stride);
  if (type.kind !== "struct") return;
  for (const child of column.children) {
    if (child.spec.nullable) setBit(child.validity, row, false);
    appendPlaceholder(child, row);
  }
}

function appendPresent(column: ColumnBuffers, { row, value }: Cell): void {
  const { type, name } = column.spec;
  switch (type.kind) {
    case "bool":
      return setBit(column.values, row, expect<boolean>(value, "boolean", name));
    case "int32":
    case "date32":
    case "time32ms":
    case "float32":
    case "float64":
      column.values[row] = expect<number>(value, "number", name);
      return;
    case "enum":
      column.values[row] = symbolIndex(value, type.symbols, name);
      return;
    case "int64":
    case "timestamp":
    case "time64us":
    case "decimal":
      return setWords(column, row, expect<bigint>(value, "bigint", name));
    case "utf8":
      return appendBytes(column, row, encoder.encode(expect<string>(value, "string", name)));
    case "binary":
      return appendBytes(column, row, expectBytes(value, name));
    case "fixed": {
      const bytes = expectBytes(value, name);
      if (bytes.length !== type.byteWidth) {
        throw new TypeError(`Column "${name}" takes ${type.byteWidth} bytes: got ${bytes.length}`);
      }
      column.values.set(bytes, row * type.byteWidth);
      return;
    }
    default:
      return appendNested(column, { row, value });
  }
}

function appendNested(column: ColumnBuffers, { row, value }: Cell): void {
  const { type, name } = column.spec;
  if (type.kind === "struct") {
    const fields = expect<Record<string, unknown>>(value, "object", name);
    for (const child of column.children) {
      const field = Object.hasOwn(fields, child.spec.name) ? fields[child.spec.name] : undefined;
      appendValue(child, { row, value: field });
    }
    return;
  }
  const items = type.kind === "list"
    ? expectArray(value, name).map((item) => [item])
    : entriesOf(value, name);
  const first = column.offsets[row]!;
  column.reserveItems(first + items.length);
  for (const [index, item] of items.entries()) {
    for (const [part, child] of column.children.entries()) {
      appendValue(child, { row: first + index, value: item[part] });
    }
  }
  column.offsets[row + 1] = first + items.length;
}

function appendBytes(column: ColumnBuffers, row: number, bytes: Uint8Array): void {
  const start = column.offsets[row]!;
  column.reserveData(start + bytes.length);
  column.data.set(bytes, start);
  column.offsets[row + 1] = start + bytes.length;
}

function setWords(column: ColumnBuffers, row: number, value: bigint): void {
  const bits = 32 * column.stride;
  if (BigInt.asIntN(bits, value) !== value) {
    throw new TypeError(`Column "${column.spec.name}" takes ${bits} bits: got ${value}`);
  }
  for (let word = 0; word < column.stride; word++) {
    column.values[row * column.stride + word] = Number(BigInt.asIntN(32, value >> BigInt(32 * word)));
  }
}

function setBit(
  bits: Float32Array | Float64Array | Int32Array | Uint8Array,
  at: number,
  value: boolean,
): void {
  const mask = 1 << (at & 7);
  bits[at >>> 3] = value ? bits[at >>> 3]! | mask : bits[at >>> 3]! & ~mask;
}

function symbolIndex(value: unknown, symbols: readonly string[], name: string): number {
  const index = typeof value === "string" ? symbols.indexOf(value) : expect<number>(value, "number", name);
  if (symbols[index] === undefined) throw new TypeError(`Column "${name}" has no symbol ${String(value)}`);
  return index;
}

function expect<T>(value: unknown, type: string, name: string): T {
  const got: string = typeof value;
  if (got !== type) throw new TypeError(`Column "${name}" takes a ${type}: got ${got}`);
  return value as T;
}

function expectBytes(value: unknown, name: string): Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`Column "${name}" takes a Uint8Array: got ${typeof value}`);
  }
  return value;
}

function expectArray(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`Column "${name}" takes an array: got ${typeof value}`);
  return value;
}

function entriesOf(value: unknown, name: string): readonly (readonly unknown[])[] {
  return value instanceof Map ? [...value] : Object.entries(expect<object>(value, "object", name));
}
