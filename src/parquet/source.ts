/** A Parquet file on disk, read by byte ranges, with errors that name it. */
import { type FileMetaData, parquetMetadata } from "hyparquet";
import { messageOf, UserError } from "../errors.ts";
import { noun } from "../words.ts";

/** Bytes read from a file's end before it is known how long the footer is. */
const FOOTER_READ_BYTES = 64 * 1024;
/** The length of the footer and the magic, after the footer. */
const TRAILER_BYTES = 8;
/** `PAR1`, read as a little-endian number. */
const MAGIC = 0x31524150;
/** Magic at both ends, and the length of a footer that cannot be empty. */
const FILE_BYTES_MIN = 13;
/** A footer describes a file; what is larger would be data, or a length that is damaged. */
const FOOTER_BYTES_MAX = 512 * 1024 * 1024;

export class ParquetSource implements Disposable {
  readonly path: string;
  readonly byteLength: number;
  readonly #file: Deno.FsFile;
  /** The file has one position, so that its readers stand in line. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(path: string, { file, byteLength }: { file: Deno.FsFile; byteLength: number }) {
    this.path = path;
    this.#file = file;
    this.byteLength = byteLength;
  }

  /** Throws UserError where there is no such file, or it cannot be read. */
  static async open(path: string): Promise<ParquetSource> {
    try {
      // Looked at first: opening a pipe would wait for somebody to write into it.
      const { isFile, size } = await Deno.stat(path);
      if (!isFile) throw new Error("it is no file");
      return new ParquetSource(path, { file: await Deno.open(path, { read: true }), byteLength: size });
    } catch (cause) {
      const isMissing = cause instanceof Deno.errors.NotFound;
      throw new UserError(`Cannot read ${path}: ${isMissing ? "no such file" : messageOf(cause)}`, { cause });
    }
  }

  slice(start: number, end: number = this.byteLength): Promise<ArrayBuffer> {
    const read = this.#last.then(() => this.#read(start, end));
    this.#last = read.catch(() => {});
    return read;
  }

  async #read(start: number, end: number): Promise<ArrayBuffer> {
    if (start < 0 || end < start || end > this.byteLength) {
      throw new RangeError(`bytes ${start} to ${end} are not in a file of ${this.byteLength} bytes`);
    }
    const bytes = new Uint8Array(end - start);
    await this.#file.seek(start, Deno.SeekMode.Start);
    for (let filled = 0; filled < bytes.length;) {
      const count = await this.#file.read(bytes.subarray(filled));
      if (count === null) throw new Error(`it ended at byte ${start + filled} of ${this.byteLength}`);
      filled += count;
    }
    return bytes.buffer;
  }

  /** What the footer says. Throws UserError where the file is no whole Parquet file. */
  async metadata(): Promise<FileMetaData> {
    return (await this.footer()).metadata;
  }

  /** The footer and its bytes. Throws UserError where the file is no whole Parquet file. */
  async footer(): Promise<{ readonly metadata: FileMetaData; readonly bytes: Uint8Array }> {
    return await this.fromFooter(async () => {
      if (this.byteLength < FILE_BYTES_MIN) {
        throw new Error(
          `it has ${this.byteLength} ${noun(this.byteLength, "byte")}, fewer than any Parquet file`,
        );
      }
      const tail = await this.slice(Math.max(0, this.byteLength - FOOTER_READ_BYTES));
      const view = new DataView(tail);
      if (view.getUint32(tail.byteLength - 4, true) !== MAGIC) throw new Error("it does not end in PAR1");
      const footerBytes = view.getUint32(tail.byteLength - TRAILER_BYTES, true);
      if (footerBytes > Math.min(this.byteLength - TRAILER_BYTES, FOOTER_BYTES_MAX)) {
        throw new Error(`its footer would have ${footerBytes} of the file's ${this.byteLength} bytes`);
      }
      const whole = footerBytes + TRAILER_BYTES <= tail.byteLength
        ? tail
        : await this.slice(this.byteLength - footerBytes - TRAILER_BYTES);
      return {
        metadata: parquetMetadata(whole, { geoparquet: false }),
        bytes: new Uint8Array(whole, whole.byteLength - footerBytes - TRAILER_BYTES, footerBytes),
      };
    });
  }

  /** What the footer's `read` gives; where it throws, the file is no whole Parquet file. */
  async fromFooter<T>(read: () => T | Promise<T>): Promise<T> {
    return await this.guard(`${this.path}: not a whole Parquet file`, read);
  }

  /** Runs `body`, and says of anything that it throws that this file is the reason. */
  async guard<T>(what: string, body: () => T | Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (cause) {
      if (cause instanceof UserError) throw cause;
      throw new UserError(`${what}: ${reasonOf(cause)}`, {
        hint: "The file may be damaged, or still be written by another program.",
        cause,
      });
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** The reader meets damage as a value of a type that it does not expect, which says nothing to a user. */
function reasonOf(cause: unknown): string {
  if (cause instanceof TypeError || cause instanceof RangeError) return "it cannot be parsed";
  return messageOf(cause);
}
