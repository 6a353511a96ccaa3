/** Tells of published files: a line each while they come slowly, gathered where they come fast. */
import { getLogger } from "@logtape/logtape";
import { noun, sizeText } from "../words.ts";

const log = getLogger(["kafka2parquet", "files"]);

/** So many files have a line of their own however fast they come: the first ones are what a new user looks for. */
const FIRST_FILES = 3;
const LINES_PER_SECOND_MAX = 1;
const GATHER_MS = 5000;
/** Files gathered over so long tell the rate. */
const ADVISE_AFTER_MS = 10_000;
/** A file so often is what the advice aims at. */
const FILE_EVERY_SECONDS = 10;

export interface PublishedFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly kind: "data" | "dead_letter";
}

export class FileLog {
  readonly #rowsPerFile: number;
  #told = 0;
  #toldMs = Number.NEGATIVE_INFINITY;
  #gathered = { files: 0, rows: 0, deadLetters: 0, bytes: 0 };
  #fast = { files: 0, rows: 0, sinceMs: 0 };
  #advised = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(rowsPerFile: number) {
    this.#rowsPerFile = rowsPerFile;
  }

  add(file: PublishedFile): void {
    const nowMs = performance.now();
    if (file.kind === "data") this.#advise(file, nowMs);
    const slow = this.#gathered.files === 0 && nowMs - this.#toldMs >= 1000 / LINES_PER_SECOND_MAX;
    if (this.#told < FIRST_FILES || slow) {
      this.#told++;
      this.#toldMs = nowMs;
      log.info(
        `Wrote {file}: {rows} ${noun(file.rows, file.kind === "data" ? "row" : "dead letter")}, {size}`,
        {
          file: file.path,
          rows: file.rows,
          size: sizeText(file.bytes),
        },
      );
      return;
    }
    this.#gathered.files++;
    this.#gathered[file.kind === "data" ? "rows" : "deadLetters"] += file.rows;
    this.#gathered.bytes += file.bytes;
    this.#timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  /** Tells of what was gathered. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { files, rows, deadLetters, bytes } = this.#gathered;
    if (files === 0) return;
    this.#gathered = { files: 0, rows: 0, deadLetters: 0, bytes: 0 };
    this.#toldMs = performance.now();
    const others = deadLetters > 0 ? ` and {deadLetters} ${noun(deadLetters, "dead letter")}` : "";
    log.info(`Wrote {files} more ${noun(files, "file")}: {rows} ${noun(rows, "row")}${others}, {size}`, {
      files,
      rows,
      ...(deadLetters > 0 && { deadLetters }),
      size: sizeText(bytes),
    });
  }

  #advise(file: PublishedFile, nowMs: number): void {
    if (this.#advised) return;
    if (this.#fast.files === 0) this.#fast.sinceMs = nowMs;
    this.#fast.files++;
    this.#fast.rows += file.rows;
    const elapsedMs = nowMs - this.#fast.sinceMs;
    if (elapsedMs < ADVISE_AFTER_MS) return;
    const perSecond = this.#fast.files / (elapsedMs / 1000);
    if (perSecond > 1) {
      this.#advised = true;
      log.info(
        "{filesPerSecond} files a second: with --rows {better} there would be one every {seconds} s or so",
        {
          filesPerSecond: Number(perSecond.toFixed(1)),
          better: betterRows(this.#fast.rows / (elapsedMs / 1000), this.#rowsPerFile),
          seconds: FILE_EVERY_SECONDS,
        },
      );
    }
    this.#fast = { files: 0, rows: 0, sinceMs: 0 };
  }
}

/** A round number of rows, never below the present one, that this many rows a second fill in 10 s or more. */
export function betterRows(rowsPerSecond: number, present: number): number {
  const wanted = Math.max(rowsPerSecond * FILE_EVERY_SECONDS, present);
  const power = 10 ** Math.floor(Math.log10(wanted));
  return [1, 2, 5, 10].map((step) => step * power).find((rows) => rows >= wanted)!;
}
