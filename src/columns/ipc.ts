/**
 * Arrow IPC streams of one batch, written straight from column buffers.
 *
 * apache-arrow's writer takes 0.5 ms for a batch of 17 columns, whatever its rows: at 1,200 rows a file more than
 * decoding them (bench/decode.ts). All but the numbers of such a stream depends on the schema alone, so one stream of
 * apache-arrow's serves as the template, and only lengths, null counts, buffer positions and the buffers themselves
 * are written anew.
 */
import { release } from "../release.ts";
import { bitmapBytes, type ColumnBuffers, countNulls, RETAINED_BUFFER_BYTES_MAX } from "./buffers.ts";

/** `MessageHeader.RecordBatch` of Arrow's Message.fbs. */
const RECORD_BATCH = 3;
/** A continuation marker and the length of the metadata stand before each message. */
const PREFIX_BYTES = 8;
/** The end of a stream: a continuation marker and no metadata. */
const END_BYTES = 8;
/** FieldNode and Buffer of Message.fbs are two int64 each. */
const STRUCT_BYTES = 16;

export class IpcTemplate {
  /** All before the record batch: schema and dictionaries. */
  readonly #head: Uint8Array;
  /** The message of the record batch, without its body. */
  readonly #message: Uint8Array;
  /** Where numbers stand in the message: see Message.fbs. */
  readonly #bodyLengthAt: number;
  readonly #rowsAt: number;
  readonly #nodesAt: number;
  readonly #buffersAt: number;

  /** `stream` is one of a batch of at least one row: zeros would be left out of it. */
  constructor(stream: Uint8Array) {
    const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
    let at = 0;
    let message = readMessage(view, at);
    while (message.type !== RECORD_BATCH) {
      at = message.end;
      message = readMessage(view, at);
    }
    const batch = indirect(view, fieldAt(view, message.table, 2));
    this.#head = stream.slice(0, at);
    this.#message = stream.slice(at, message.bodyStart);
    this.#bodyLengthAt = fieldAt(view, message.table, 3) - at;
    this.#rowsAt = fieldAt(view, batch, 0) - at;
    this.#nodesAt = vectorAt(view, fieldAt(view, batch, 1)) - at;
    this.#buffersAt = vectorAt(view, fieldAt(view, batch, 2)) - at;
  }

