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
  /** A stream of the first `rows` rows, of its own; without it, what dictionaries gain is tried on all rows. */
  head?(rows: number): Uint8Array;
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
/** Larger batches are not encoded twice to learn from them: that would block the thread for seconds. */
const TRIAL_BYTES_MAX = 32 * 1024 * 1024;
/**
 * Rows that are encoded without dictionaries to learn what they gain. Without one, bytes grow with the rows, so a part
 * says enough; with one they do not, so that side is always the whole file, and is used as such. Encoding all rows of
 * the first file three times took 12 % of a run of ten files of 100,000 rows (bench/end_to_end.ts).
 */
const TRIAL_ROWS_MAX = 8192;

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

  /** The file with all dictionaries; what they have gained decides about the files after it. */
  function writeTrial(choice: DictionaryChoice, batch: Batch, options: ParquetOptions): Uint8Array {
    const { ipc, rows, head } = batch;
    const file = write(ipc, options, []);
    const isPart = rows > TRIAL_ROWS_MAX && head !== undefined;
    const sample = isPart ? head(TRIAL_ROWS_MAX) : ipc;
    if (sample.length <= TRIAL_BYTES_MAX) {
      choice.learn(file, write(sample, options, "all"), isPart ? TRIAL_ROWS_MAX / rows : 1);
    }
    return file;
  }

  function encode(batch: Batch, options: ParquetOptions): Uint8Array {
    const { ipc, rows, schema } = batch;
    const choice = choiceFor(schema);
    const file = choice.isTrial() ? writeTrial(choice, batch, options) : write(ipc, options, choice.without);
    const written = rowCountOf(file);
    if (written !== rows) {
      throw new Error(`Parquet encoder wrote ${written} rows of ${rows}`);
    }
    if (options.metadata.has(CHECKSUM_KEY)) sealChecksums(file);
    return file;
  }

  return { encode };
}
