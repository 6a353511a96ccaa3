/** Arrow IPC → the bytes of a Parquet file, through parquet-wasm. */
import type { FileSchema } from "../columns/mod.ts";
import type { Compression } from "../config.ts";
import { CHECKSUM_KEY, sealChecksums } from "./checksum.ts";
import { DictionaryChoice } from "./dictionary.ts";
import { rowCountOf } from "./row_count.ts";

export interface ParquetOptions {
  readonly compression: Compression;
  /** Key-value pairs of the footer. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The `created_by` of the footer: program and version. */
  readonly createdBy: string;
}

/** What is to be encoded. */
export interface Batch {
  /** An Arrow IPC stream of one record batch. */
  readonly ipc: Uint8Array;
  readonly rows: number;
  /** What the encoder has learnt from one file it uses for the next of the same schema object. */
  readonly schema: FileSchema;
}

export interface ParquetEncoder {
  /**
   * Encodes a batch as one Parquet file, whole in memory, and reads the row count of its footer back.
   *
   * @throws Error if the file does not hold exactly the batch's rows.
   */
  encode(batch: Batch, options: ParquetOptions): Uint8Array;
}

/** Rows in one row group; a file of fewer rows has one. */
const ROW_GROUP_ROWS_MAX = 1_048_576;
/** Larger batches are not encoded three times to learn from them: that would block the thread for seconds. */
const TRIAL_BYTES_MAX = 32 * 1024 * 1024;

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
  const choices = new WeakMap<FileSchema, DictionaryChoice>();

  function choiceFor(schema: FileSchema): DictionaryChoice {
    let choice = choices.get(schema);
    if (choice === undefined) choices.set(schema, choice = new DictionaryChoice());
    return choice;
  }

  function write(ipc: Uint8Array, options: ParquetOptions, without: readonly string[] | "all"): Uint8Array {
    // A WriterProperties that is used twice silently writes defaults, so each file builds its own; both it and the
    // table are consumed by writeParquet, and are freed there.
    let builder = new wasm.WriterPropertiesBuilder()
      .setCompression(codecs[options.compression])
      .setCreatedBy(options.createdBy)
      .setMaxRowGroupSize(ROW_GROUP_ROWS_MAX)
      .setKeyValueMetadata(options.metadata as Map<string, string>);
    if (without === "all") builder = builder.setDictionaryEnabled(false);
    else for (const column of without) builder = builder.setColumnDictionaryEnabled(column, false);
    return wasm.writeParquet(wasm.Table.fromIPCStream(ipc), builder.build());
  }

  function encode({ ipc, rows, schema }: Batch, options: ParquetOptions): Uint8Array {
    const choice = choiceFor(schema);
    if (ipc.length <= TRIAL_BYTES_MAX && choice.isTrial()) {
      choice.learn(write(ipc, options, []), write(ipc, options, "all"));
    }
    const file = write(ipc, options, choice.without);
    const written = rowCountOf(file);
    if (written !== rows) {
      throw new Error(`Parquet encoder wrote ${written} rows of ${rows}`);
    }
    if (options.metadata.has(CHECKSUM_KEY)) sealChecksums(file);
    return file;
  }

  return { encode };
}
