/** Types of columns in the words of Arrow as pyarrow prints them. */
import type { ColumnSpec, ColumnType } from "../../../src/columns/mod.ts";

/** The type of a column, and whether it may be null. */
export function columnTypeText({ type, nullable }: ColumnSpec): string {
  return `${typeText(type)}${nullable ? "" : " not null"}`;
}

function typeText(type: ColumnType): string {
  switch (type.kind) {
    case "float32":
      return "float";
    case "float64":
      return "double";
    case "utf8":
      return "string";
    case "date32":
      return "date32[day]";
    case "time32ms":
      return "time32[ms]";
    case "time64us":
      return "time64[us]";
    case "fixed":
      return type.uuid ? "extension<arrow.uuid>" : `fixed_size_binary[${type.byteWidth}]`;
    case "timestamp":
      return `timestamp[${type.unit}${type.utc ? ", tz=UTC" : ""}]`;
    case "decimal":
      return `decimal${type.byteWidth * 8}(${type.precision}, ${type.scale})`;
    case "enum":
      return "dictionary<values=string, indices=int32, ordered=0>";
    case "list":
      return `list<${childText(type.item)}>`;
    case "map":
      return `map<string, ${columnTypeText(type.value)}>`;
    case "struct":
      return `struct<${type.fields.map(childText).join(", ")}>`;
    default:
      return type.kind;
  }
}

function childText(spec: ColumnSpec): string {
  return `${spec.name}: ${columnTypeText(spec)}`;
}
