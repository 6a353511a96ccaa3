/**
 * Types in words: in Arrow's, which say how a reader sees a column, and in Parquet's, which say what is stored. Of a
 * file's columns and of columns that are yet to be written, in the same words.
 */
import type { LogicalType, SchemaElement, SchemaTree } from "hyparquet";
import type { ColumnSpec, ColumnType } from "../columns/mod.ts";
import { isList, isMap, itemOf, mapParts } from "./tree.ts";

/** A type as Arrow and as Parquet call it; `parquet` of a nested type names its outermost group only. */
export interface TypeNames {
  /** Like `timestamp[ms, UTC]` or `list<struct<sku: utf8, quantity: int32>>`. */
  readonly arrow: string;
  /** Like `INT64 TIMESTAMP(MILLIS, UTC)` or `LIST`. */
  readonly parquet: string;
}

const UNITS = { MILLIS: "ms", MICROS: "us", NANOS: "ns" } as const;
const UNITS_PARQUET = { ms: "MILLIS", us: "MICROS", ns: "NANOS" } as const;

/** Of a column that this program writes. */
export function typeNamesOf(type: ColumnType): TypeNames {
  switch (type.kind) {
    case "bool":
      return { arrow: "bool", parquet: "BOOLEAN" };
    case "int32":
    case "int64":
      return { arrow: type.kind, parquet: type.kind.toUpperCase() };
    case "float32":
      return { arrow: type.kind, parquet: "FLOAT" };
    case "float64":
      return { arrow: type.kind, parquet: "DOUBLE" };
    case "utf8":
      return { arrow: "utf8", parquet: "BYTE_ARRAY STRING" };
    case "enum":
      return { arrow: "dictionary<utf8>", parquet: "BYTE_ARRAY STRING" };
    case "binary":
      return { arrow: "binary", parquet: "BYTE_ARRAY" };
    case "date32":
      return { arrow: "date32", parquet: "INT32 DATE" };
    case "time32ms":
      return { arrow: "time32[ms]", parquet: "INT32 TIME(MILLIS)" };
    case "time64us":
      return { arrow: "time64[us]", parquet: "INT64 TIME(MICROS)" };
    case "fixed":
      return {
        arrow: `fixed_size_binary[${type.byteWidth}]`,
        parquet: `FIXED_LEN_BYTE_ARRAY(${type.byteWidth})`,
      };
    case "timestamp":
      return {
        arrow: `timestamp[${type.unit}${type.utc ? ", UTC" : ""}]`,
        parquet: `INT64 TIMESTAMP(${UNITS_PARQUET[type.unit]}${type.utc ? ", UTC" : ""})`,
      };
    case "decimal":
      return decimalNames(type);
    default:
      return nestedNames(type);
  }
}

function nestedNames(type: Extract<ColumnType, { kind: "list" | "map" | "struct" }>): TypeNames {
  const arrow = (spec: ColumnSpec) => typeNamesOf(spec.type).arrow;
  switch (type.kind) {
    case "list":
      return { arrow: `list<${arrow(type.item)}>`, parquet: "LIST" };
    case "map":
      return { arrow: `map<utf8, ${arrow(type.value)}>`, parquet: "MAP" };
    case "struct":
      return {
        arrow: `struct<${type.fields.map((field) => `${field.name}: ${arrow(field)}`).join(", ")}>`,
        parquet: "GROUP",
      };
  }
}

/** The writer takes the smallest physical type that holds so many digits. */
function decimalNames({ precision, scale }: { precision: number; scale: number }): TypeNames {
  const physical = precision <= 9
    ? "INT32"
    : precision <= 18
    ? "INT64"
    : `FIXED_LEN_BYTE_ARRAY(${bytesOfDigits(precision)})`;
  return { arrow: arrowDecimal(precision, scale), parquet: `${physical} DECIMAL(${precision}, ${scale})` };
}

function arrowDecimal(precision: number, scale: number): string {
  return `decimal${precision <= 38 ? 128 : 256}(${precision}, ${scale})`;
}

/** Bytes whose two's complement holds every number of so many digits. */
function bytesOfDigits(digits: number): number {
  return Math.ceil((digits * Math.log2(10) + 1) / 8);
}

