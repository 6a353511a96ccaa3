import type { KafkaSecurity, RegistrySecurity } from "./security.ts";

/** The whole configuration of a run: made once by `cli/`, never changed, safe to post to a worker. */
export interface Config {
  /** `host:port` of the bootstrap brokers. */
  readonly brokers: readonly string[];
  /** Base URLs of the schema registry. */
  readonly registry: readonly string[];
  readonly security: KafkaSecurity;
  readonly registrySecurity: RegistrySecurity;
  /** Names, and patterns of names between slashes. */
  readonly topics: readonly string[];
  readonly group: string;
  /** Folder of the visible data files. */
  readonly output: string;
  /** Folder of the dead-letter files. */
  readonly deadLetter: string;
  /** Rows at which a file is closed. */
  readonly rows: number;
  /** Bytes of column buffers at which a file is closed. */
  readonly bytes: number;
  /** Wall-clock age in milliseconds at which a file is closed. */
  readonly ageMs: number;
  /** How long the broker may hold a fetch that has no data, in milliseconds. */
  readonly fetchWaitMs: number;
  readonly compression: Compression;
  readonly from: StartPosition;
  readonly onOutOfRange: "stop" | "earliest" | "latest";
  /** Archive up to the end seen at start, then exit. */
  readonly untilEnd: boolean;
  readonly onError: "dead-letter" | "skip" | "stop";
  readonly onSinkError: "retry" | "stop";
  /** Between the names of nested fields in a column name. */
  readonly separator: string;
  /** Patterns of the columns to archive; all where there are none. */
  readonly include: readonly string[];
  /** Patterns of columns to leave out. */
  readonly exclude: readonly string[];
  /** Archivers in this process, each a member of the group in a thread of its own. */
  readonly workers: number;
  /** What columns, files on their way and fetched records may take, of all workers together. */
  readonly maxMemoryBytes: number;
  readonly shutdownTimeoutMs: number;
  /** How long brokers and registry are waited for at start. */
  readonly startupTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  /** How often new partitions and, with a pattern, new topics are looked for. */
  readonly metadataMaxAgeMs: number;
  readonly logLevel: LogLevel;
  readonly logFormat: "text" | "json";
  readonly color: boolean;
  /** Show a live line of figures under the log; only where stderr is a terminal. */
  readonly statusLine: boolean;
}

/** Where a group without committed offsets starts: `files` is where the archive's own files end. */
export type StartPosition = "earliest" | "latest" | "files" | { readonly atMs: number };

export const COMPRESSIONS = ["snappy", "zstd", "gzip", "brotli", "lz4_raw", "none"] as const;
export type Compression = typeof COMPRESSIONS[number];

export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];