  /**
   * The stream of the first `rows` rows, at least one, of columns of the template's schema: an array of its own, or a
   * part of `memory`, which may hold another stream from before.
   */
  write(columns: readonly ColumnBuffers[], rows: number, memory?: StreamMemory): Uint8Array {
    const parts = new BatchParts();
    for (const column of columns) parts.add(column, rows);
    const messageStart = this.#head.length;
    const bodyStart = messageStart + this.#message.length;
    const length = bodyStart + parts.bodyBytes + END_BYTES;
    const stream = memory?.take(length) ?? new Uint8Array(length);
    stream.set(this.#head);
    stream.set(this.#message, messageStart);
    const view = new DataView(stream.buffer, stream.byteOffset, length);
    setLong(view, messageStart + this.#bodyLengthAt, parts.bodyBytes);
    setLong(view, messageStart + this.#rowsAt, rows);
    setLongs(view, messageStart + this.#nodesAt, parts.nodes);
    setLongs(view, messageStart + this.#buffersAt, parts.positions);
    for (const [index, bytes] of parts.buffers.entries()) {
      stream.set(bytes, bodyStart + parts.positions[2 * index]!);
    }
    view.setInt32(length - END_BYTES, -1, true);
    view.setInt32(length - END_BYTES / 2, 0, true);
    return stream;
  }
}

/** What a {@link StreamMemory} keeps between two streams; a larger one is given back to the allocator. */
const RETAINED_STREAM_BYTES_MAX = RETAINED_BUFFER_BYTES_MAX;
/** Streams of files with as many rows differ a little in size. */
const STREAM_ROUND_BYTES = 256 * 1024;

/**
 * Memory for one stream at a time: what it is given for a stream may be used until the next one is taken.
 *
 * A new array for each stream costs its zeros, and the page faults of memory that the system has just taken back: 4
 * to 7 % of the processor time of a run with 100,000 rows a file (bench/end_to_end.ts).
 */
export class StreamMemory {
  #bytes = new Uint8Array(0);

  /** An array of `length` bytes that hold anything. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (length > RETAINED_STREAM_BYTES_MAX) return new Uint8Array(length);
    if (length > this.#bytes.length) {
      release(this.#bytes);
      this.#bytes = new Uint8Array(Math.ceil(length / STREAM_ROUND_BYTES) * STREAM_ROUND_BYTES);
    }
    return this.#bytes.subarray(0, length);
  }
}

/** What makes the body of a batch, in the order of the columnar format: parents first. */
class BatchParts {
  /** Length and null count of each column and child. */
  readonly nodes: number[] = [];
  readonly buffers: Uint8Array[] = [];
  /** Position and length of each buffer in the body. */
  readonly positions: number[] = [];
  bodyBytes = 0;

  add(column: ColumnBuffers, rows: number): void {
    const { type } = column.spec;
    const nulls = countNulls(column, rows);
    this.nodes.push(rows, nulls);
    this.#addBuffer(column.validity, nulls === 0 ? 0 : bitmapBytes(rows));
    switch (type.kind) {
      case "bool":
        return this.#addBuffer(column.values, bitmapBytes(rows));
      case "utf8":
      case "binary":
        this.#addBuffer(column.offsets, 4 * (rows + 1));
        return this.#addBuffer(column.data, column.offsets[rows]!);
      case "list":
      case "map": {
        this.#addBuffer(column.offsets, 4 * (rows + 1));
        const items = column.offsets[rows]!;
        if (type.kind === "map") {
          this.nodes.push(items, 0);
          this.#addBuffer(column.validity, 0);
        }
        for (const child of column.children) this.add(child, items);
        return;
      }
      case "struct":
        for (const child of column.children) this.add(child, rows);
        return;
      default:
        this.#addBuffer(column.values, rows * column.stride * column.values.BYTES_PER_ELEMENT);
    }
  }

  #addBuffer(array: ArrayBufferView<ArrayBuffer>, bytes: number): void {
    this.buffers.push(new Uint8Array(array.buffer, array.byteOffset, bytes));
    this.positions.push(this.bodyBytes, bytes);
    this.bodyBytes += Math.ceil(bytes / 8) * 8;
  }
}

interface MessageParts {
  readonly type: number;
  /** The Message table. */
  readonly table: number;
  readonly bodyStart: number;
  readonly end: number;
}

function readMessage(view: DataView, at: number): MessageParts {
  const bodyStart = at + PREFIX_BYTES + view.getInt32(at + 4, true);
  const table = indirect(view, at + PREFIX_BYTES);
  const lengthAt = fieldAt(view, table, 3);
  const bodyBytes = lengthAt === 0 ? 0 : Number(view.getBigInt64(lengthAt, true));
  return { type: view.getUint8(fieldAt(view, table, 1)), table, bodyStart, end: bodyStart + bodyBytes };
}

/** Where a flatbuffers offset points to. */
function indirect(view: DataView, at: number): number {
  return at + view.getUint32(at, true);
}

/** Where field `index` of a flatbuffers table stands; 0 where it has its default. */
function fieldAt(view: DataView, table: number, index: number): number {
  const vtable = table - view.getInt32(table, true);
  const slot = 4 + 2 * index;
  const offset = slot < view.getUint16(vtable, true) ? view.getUint16(vtable + slot, true) : 0;
  return offset === 0 ? 0 : table + offset;
}

/** Where the elements of a flatbuffers vector begin. */
function vectorAt(view: DataView, field: number): number {
  return indirect(view, field) + 4;
}

function setLongs(view: DataView, at: number, values: readonly number[]): void {
  for (const [index, value] of values.entries()) setLong(view, at + (STRUCT_BYTES / 2) * index, value);
}

function setLong(view: DataView, at: number, value: number): void {
  view.setUint32(at, value, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}
