/** Names and types of the metadata columns: pure functions of what `--metadata` says. */
import type { AvroType } from "../avro/mod.ts";
import type { ColumnSpec, ColumnType, FileSchema } from "../columns/mod.ts";
import type { Metadata, MetadataField } from "../config.ts";
import { UserError } from "../errors.ts";

/** Before the name of each of them, and the separator between. */
const PREFIX = "_kafka";

const HEADERS: ColumnType = {
  kind: "list",
  item: {
    name: "element",
    type: {
      kind: "struct",
      fields: [
        { name: "key", type: { kind: "utf8" }, nullable: false },
        { name: "value", type: { kind: "binary" }, nullable: true },
      ],
    },
    nullable: false,
  },
};

export interface SpecOptions {
  readonly topic: string;
  readonly separator: string;
  readonly keyForm: Metadata["keyForm"];
}

/** The column of a field; of an Avro key it is the one that stands there while its schema is unknown. */
export function specOf(field: MetadataField, { topic, separator, keyForm }: SpecOptions): ColumnSpec {
  const name = nameOf(field, separator);
  switch (field) {
    case "topic":
      // One symbol: the column costs a few bytes a file.
      return { name, type: { kind: "enum", symbols: [topic] }, nullable: false };
    case "partition":
      return { name, type: { kind: "int32" }, nullable: false };
    case "offset":
      return { name, type: { kind: "int64" }, nullable: false };
    case "timestamp":
      return { name, type: { kind: "timestamp", unit: "ms", utc: true }, nullable: false };
    case "key":
      return { name, type: KEY_TYPES[keyForm], nullable: true };
    case "headers":
      return { name, type: HEADERS, nullable: false };
  }
}

/** A boolean is what a `null` becomes that stands alone: any other type would promise something. */
const KEY_TYPES: Readonly<Record<Metadata["keyForm"], ColumnType>> = {
  binary: { kind: "binary" },
  string: { kind: "utf8" },
  avro: { kind: "bool" },
};

/** The type of a key below the names of its columns, `_kafka` and `key`: a record has no bytes of its own in Avro. */
export function belowKeyName(key: AvroType): AvroType {
  const below = (name: string, type: AvroType): AvroType => ({
    kind: "record",
    name: "",
    fields: [{ name, type }],
  });
  return below(PREFIX, below("key" satisfies MetadataField, key));
}

/**
 * Throws UserError naming both where a column of the value has the name of one of the metadata.
 *
 * @param pathOf where a column of this name stands in the value's schema
 */
export function refuseSameNames(
  values: FileSchema,
  { metadata: { fields, keyForm }, separator, pathOf }: {
    metadata: Metadata;
    separator: string;
    pathOf(column: string): string;
  },
): void {
  for (const field of fields) {
    const name = nameOf(field, separator);
    // Which columns an Avro key has may be another matter tomorrow, so all names below are its own.
    const isBelow = (column: string) =>
      field === "key" && keyForm === "avro" && column.startsWith(name + separator);
    const same = values.columns.find((column) => column.name === name || isBelow(column.name));
    if (same === undefined) continue;
    throw new UserError(
      `The field ${pathOf(same.name)} and --metadata ${field} would both be the column "${same.name}"`,
      { hint: `Leave ${field} out of --metadata, or choose another --separator.` },
    );
  }
}

function nameOf(field: MetadataField, separator: string): string {
  return PREFIX + separator + field;
}
