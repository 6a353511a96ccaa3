/**
 * From decoded Avro objects to Parquet files the way one writes it with the libraries at hand: flatten each object,
 * give its values to apache-arrow's builders, and the table to parquet-wasm.
 *
 * The columns have the types that kafka2parquet gives them. It is what kafka2parquet is measured against.
 */
import type { Buffer } from "node:buffer";
import {
  Bool,
  type Builder,
  type DataType,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  makeBuilder,
  Map_,
  Struct,
  Table,
  tableToIPC,
  TimestampMillisecond,
  Utf8,
} from "apache-arrow";
import { Compression, Table as WasmTable, writeParquet, WriterPropertiesBuilder } from "parquet-wasm";

// deno-lint-ignore no-explicit-any -- Decoded Avro values and the library's builders have no useful types.
type Any = any;

interface Column {
  readonly name: string;
  readonly path: readonly string[];
  readonly builder: Builder;
  convert(value: Any): unknown;
}

/** The Avro types that the benchmark's schema uses, as JSON. */
type AvroJson = Any;

export class FileBuilder {
  readonly #columns: readonly Column[];
  #rows = 0;

  constructor(schema: AvroJson) {
    this.#columns = columnsOf(schema, [], false);
  }

  get rows(): number {
    return this.#rows;
  }

  append(event: Any): void {
    for (const { path, builder, convert } of this.#columns) {
      let value = event;
      for (const name of path) value = value?.[name];
      builder.append(value === null || value === undefined ? null : convert(value));
    }
    this.#rows++;
  }

  /** The rows since the last call, as an Arrow table. */
  takeTable(): Table {
    const vectors = Object.fromEntries(
      this.#columns.map(({ name, builder }) => [name, builder.toVector()]),
    );
    this.#rows = 0;
    return new Table(vectors);
  }

  /** The rows since the last call, as a Parquet file. */
  takeParquet(): Uint8Array {
    const properties = new WriterPropertiesBuilder().setCompression(Compression.SNAPPY).build();
    return writeParquet(WasmTable.fromIPCStream(tableToIPC(this.takeTable(), "stream")), properties);
  }
}

function columnsOf(type: AvroJson, path: readonly string[], nullable: boolean): Column[] {
  if (Array.isArray(type)) return columnsOf(type.find((branch) => branch !== "null"), path, true);
  if (type.type === "record") {
    return type.fields.flatMap((field: AvroJson) => columnsOf(field.type, [...path, field.name], nullable));
  }
  const builder = makeBuilder({ type: arrowType(type), nullValues: [null, undefined] });
  return [{ name: path.join("."), path, builder, convert: converter(type) }];
}

function arrowType(type: AvroJson): DataType {
  switch (type.logicalType ?? type.type ?? type) {
    case "boolean":
      return new Bool();
    case "int":
      return new Int32();
    case "long":
      return new Int64();
    case "float":
      return new Float32();
    case "double":
      return new Float64();
    case "string":
    case "uuid":
      return new Utf8();
    case "enum":
      return new Dictionary(new Utf8(), new Int32());
    case "date":
      return new DateDay();
    case "timestamp-millis":
      return new TimestampMillisecond("UTC");
    case "decimal":
      return new Decimal(type.scale, type.precision, 128);
    case "array":
      return new List(new Field("item", arrowType(type.items), false));
    case "map":
      return new Map_(
        new Field(
          "entries",
          new Struct<{ key: Utf8; value: DataType }>([
            new Field("key", new Utf8(), false),
            new Field("value", arrowType(type.values), false),
          ]),
          false,
        ),
      );
    case "record":
      return new Struct(
        type.fields.map((field: AvroJson) => new Field(field.name, arrowType(field.type), false)),
      );
    default:
      throw new TypeError(`Cannot map the Avro type ${JSON.stringify(type)}`);
  }
}

/** From avsc's value to the one that the builder takes. */
function converter(type: AvroJson): (value: Any) => unknown {
  switch (type.logicalType ?? type.type ?? type) {
    case "long":
      return (value: number) => BigInt(value);
    case "date":
      return (value: number) => new Date(value * 86_400_000);
    case "decimal":
      return decimalWords;
    case "array": {
      const item = converter(type.items);
      return (values: readonly unknown[]) => values.map(item);
    }
    case "map":
      return (value: object) => new Map(Object.entries(value));
    case "record": {
      const fields = type.fields.map((field: AvroJson) => [field.name, converter(field.type)]);
      return (value: Any) =>
        Object.fromEntries(
          fields.map(([name, convert]: [string, (value: Any) => unknown]) => [name, convert(value[name])]),
        );
    }
    default:
      return (value) => value;
  }
}

/** Two's complement of 128 bits, the lowest word first, of a big-endian number of up to six bytes. */
function decimalWords(bytes: Buffer): Uint32Array {
  const value = bytes.length === 0 ? 0 : bytes.readIntBE(0, bytes.length);
  const sign = value < 0 ? 0xffffffff : 0;
  return Uint32Array.of(value >>> 0, Math.floor(value / 2 ** 32) >>> 0, sign, sign);
}
