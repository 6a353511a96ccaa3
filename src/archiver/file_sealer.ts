/** From an open file to the bytes of Parquet files with their footers and final names. */
import { relative } from "node:path";
import { type Columns, StreamMemory } from "../columns/mod.ts";
import type { Config } from "../config.ts";
import { footerEntries, type ParquetEncoder, type RangeCounts } from "../parquet/mod.ts";
import type { FileToPrepare } from "../sink/mod.ts";
import { VERSION } from "../version.ts";
import { isPattern } from "./topics.ts";
import type { OpenFile } from "./open_file.ts";

/** A file that was sealed: what the log and the totals need of it besides what the sink does. */
export interface SealedFile extends FileToPrepare {
  readonly topic: string;
  readonly kind: "data" | "dead_letter";
  /** Of dead letters: how many there are for which reason. */
  readonly reasons?: Readonly<Record<string, number>>;
}

export interface FileSealerOptions {
  readonly config: Config;
  readonly cluster: string;
  readonly encoder: ParquetEncoder;
  randomUUID(): string;
}

export class FileSealer {
  readonly #options: FileSealerOptions;
  /** Files are encoded one at a time. */
  readonly #streamMemory = new StreamMemory();

  constructor(options: FileSealerOptions) {
    this.#options = options;
  }

  /**
   * Encodes an open file's rows and its dead letters, each as one Parquet file where there are any. The ranges stand
   * in the footer of the first. Without either, they stand in a dead-letter file without rows.
   */
  seal(
    file: OpenFile,
    of: { topic: string; checkpoint: string; ranges: readonly RangeCounts[] },
  ): SealedFile[] {
    const sealed: SealedFile[] = [];
    const { config } = this.#options;
    const encode = (columns: Columns, kind: SealedFile["kind"], folder: string) => {
      const ranges = sealed.length === 0 ? of.ranges : [];
      sealed.push({
        ...kind === "dead_letter" && { reasons: file.deadLetterReasons },
        topic: of.topic,
        kind,
        final: finalName(config.output, folder, this.#options.randomUUID()),
        rows: columns.rows,
        bytes: this.#encode(columns, kind, { ...of, ranges, schemas: file.schemas }),
      });
    };
    if (file.rows > 0) encode(file.columns!, "data", dataFolder(config, of.topic));
    if (file.deadLetterCount > 0 || sealed.length === 0) {
      encode(file.columnsForDeadLetters(), "dead_letter", config.deadLetter);
    }
    return sealed;
  }

  #encode(
    columns: Columns,
    kind: SealedFile["kind"],
    of: {
      topic: string;
      checkpoint: string;
      ranges: readonly RangeCounts[];
      schemas: ReadonlyMap<number, string>;
    },
  ): Uint8Array {
    const { config, cluster, encoder } = this.#options;
    const batch = {
      ipc: columns.toIPC({ memory: this.#streamMemory }),
      rows: columns.rows,
      schema: columns.schema,
      head: (rows: number) => columns.toIPC({ rows }),
    };
    return encoder.encode(batch, {
      compression: config.compression,
      createdBy: `kafka2parquet version ${VERSION}`,
      metadata: footerEntries({ version: VERSION, kind, cluster, group: config.group, ...of }),
    });
  }
}

/** Several topics have a folder each, so that one glob never meets two sets of columns. */
export function dataFolder(config: Pick<Config, "output" | "topics">, topic: string): string {
  const isOne = config.topics.length === 1 && !isPattern(config.topics[0]!);
  return isOne ? config.output : `${config.output}/${topic}`;
}

/** The name of a new file, relative to the output folder. */
function finalName(output: string, folder: string, uuid: string): string {
  const path = relative(output, folder).replaceAll("\\", "/");
  return path === "" ? `${uuid}.parquet` : `${path}/${uuid}.parquet`;
}
