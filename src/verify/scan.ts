/** Reads the footers of a folder, each file once. */
import { UserError } from "../errors.ts";
import {
  type CheckedFooter,
  checkPages,
  type FoundPath,
  inOrder,
  parquetPaths,
  readFooter,
} from "../parquet/mod.ts";
import type { Archive, TopicName } from "./archive.ts";

/** Footers that are being read at once. */
const READERS_MAX = 16;
/** Files of which all pages are being read at once: each takes a column of a row group in memory. */
const DEEP_READERS_MAX = 2;

export interface ScanOptions {
  /** Reads every page of every file. */
  readonly deep: boolean;
  /** Whether files of this topic are wanted. */
  readonly wanted: (of: TopicName) => boolean;
  /** Called after each file. */
  readonly onFile: () => void;
}

interface Read {
  readonly path: string;
  readonly footer: CheckedFooter | UserError;
  /** Whether it is a folder that cannot be looked into. */
  readonly isFolder: boolean;
  /** Why the file's data cannot be read although its footer can. */
  readonly damage: UserError | undefined;
}

export class Scanner {
  readonly #archive: Archive;
  readonly #options: ScanOptions;
  /** Files that were read; they are not read again. */
  readonly #seen = new Set<string>();

  constructor(archive: Archive, options: ScanOptions) {
    this.#archive = archive;
    this.#options = options;
  }

  /**
   * Reads the files below a folder that were not read yet.
   *
   * @param isOurs whether a file of this topic belongs to the archive: others are passed over.
   * @returns how many there were.
   */
  async scan(folder: string, isOurs: (of: TopicName) => boolean = () => true): Promise<number> {
    let count = 0;
    const files = inOrder(this.#unseen(folder), {
      begin: (found) => this.#read(found),
      atOnce: this.#options.deep ? DEEP_READERS_MAX : READERS_MAX,
    });
    for await (const read of files) {
      this.#take(read, isOurs);
      this.#options.onFile();
      count++;
    }
    return count;
  }

  /** Reads a file that is committed under one name and will have another, as if it had that already. */
  async scanPrepared(path: string, final: string): Promise<void> {
    if (this.#seen.has(final)) return;
    const read = await this.#read({ path });
    // Gone since it was listed: it has its final name now.
    if (read.footer instanceof UserError) return;
    this.#seen.add(final);
    this.#take({ ...read, path: final }, () => true);
  }

  async *#unseen(folder: string): AsyncGenerator<FoundPath> {
    for await (const found of parquetPaths(folder)) {
      if (this.#seen.has(found.path)) continue;
      this.#seen.add(found.path);
      yield found;
    }
  }

  async #read({ path, error }: FoundPath): Promise<Read> {
    if (error !== undefined) return { path, footer: error, isFolder: true, damage: undefined };
    const footer = await readFooter(path).catch(userError);
    const isDeep = this.#options.deep && !(footer instanceof UserError);
    return {
      path,
      footer,
      isFolder: false,
      damage: isDeep ? await checkPages(path).then(() => undefined, userError) : undefined,
    };
  }

  #take({ path, footer, isFolder, damage }: Read, isOurs: (of: TopicName) => boolean): void {
    const archive = this.#archive;
    if (footer instanceof UserError) {
      const reason = reasonOf(footer, path);
      if (isFolder) archive.unreadable.set(path, reason);
      else archive.damaged.push({ path, reason });
      return;
    }
    const { content } = footer;
    if (content !== undefined && (!isOurs(content) || !this.#options.wanted(content))) return;
    if (damage !== undefined) archive.damaged.push({ path, reason: reasonOf(damage, path) });
    if (content === undefined) {
      archive.unknown.push(path);
      return;
    }
    archive.add(path, { ...footer, content });
  }
}

/** The error, where it is one for people. */
function userError(error: unknown): UserError {
  if (error instanceof UserError) return error;
  throw error;
}

/** The message without the file's name, which stands beside it. */
function reasonOf({ message }: UserError, path: string): string {
  const at = message.indexOf(path);
  if (at < 0) return message;
  const rest = message.slice(at + path.length).replace(/^(: | )/, "");
  return rest.replace(/^is damaged: /, "") || message;
}
