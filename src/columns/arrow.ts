/** Column buffers as Arrow data. The only file that touches apache-arrow. */
import {
  Binary,
  Bool,
  type Data,
  type DataType,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  FixedSizeBinary,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  makeData,
  Map_,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimeMicrosecond,
  TimeMillisecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { bitmapBytes, type ColumnBuffers, countNulls } from "./buffers.ts";
import type { ColumnSpec, ColumnType, FileSchema } from "./schema.ts";

/** The Arrow schema of a file. Dictionary types carry an identity: make it once per `Columns`. */
export function arrowSchema(schema: FileSchema): Schema {
  return new Schema(schema.columns.map(fieldOf));
}

/** One batch over the buffers of the columns; nothing is copied. */
export function toRecordBatch(
  columns: readonly ColumnBuffers[],
  { schema, rows }: { schema: Schema; rows: number },
): RecordBatch {
  const children = columns.map((column, index) =>
    dataOf(column, { type: typeAt(schema.fields, index), rows })
  );
  const struct = makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children });
  return new RecordBatch(schema, struct);
}

/** By apache-arrow's own writer: right for every batch, and slow for small ones. */
export function batchToIPC(batch: RecordBatch): Uint8Array {
  return RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true);
}

function fieldOf(spec: ColumnSpec): Field {
  const isUuid = spec.type.kind === "fixed" && spec.type.uuid;
  const metadata = new Map(
    isUuid ? [["ARROW:extension:name", "arrow.uuid"], ["ARROW:extension:metadata", ""]] : [],
  );
  return new Field(spec.name, typeOf(spec.type), spec.nullable, metadata);
}

function typeOf(type: ColumnType): DataType {
  switch (type.kind) {
    case "bool":
      return new Bool();
    case "int32":
      return new Int32();
    case "int64":
      return new Int64();
    case "float32":
      return new Float32();
    case "float64":
      return new Float64();
    case "utf8":
      return new Utf8();
    case "binary":
      return new Binary();
    case "date32":
      return new DateDay();
    case "time32ms":
      return new TimeMillisecond();
    case "time64us":
      return new TimeMicrosecond();
    case "fixed":
      return new FixedSizeBinary(type.byteWidth);
    case "timestamp":
      return timestampOf(type.unit, type.utc ? "UTC" : null);
    case "decimal":
      return new Decimal(type.scale, type.precision, type.byteWidth * 8);
    case "enum":
      return new Dictionary(new Utf8(), new Int32());
    case "list":
      return new List(fieldOf(type.item));
    case "map":
      return mapOf(type.value);
    case "struct":
      return new Struct(type.fields.map(fieldOf));
  }
}

function mapOf(value: ColumnSpec): DataType {
  const entry = new Struct<{ key: Utf8; value: DataType }>([
    new Field("key", new Utf8(), false),
    fieldOf(value),
  ]);
  return new Map_(new Field("entries", entry, false));
}

function timestampOf(unit: "ms" | "us" | "ns", timezone: string | null): DataType {
  switch (unit) {
    case "ms":
      return new TimestampMillisecond(timezone);
    case "us":
      return new TimestampMicrosecond(timezone);
    case "ns":
      return new TimestampNanosecond(timezone);
  }
}

function typeAt(fields: readonly Field[], index: number): DataType {
  const field = fields[index];
  if (field === undefined) throw new RangeError(`Cannot find field ${index} of ${fields.length}`);
  return field.type;
}

/** `type` is the one that stands in the schema: a dictionary's identity must be the same in both. */
function dataOf(column: ColumnBuffers, { type, rows }: { type: DataType; rows: number }): Data {
  const base = { type, length: rows, ...nullsOf(column, rows) };
  const { kind } = column.spec.type;
  switch (kind) {
    case "bool":
      return flatData(base, column.values.subarray(0, bitmapBytes(rows)));
    case "enum": {
      const dictionary = vectorFromArray([...column.spec.type.symbols], new Utf8());
      return makeData({
        ...base,
        type: type as Dictionary,
        data: column.values.subarray(0, rows),
        dictionary,
      });
    }
    case "utf8":
    case "binary": {
      const valueOffsets = column.offsets.subarray(0, rows + 1);
      return makeData({
        ...base,
        type: type as Utf8,
        valueOffsets,
        data: column.data.subarray(0, valueOffsets[rows]),
      });
    }
    case "list":
    case "map":
      return listData(column, { base, type, rows });
    case "struct":
      return makeData({ ...base, type: type as Struct, children: childrenOf(column, { type, rows }) });
    case "int64":
    case "timestamp":
    case "time64us":
      return flatData(base, new BigInt64Array(column.values.buffer, 0, rows));
    case "decimal":
      return flatData(base, new Uint32Array(column.values.buffer, 0, rows * column.stride));
    default:
      return flatData(base, column.values.subarray(0, rows * column.stride));
  }
}

interface FlatParts {
  readonly type: DataType;
  readonly length: number;
  readonly nullCount: number;
  readonly nullBitmap?: Uint8Array;
}

/** `data` has the element type that `base.type` has; the library's overloads want it known at compile time. */
function flatData(base: FlatParts, data: ArrayBufferView): Data {
  return makeData({ ...base, type: base.type as Int32, data: data as Int32Array });
}

interface ListParts {
  readonly base: { readonly length: number; readonly nullCount: number };
  readonly type: DataType;
  readonly rows: number;
}

function listData(column: ColumnBuffers, { base, type, rows }: ListParts): Data {
  const valueOffsets = column.offsets.subarray(0, rows + 1);
  const items = valueOffsets[rows] ?? 0;
  if (column.spec.type.kind === "list") {
    const child = childrenOf(column, { type, rows: items })[0]!;
    return makeData({ ...base, type: type as List, valueOffsets, child });
  }
  const entries = typeAt(type.children, 0);
  const children = childrenOf(column, { type: entries, rows: items });
  const child = makeData({ type: entries as Struct, length: items, nullCount: 0, children });
  return makeData({ ...base, type: type as Map_, valueOffsets, child });
}

function childrenOf(column: ColumnBuffers, { type, rows }: { type: DataType; rows: number }): Data[] {
  return column.children.map((child, index) => dataOf(child, { type: typeAt(type.children, index), rows }));
}

function nullsOf(column: ColumnBuffers, rows: number): { nullCount: number; nullBitmap?: Uint8Array } {
  const nullCount = countNulls(column, rows);
  return nullCount === 0
    ? { nullCount }
    : { nullCount, nullBitmap: column.validity.subarray(0, bitmapBytes(rows)) };
}