/** Of a column of a file. */
export function typeNamesIn(node: SchemaTree): TypeNames {
  if (node.children.length === 0) return leafNames(node.element);
  if (isList(node)) return { arrow: `list<${typeNamesIn(itemOf(node)).arrow}>`, parquet: "LIST" };
  if (isMap(node)) {
    const [key, value] = mapParts(node);
    return { arrow: `map<${typeNamesIn(key).arrow}, ${typeNamesIn(value).arrow}>`, parquet: "MAP" };
  }
  const fields = node.children.map((child) => `${child.element.name}: ${typeNamesIn(child).arrow}`);
  const logical = node.element.logical_type?.type;
  return { arrow: `struct<${fields.join(", ")}>`, parquet: logical ?? "GROUP" };
}

function leafNames(element: SchemaElement): TypeNames {
  const width = element.type === "FIXED_LEN_BYTE_ARRAY" ? `(${element.type_length ?? "?"})` : "";
  const physical = `${element.type ?? "?"}${width}`;
  const logical = annotationOf(element);
  const parquet = logical === undefined ? physical : `${physical} ${parquetAnnotation(logical)}`;
  return { arrow: arrowOfLeaf(element, logical), parquet };
}

/** The logical type; of older writers, which have only the converted one, what that says in today's words. */
export function annotationOf(element: SchemaElement): LogicalType | undefined {
  const { converted_type: converted, logical_type: logical } = element;
  if (logical?.type !== undefined) return logical;
  switch (converted) {
    case "UTF8":
      return { type: "STRING" };
    case "ENUM":
    case "DATE":
    case "JSON":
    case "BSON":
    case "INTERVAL":
      return { type: converted } as LogicalType;
    case "DECIMAL":
      return { type: "DECIMAL", precision: element.precision ?? 0, scale: element.scale ?? 0 };
    case "TIME_MILLIS":
    case "TIME_MICROS":
    case "TIMESTAMP_MILLIS":
    case "TIMESTAMP_MICROS": {
      const [type, unit] = converted.split("_") as ["TIME" | "TIMESTAMP", "MILLIS" | "MICROS"];
      return { type, unit, isAdjustedToUTC: true };
    }
  }
  const integer = /^(U?)INT_(\d+)$/.exec(converted ?? "");
  if (integer === null) return undefined;
  return { type: "INTEGER", bitWidth: Number(integer[2]), isSigned: integer[1] === "" };
}

function parquetAnnotation(logical: LogicalType): string {
  switch (logical.type) {
    case "DECIMAL":
      return `DECIMAL(${logical.precision}, ${logical.scale})`;
    case "TIME":
      return `TIME(${logical.unit})`;
    case "TIMESTAMP":
      return `TIMESTAMP(${logical.unit}${logical.isAdjustedToUTC ? ", UTC" : ""})`;
    case "INTEGER":
      return `${logical.isSigned ? "" : "U"}INT_${logical.bitWidth}`;
    default:
      return logical.type;
  }
}

function arrowOfLeaf(element: SchemaElement, logical: LogicalType | undefined): string {
  switch (logical?.type) {
    case "STRING":
    case "ENUM":
    case "JSON":
      return "utf8";
    case "DATE":
      return "date32";
    case "UUID":
      return "uuid";
    case "FLOAT16":
      return "float16";
    case "NULL":
      return "null";
    case "DECIMAL":
      return arrowDecimal(logical.precision, logical.scale);
    case "TIME":
      return `time${logical.unit === "MILLIS" ? 32 : 64}[${UNITS[logical.unit]}]`;
    case "TIMESTAMP":
      return `timestamp[${UNITS[logical.unit]}${logical.isAdjustedToUTC ? ", UTC" : ""}]`;
    case "INTEGER":
      return `${logical.isSigned ? "" : "u"}int${logical.bitWidth}`;
  }
  switch (element.type) {
    case "BOOLEAN":
      return "bool";
    case "FLOAT":
      return "float32";
    case "DOUBLE":
      return "float64";
    case "INT96":
      return "timestamp[ns]";
    case "BYTE_ARRAY":
      return "binary";
    case "FIXED_LEN_BYTE_ARRAY":
      return `fixed_size_binary[${element.type_length ?? "?"}]`;
    default:
      return (element.type ?? "?").toLowerCase();
  }
}
