/** Parquet files as the program writes them, of rows and offsets that a test chooses. */
import { Columns, type FileSchema } from "../../src/columns/mod.ts";
import type { Compression } from "../../src/config.ts";
import { type FooterContent, footerEntries, loadParquetEncoder } from "../../src/parquet/mod.ts";

export interface ParquetFileOptions {
  readonly schema: FileSchema;
  /** As `Columns.appendRow` takes them. */
  readonly rows: readonly (readonly unknown[])[];
  /** What the footer says; without it the file is like another program's. */
  readonly content?: FooterContent;
  readonly compression?: Compression;
}

export async function writeParquetFile(path: string, options: ParquetFileOptions): Promise<void> {
  const columns = new Columns(options.schema);
  for (const row of options.rows) columns.appendRow(row);
  await Deno.writeFile(path, await parquetBytes(columns, options));
}

/** The file that `columns` make. */
export async function parquetBytes(
  columns: Columns,
  { content, compression = "snappy" }: Pick<ParquetFileOptions, "content" | "compression"> = {},
): Promise<Uint8Array> {
  const encoder = await loadParquetEncoder();
  return encoder.encode({ ipc: columns.toIPC(), rows: columns.rows, schema: columns.schema }, {
    compression,
    createdBy: "test version 1",
    metadata: content === undefined ? new Map() : footerEntries(content),
  });
}
