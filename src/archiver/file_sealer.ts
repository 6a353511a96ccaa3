/** From an open file to the bytes of Parquet files with their footers and final names. */
import { relative } from "node:path";
import { StreamMemory } from "../columns/mod.ts";
import type { Config } from "../config.ts";
import type { FileRows } from "../metadata/mod.ts";
import type { SchemaId } from "../model.ts";
import type { ParquetEncoder, RangeCounts } from "../parquet/mod.ts";
import type { FileToPrepare } from "../sink/mod.ts";
import { encodeFile } from "./encode_file.ts";
import { addCounts } from "./sums.ts";
import { isPattern } from "./topics.ts";
import type { OpenFile } from "./open_file.ts";

/** A file that was sealed: what the log and the totals need of it besides what the sink does. */
export interface SealedFile extends FileToPrepare {
  readonly topic: string;
  readonly kind: "data" | "dead_letter";
  /** How many dead letters it holds, by reason. */
  readonly reasons: Readonly<Record<string, number>>;
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
    const encode = (contents: FileRows, kind: SealedFile["kind"], folder: string) => {
      const ranges = sealed.length === 0 ? of.ranges : [];
      sealed.push({
        topic: of.topic,
        kind,
        final: finalName(config.output, folder, this.#options.randomUUID()),
        rows: contents.rows,
        reasons: kind === "dead_letter" ? deadLettersIn(of.ranges) : {},
        bytes: this.#encode(contents, kind, { ...of, ranges, schemas: file.schemas }),
      });
    };
    if (file.rows > 0) encode(file.contents(), "data", dataFolder(config, of.topic));
    if (file.deadLetterCount > 0 || sealed.length === 0) {
      encode(file.columnsForDeadLetters(), "dead_letter", config.deadLetter);
    }
    return sealed;
  }

  #encode(
    contents: FileRows,
    kind: SealedFile["kind"],
    of: {
      topic: string;
      checkpoint: string;
      ranges: readonly RangeCounts[];
      schemas: ReadonlyMap<SchemaId, string>;
    },
  ): Uint8Array {
    const { config, cluster, encoder } = this.#options;
    return encodeFile(contents, { kind, cluster, group: config.group, ...of }, {
      encoder,
      compression: config.compression,
      memory: this.#streamMemory,
    });
  }
}

function deadLettersIn(ranges: readonly RangeCounts[]): Record<string, number> {
  const reasons: Record<string, number> = {};
  for (const { deadLetters } of ranges) addCounts(reasons, deadLetters);
  return reasons;
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
