/** The Avro room: schemas, the columns they make, and compiled decoders from bytes to columns. */
export { type AvroType, branchName, parseSchema } from "./schema.ts";
export { type ColumnOptions, fileSchemaOf, merge, unmatchedPatterns } from "./file_schema.ts";
export { Clash, type ClashReason } from "./merge.ts";
export { hasAliases, keepsPlaces } from "./places.ts";
export { compile, type Decoder, type EncodedValues, type OnBad } from "./compile.ts";
export { isUtf8 } from "./utf8.ts";
export { ColumnSelection, type Patterns, selectionOf } from "./selection.ts";
export { type ColumnSource, describeColumns } from "./describe.ts";
