/**
 * The buffers of one column, or of one child of a nested column, laid out as Arrow wants them.
 *
 * The compiled decoder of `avro/` writes into these arrays directly; everything else goes through `Columns`.
 */
import { UserError } from "../errors.ts";
import type { ColumnSpec, ColumnType } from "./schema.ts";

/** The most bytes of text or binary in one column, and the most items of one list column: Arrow's offsets are int32. */
export const COLUMN_BYTES_MAX = 2 ** 31 - 1 - 64;

/** Writers copy eight bytes at a time: this many bytes beyond the last value may be overwritten. */
export const SLACK_BYTES = 8;

/** What one column keeps allocated when it is cleared; a larger one is given back to the allocator. */
export const RETAINED_BUFFER_BYTES_MAX = 32 * 1024 * 1024;

const ROWS_MIN = 64;
const DATA_BYTES_MIN = 1024;

type Values =
  | Uint8Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/**
 * | kind | values | offsets | data | children |
 * |---|---|---|---|---|
 * | bool | bitmap | | | |
 * | int32, date32, time32ms, enum (index) | Int32Array | | | |
 * | int64, timestamp, time64us | Int32Array, low and high word | | | |
 * | decimal | Int32Array, 4 or 8 words, lowest first | | | |
 * | float32, float64 | Float32Array, Float64Array | | | |
 * | fixed | Uint8Array | | | |
 * | utf8, binary | | ends at `offsets[row + 1]` | bytes | |
 * | list | | the same | | item |
 * | map | | the same | | key, value |
 * | struct | | | | fields |
 *
 * `offsets[rows]` of a text, binary, list or map column is where its next value starts.
 */
export class ColumnBuffers {
  readonly spec: ColumnSpec;
  /** Null where a bit is 0. Bits of rows not yet written are 1 in top-level columns and undefined in children. */
  validity: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  values: Values;
  offsets: Int32Array<ArrayBuffer> = new Int32Array(1);
  data: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  view: DataView<ArrayBuffer> = new DataView(this.data.buffer);
  /** How far `data` may be filled: its length less the slack. */
  dataLimit = 0;
  /** Text and binary bytes, or list items, that it takes at most. */
  readonly bytesMax: number;
  readonly children: readonly ColumnBuffers[];
  /** How many items the children of a list or map have room for. */
  itemCapacity = 0;

  /** Elements of `values` a row; 0 where there are none, and for a bitmap. */
  readonly stride: number;
  readonly #hasOffsets: boolean;
  #capacity = 0;

  /** `children` may hold rows already: see `widen.ts`. */
  constructor(spec: ColumnSpec, bytesMax: number = COLUMN_BYTES_MAX, children?: readonly ColumnBuffers[]) {
    this.spec = spec;
    this.values = emptyValues(spec.type);
    this.stride = strideOf(spec.type);
    this.children = children ?? childSpecs(spec.type).map((child) => new ColumnBuffers(child, bytesMax));
    this.#hasOffsets = ["utf8", "binary", "list", "map"].includes(spec.type.kind);
    this.bytesMax = bytesMax;
  }

