/** Arrow IPC → the bytes of a Parquet file, through parquet-wasm. */
import type { Compression } from "../config.ts";
import { rowCountOf } from "./footer.ts";

export interface ParquetOptions {
  readonly compression: Compression;
  /** Key-value pairs of the footer. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The `created_by` of the footer: program and version. */
  readonly createdBy: string;
}

export interface ParquetEncoder {
  /**
   * Encodes one Arrow IPC stream as one Parquet file, whole in memory, and reads the row count of the footer back.
   *
   * @throws Error if the file does not hold exactly `rows` rows.
   */
  encode(ipc: Uint8Array, rows: number, options: ParquetOptions): Uint8Array;
}

/** Rows in one row group; a file of fewer rows has one. */
const ROW_GROUP_ROWS_MAX = 1_048_576;

/** Loads parquet-wasm (52 ms) when the first file is near, so that `--help` need not pay for it. */
export async function loadParquetEncoder(): Promise<ParquetEncoder> {
  const wasm = await import("parquet-wasm");
  const codecs: Record<Compression, number> = {
    none: wasm.Compression.UNCOMPRESSED,
    snappy: wasm.Compression.SNAPPY,
    gzip: wasm.Compression.GZIP,
    brotli: wasm.Compression.BROTLI,
    zstd: wasm.Compression.ZSTD,
    lz4_raw: wasm.Compression.LZ4_RAW,
  };

  function encode(ipc: Uint8Array, rows: number, options: ParquetOptions): Uint8Array {
    // A WriterProperties that is used twice silently writes defaults, so each file builds its own; both it and the
    // table are consumed by writeParquet, and are freed there.
    const properties = new wasm.WriterPropertiesBuilder()
      .setCompression(codecs[options.compression])
      .setCreatedBy(options.createdBy)
      .setMaxRowGroupSize(ROW_GROUP_ROWS_MAX)
      .setKeyValueMetadata(options.metadata as Map<string, string>)
      .build();
    const file = wasm.writeParquet(wasm.Table.fromIPCStream(ipc), properties);
    const written = rowCountOf(file);
    if (written !== rows) {
      throw new Error(`Parquet encoder wrote ${written} rows of ${rows}`);
    }
    return file;
  }

  return { encode };
}
