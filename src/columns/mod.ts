/** The columns room: growable typed buffers with validity, and the Arrow record batch over them. */
export type { ColumnSpec, ColumnType, FileSchema } from "./schema.ts";
