/** The archive as a naive reader sees it: every `*.parquet` below a folder, hidden folders included. */
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import type { FileMetaData } from "hyparquet";
import { compressors } from "hyparquet-compressors";

import { parquetFiles } from "../../dev/output_folder.ts";

export { parquetFiles };

export type Row = Record<string, unknown>;

export interface ArchiveFile {
  readonly path: string;
  /** int64 as bigint, timestamps as Date, binary as Uint8Array; decimals as numbers, exact to 15 digits only. */
  readonly rows: readonly Row[];
  /** The footer's key-value metadata. */
  readonly keyValues: Readonly<Record<string, string>>;
  readonly metadata: FileMetaData;
}

export interface Archive {
  /** By path. */
  readonly files: readonly ArchiveFile[];
  /** Of all files. */
  readonly rows: readonly Row[];
}

/** Reads all files below `folder`; an archive that is not there yet is empty. */
export async function readArchive(folder: string): Promise<Archive> {
  const files = await Promise.all((await parquetFiles(folder)).map(readParquet));
  return { files, rows: files.flatMap((file) => file.rows) };
}

export async function readParquet(path: string): Promise<ArchiveFile> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  const keyValues = Object.fromEntries(
    (metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ""]),
  );
  const rows = await parquetReadObjects({ file, metadata, compressors, utf8: false }) as Row[];
  return { path, rows, keyValues, metadata };
}
