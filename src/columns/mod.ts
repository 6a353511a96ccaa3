/** The columns room: growable typed buffers with validity, and the Arrow record batch over them. */
export type { ColumnSpec, ColumnType, FileSchema } from "./schema.ts";
export { sameButForCase } from "./case.ts";
export { Columns, type ColumnsOptions, type StreamOptions } from "./columns.ts";
export { StreamMemory } from "./ipc.ts";
export { StreamWriter } from "./stream_writer.ts";
export { childSpecs, COLUMN_BYTES_MAX, ColumnBuffers, SLACK_BYTES } from "./buffers.ts";
