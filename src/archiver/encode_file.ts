/** From rows to the bytes of a Parquet file with its footer. */
import type { StreamMemory } from "../columns/mod.ts";
import type { Compression } from "../config.ts";
import type { FileRows } from "../metadata/mod.ts";
import { type FooterContent, footerEntries, type ParquetEncoder } from "../parquet/mod.ts";
import { VERSION } from "../version.ts";

export interface EncodeOptions {
  readonly encoder: ParquetEncoder;
  readonly compression: Compression;
  /** For those who encode one file after the other. */
  readonly memory?: StreamMemory;
}

export function encodeFile(
  contents: FileRows,
  footer: Omit<FooterContent, "version">,
  { encoder, compression, memory }: EncodeOptions,
): Uint8Array {
  const batch = {
    ipc: contents.toIPC(memory === undefined ? {} : { memory }),
    rows: contents.rows,
    schema: contents.schema,
    head: (rows: number) => contents.toIPC({ rows }),
  };
  return encoder.encode(batch, {
    compression,
    createdBy: `kafka2parquet version ${VERSION}`,
    metadata: footerEntries({ ...footer, version: VERSION }),
  });
}