  /** Makes room for `rows` rows; not for their text, bytes or items. */
  reserveRows(rows: number): void {
    if (rows <= this.#capacity) return;
    const capacity = roundUp(rows, Math.max(ROWS_MIN, 2 * this.#capacity));
    if (this.spec.nullable) this.validity = grown(this.validity, bitmapBytes(capacity), 0xff);
    if (this.spec.type.kind === "bool") this.values = grown(this.values, bitmapBytes(capacity));
    else if (this.stride > 0) this.values = grown(this.values, capacity * this.stride);
    if (this.#hasOffsets) this.offsets = grown(this.offsets, capacity + 1);
    if (this.spec.type.kind === "struct") { for (const child of this.children) child.reserveRows(capacity); }
    this.#capacity = capacity;
  }

  /** Makes `dataLimit` at least `bytes`. Throws UserError above the most that one column can hold. */
  reserveData(bytes: number): void {
    if (bytes <= this.dataLimit) return;
    this.#checkLimit(bytes, "bytes");
    const wanted = Math.min(this.bytesMax, Math.max(DATA_BYTES_MIN, bytes, 2 * this.dataLimit));
    this.data = grown(this.data, wanted + SLACK_BYTES);
    this.view = new DataView(this.data.buffer);
    this.dataLimit = wanted;
  }

  /** Makes room for `items` items in the children of a list or map. Throws UserError above the limit. */
  reserveItems(items: number): void {
    if (items <= this.itemCapacity) return;
    this.#checkLimit(items, "items");
    const capacity = roundUp(items, Math.max(ROWS_MIN, 2 * this.itemCapacity));
    for (const child of this.children) child.reserveRows(capacity);
    this.itemCapacity = capacity;
  }

  /** Nulls in rows `[first, first + count)`, for which there is room, and below them where they are structs. */
  fillNulls(first: number, count: number): void {
    if (this.spec.nullable) {
      if (count === 1) this.validity[first >>> 3]! &= ~(1 << (first & 7));
      else clearBits(this.validity, first, first + count);
    }
    if (this.#hasOffsets) {
      if (count === 1) this.offsets[first + 1] = this.offsets[first]!;
      else this.offsets.fill(this.offsets[first]!, first + 1, first + count + 1);
    } else {
      for (const child of this.children) child.fillNulls(first, count);
    }
  }

  /** Takes over the rows of a column of the same layout: both then stand on the same arrays. */
  share(other: ColumnBuffers): void {
    this.validity = other.validity;
    this.values = other.values;
    this.offsets = other.offsets;
    this.data = other.data;
    this.view = other.view;
    this.dataLimit = other.dataLimit;
    this.itemCapacity = other.itemCapacity;
    this.#capacity = other.#capacity;
  }

  /** Gives the arrays back to the allocator that `successor` does not stand on. */
  releaseTo(successor: ColumnBuffers): void {
    if (successor === this) return;
    for (const name of ["validity", "values", "offsets", "data"] as const) {
      if (this[name] !== successor[name]) this[name].buffer.transfer(0);
    }
    for (const [index, child] of this.children.entries()) child.releaseTo(successor.children[index]!);
  }

  /** Forgets what may have been written into the bits of rows `[from, to)`. */
  resetBits(from: number, to: number): void {
    const end = Math.min(to, this.#capacity);
    if (this.spec.nullable) fillBits(this.validity, from, end, true);
    if (this.spec.type.kind === "bool") fillBits(this.values as Uint8Array<ArrayBuffer>, from, end, false);
  }

  /** Bytes that `rows` rows take, children included. */
  liveBytes(rows: number): number {
    let bytes = this.spec.nullable ? bitmapBytes(rows) : 0;
    if (this.spec.type.kind === "bool") bytes += bitmapBytes(rows);
    else bytes += rows * this.stride * this.values.BYTES_PER_ELEMENT;
    if (!this.#hasOffsets) {
      for (const child of this.children) bytes += child.liveBytes(rows);
      return bytes;
    }
    const end = this.offsets[rows] ?? 0;
    bytes += 4 * (rows + 1);
    if (this.children.length === 0) return bytes + end;
    for (const child of this.children) bytes += child.liveBytes(end);
    return bytes;
  }

  /** Gives the buffers back to the allocator where they are large. Only while no row is held. */
  shrink(): void {
    if (this.#allocatedBytes() > RETAINED_BUFFER_BYTES_MAX) this.#release();
  }

  #allocatedBytes(): number {
    let bytes = this.validity.byteLength + this.values.byteLength + this.offsets.byteLength +
      this.data.byteLength;
    for (const child of this.children) bytes += child.#allocatedBytes();
    return bytes;
  }

  #release(): void {
    for (const { buffer } of [this.validity, this.values, this.offsets, this.data]) buffer.transfer(0);
    this.validity = new Uint8Array(0);
    this.values = emptyValues(this.spec.type);
    this.offsets = new Int32Array(1);
    this.data = new Uint8Array(0);
    this.view = new DataView(this.data.buffer);
    this.dataLimit = this.itemCapacity = this.#capacity = 0;
    for (const child of this.children) child.#release();
  }

  /** Rows that there is room for. */
  get capacity(): number {
    return this.#capacity;
  }

  #checkLimit(wanted: number, unit: string): void {
    if (wanted <= this.bytesMax) return;
    throw new UserError(
      `Column "${this.spec.name}" would hold ${wanted} ${unit}: one file takes at most ${this.bytesMax}`,
      { hint: "Close files earlier: lower --rows, --bytes or --age." },
    );
  }
}

/** The columns below a nested type: the item of a list, key and value of a map, the fields of a struct. */
export function childSpecs(type: ColumnType): readonly ColumnSpec[] {
  switch (type.kind) {
    case "list":
      return [type.item];
    case "map":
      return [{ name: "key", type: { kind: "utf8" }, nullable: false }, type.value];
    case "struct":
      return type.fields;
    default:
      return [];
  }
}

export function bitmapBytes(rows: number): number {
  return (rows + 7) >>> 3;
}

function emptyValues(type: ColumnType): Values {
  switch (type.kind) {
    case "float32":
      return new Float32Array(0);
    case "float64":
      return new Float64Array(0);
    case "bool":
    case "fixed":
      return new Uint8Array(0);
    default:
      return new Int32Array(0);
  }
}

function strideOf(type: ColumnType): number {
  switch (type.kind) {
    case "int32":
    case "date32":
    case "time32ms":
    case "enum":
    case "float32":
    case "float64":
      return 1;
    case "int64":
    case "timestamp":
    case "time64us":
      return 2;
    case "decimal":
      return type.byteWidth / 4;
    case "fixed":
      return type.byteWidth;
    default:
      return 0;
  }
}

function roundUp(wanted: number, least: number): number {
  return Math.ceil(Math.max(wanted, least) / 64) * 64;
}

/**
 * The array with room for `length` elements; what is new is filled with `fill`. The old one is detached: its memory is
 * given back now, and not when the collector thinks of it, which it does late for memory outside of its heap.
 */
function grown<T extends Values>(old: T, length: number, fill = 0): T {
  const filled = old.length;
  const buffer = old.buffer.transfer(length * old.BYTES_PER_ELEMENT);
  const larger = new (old.constructor as new (buffer: ArrayBuffer) => T)(buffer);
  if (fill !== 0) larger.fill(fill, filled);
  return larger;
}

function fillBits(bits: Uint8Array, from: number, to: number, value: boolean): void {
  if (from >= to) return;
  const mask = 0xff << (from & 7);
  const first = from >>> 3;
  bits[first] = value ? bits[first]! | mask : bits[first]! & ~mask;
  bits.fill(value ? 0xff : 0, first + 1, bitmapBytes(to));
}

function clearBits(bits: Uint8Array, from: number, to: number): void {
  const first = from >>> 3;
  const last = to >>> 3;
  const below = (1 << (from & 7)) - 1;
  const above = -1 << (to & 7);
  if (first === last) {
    bits[first]! &= below | above;
    return;
  }
  bits[first]! &= below;
  bits.fill(0, first + 1, last);
  if ((to & 7) !== 0) bits[last]! &= above;
}

/** Nulls in the first `rows` rows of a column. */
export function countNulls({ spec, validity }: ColumnBuffers, rows: number): number {
  return spec.nullable ? rows - countOnes(validity, rows) : 0;
}

function countOnes(bits: Uint8Array, length: number): number {
  let count = 0;
  const whole = length >>> 3;
  for (let index = 0; index < whole; index++) count += onesOf(bits[index]!);
  return (length & 7) === 0 ? count : count + onesOf(bits[whole]! & ((1 << (length & 7)) - 1));
}

function onesOf(byte: number): number {
  if (byte === 0xff) return 8;
  const pairs = byte - ((byte >> 1) & 0x55);
  const quads = (pairs & 0x33) + ((pairs >> 2) & 0x33);
  return (quads + (quads >> 4)) & 0x0f;
}
