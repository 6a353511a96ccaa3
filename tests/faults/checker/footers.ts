/**
 * What files say of themselves, read by hyparquet alone: the program's own reader of footers could share a mistake with
 * its writer.
 */
import { parquetMetadata } from "hyparquet";

/** One offset range of one partition that a file accounts for. */
export interface FooterRange {
  readonly topic: string;
  readonly partition: number;
  readonly first: bigint;
  readonly next: bigint;
  readonly rows: number;
  /** Of all reasons together. */
  readonly deadLetters: number;
  /** Of all reasons together. */
  readonly skipped: number;
  readonly path: string;
}

export interface FileFooter {
  readonly path: string;
  /** `undefined` for a file that does not say it is of this program. */
  readonly kind: string | undefined;
  readonly group: string;
  readonly rows: number;
  readonly ranges: readonly FooterRange[];
}

const PREFIX = "kafka2parquet.";
/** Length of the footer and magic bytes at the end of a Parquet file. */
const TAIL_BYTES = 8;

interface StoredRange {
  readonly partition: number;
  readonly first: string;
  readonly next: string;
  readonly rows: number;
  readonly dead_letters: Record<string, number>;
  readonly skipped: Record<string, number>;
}

/** Reads a file's footer. @throws where the file is gone, or is no whole Parquet file. */
export function readFileFooter(path: string): FileFooter {
  const metadata = parquetMetadata(readTail(path));
  const pairs = new Map(metadata.key_value_metadata?.map(({ key, value }) => [key, value ?? ""]));
  const get = (key: string) => pairs.get(PREFIX + key);
  const topic = get("topic") ?? "";
  const stored = JSON.parse(get("ranges") ?? "[]") as StoredRange[];
  return {
    path,
    kind: get("kind"),
    group: get("group") ?? "",
    rows: Number(metadata.num_rows),
    ranges: stored.map(({ partition, first, next, rows, dead_letters, skipped }) => ({
      topic,
      partition,
      first: BigInt(first),
      next: BigInt(next),
      rows,
      deadLetters: sum(dead_letters),
      skipped: sum(skipped),
      path,
    })),
  };
}

/** Paths of all `*.parquet` below a folder, hidden folders included, as a reader's `**` finds them. */
export function visibleFiles(folder: string): string[] {
  return entriesOf(folder).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) return visibleFiles(path);
    return entry.name.endsWith(".parquet") ? [path] : [];
  });
}

/** What is in a folder; nothing where it is not there, or goes while we look. */
export function entriesOf(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The bytes of the footer, with the eight that end the file. */
function readTail(path: string): ArrayBuffer {
  using file = Deno.openSync(path);
  const size = file.statSync().size;
  const footerBytes = new DataView(readAt(file, size - TAIL_BYTES, TAIL_BYTES)).getUint32(0, true);
  return readAt(file, Math.max(0, size - TAIL_BYTES - footerBytes), Math.min(size, TAIL_BYTES + footerBytes));
}

function readAt(file: Deno.FsFile, position: number, length: number): ArrayBuffer {
  if (position < 0) throw new Error("too short for a Parquet file");
  const bytes = new Uint8Array(length);
  file.seekSync(position, Deno.SeekMode.Start);
  for (let done = 0; done < length;) {
    const count = file.readSync(bytes.subarray(done));
    if (count === null) throw new Error("shorter than it was");
    done += count;
  }
  return bytes.buffer;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
