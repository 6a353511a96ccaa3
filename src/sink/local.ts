/**
 * A local folder as sink.
 *
 *     OUT/<uuid>.parquet                                       published
 *     OUT/.kafka2parquet/store                                 the store's id
 *     OUT/.kafka2parquet/<cluster>/<group>/<G>-<cp>/           one prepared checkpoint
 *         0.parquet.tmp 1.parquet.tmp … manifest.json
 *     OUT/.kafka2parquet/<cluster>/<group>/quarantine/<G>-<cp>/
 *     OUT/.kafka2parquet/<cluster>/<group>/topics/<topic>      something of this topic was published
 *     OUT/.kafka2parquet/<cluster>/<group>/starts/<topic>      how many partitions it had at first
 *
 * Prepared files end in `.tmp`, because a reader's glob for `.parquet` looks into hidden folders too.
 */
import { dirname, join } from "node:path";
import type { PartitionRange } from "../model.ts";
import { messageOf, UserError } from "../errors.ts";
import { faultPoint } from "../fault.ts";
import { formatManifest, parseManifest } from "./manifest.ts";
import { makeFolder, removeIfThere, statIfThere, syncFolder, writeDurably } from "./files.ts";
import type {
  CheckpointRef,
  FileToPrepare,
  ManifestFile,
  Preparation,
  PreparedCheckpoint,
  Published,
  Sink,
} from "./sink.ts";

export interface LocalSinkOptions {
  /** Folder of the published data files. */
  readonly output: string;
  /** Folders that published files may go to besides `output`: on the same file system. */
  readonly alsoInto?: readonly string[];
  readonly cluster: string;
  readonly group: string;
}

const HOME = ".kafka2parquet";
const MANIFEST = "manifest.json";
const QUARANTINE = "quarantine";
const TOPICS = "topics";
const STARTS = "starts";
/** Dead letters are all that goes anywhere but the output folder. */
const ALSO_INTO_FLAG = "--dead-letter";
const CHECKPOINT_FOLDER = /^(\d+)-([0-9a-f]{32})$/;

export class LocalSink implements Sink {
  readonly store: string;
  readonly #output: string;
  readonly #home: string;
  readonly #alsoInto: readonly string[];
  /** Topics whose mark is known to be there. */
  readonly #marked = new Set<string>();

  private constructor(store: string, home: string, { output, alsoInto = [] }: LocalSinkOptions) {
    this.store = store;
    this.#output = output;
    this.#home = home;
    this.#alsoInto = alsoInto;
  }

  /**
   * Makes the folders and the store id where they are not there yet, and tries out what the protocol needs.
   *
   * @throws UserError where the folder cannot be made or written, or its file system has no hard links.
   */
  static async open(options: LocalSinkOptions): Promise<LocalSink> {
    const { output, alsoInto = [] } = options;
    const root = join(output, HOME);
    const home = join(root, encodeURIComponent(options.cluster), folderName(options.group));
    const store = await usable(output, "--output", async () => {
      await makeFolder(home);
      return await makeStore(join(root, "store"));
    });
    for (const folder of alsoInto) await usable(folder, ALSO_INTO_FLAG, () => makeFolder(folder));
    for (const folder of [output, ...alsoInto]) await tryLink(home, folder);
    return new LocalSink(store, home, options);
  }

  async begin(ref: CheckpointRef): Promise<Preparation> {
    const folder = this.#folder(ref);
    await makeFolder(folder);
    await faultPoint("folder-made");
    return new LocalPreparation(ref, { folder, home: this.#home, output: this.#output, store: this.store });
  }

  async publish(ref: CheckpointRef): Promise<Published> {
    await faultPoint("before-publish");
    const folder = this.#folder(ref);
    const manifest = parseManifest(await readIfThere(join(folder, MANIFEST)));
    if (manifest === "none") return { found: false, missing: [] };
    if (manifest === "unreadable") throw new Error(`${join(folder, MANIFEST)} cannot be read`);
    const missing: string[] = [];
    const folders = new Set<string>();
    for (const file of manifest.files) {
      const final = join(this.#output, file.final);
      await makeFolder(dirname(final));
      folders.add(dirname(final));
      if (!await moveWithoutOverwriting(join(folder, file.temporary), final)) missing.push(file.final);
    }
    for (const final of folders) await syncFolder(final);
    await faultPoint("final-synced");
    await this.#mark(manifest.topic);
    await faultPoint("topic-marked");
    // Only now, with the final names durable, may the manifest that could repeat them go.
    await removeIfThere(join(folder, MANIFEST));
    await faultPoint("manifest-removed");
    await removeIfThere(folder, { recursive: true });
    await faultPoint("folder-removed");
    return { found: true, missing };
  }

  async list(): Promise<PreparedCheckpoint[]> {
    const found: PreparedCheckpoint[] = [];
    for await (const entry of Deno.readDir(this.#home)) {
      const match = CHECKPOINT_FOLDER.exec(entry.name);
      if (!match) continue;
      const folder = join(this.#home, entry.name);
      const stat = await statIfThere(folder);
      if (stat === undefined) continue;
      found.push({
        ref: { generation: Number(match[1]), id: match[2]! },
        manifest: parseManifest(await readIfThere(join(folder, MANIFEST))),
        ageMs: Date.now() - (stat.mtime?.getTime() ?? 0),
      });
    }
    return found;
  }

  async holds(topic: string): Promise<boolean> {
    return await statIfThere(this.#markOf(topic)) !== undefined;
  }

  async firstPartitions(topic: string, count: number): Promise<number> {
    const folder = join(this.#home, STARTS);
    await makeFolder(folder);
    const text = await makeOnce(join(folder, folderName(topic)), `${count}`);
    if (!/^\d{1,9}$/.test(text)) throw new Error(`${join(folder, folderName(topic))} does not hold a number`);
    return Number(text);
  }

  async *files(): AsyncGenerator<string> {
    // One of these folders may lie within another.
    const seen = new Set<string>();
    for (const folder of [this.#output, ...this.#alsoInto]) {
      for await (const path of parquetFiles(folder)) {
        if (!seen.has(path)) yield path;
        seen.add(path);
      }
    }
  }

  async #mark(topic: string): Promise<void> {
    if (this.#marked.has(topic)) return;
    await makeFolder(join(this.#home, TOPICS));
    await writeDurably(this.#markOf(topic), new Uint8Array());
    await syncFolder(join(this.#home, TOPICS));
    this.#marked.add(topic);
  }

  #markOf(topic: string): string {
    return join(this.#home, TOPICS, folderName(topic));
  }

  async discard(ref: CheckpointRef): Promise<void> {
    const folder = this.#folder(ref);
    // The manifest goes first: without it nobody can publish what is left, should this be interrupted.
    await removeIfThere(join(folder, MANIFEST));
    await faultPoint("discard-manifest-removed");
    await removeIfThere(folder, { recursive: true });
  }

  async quarantine(ref: CheckpointRef): Promise<void> {
    const shelf = join(this.#home, QUARANTINE);
    await makeFolder(shelf);
    try {
      await Deno.rename(this.#folder(ref), join(shelf, nameOf(ref)));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await syncFolder(shelf);
    await syncFolder(this.#home);
  }

  #folder(ref: CheckpointRef): string {
    return join(this.#home, nameOf(ref));
  }
}

class LocalPreparation implements Preparation {
  readonly #ref: CheckpointRef;
  readonly #place: { folder: string; home: string; output: string; store: string };
  readonly #files: ManifestFile[] = [];

  constructor(ref: CheckpointRef, place: { folder: string; home: string; output: string; store: string }) {
    this.#ref = ref;
    this.#place = place;
  }

  async write(file: FileToPrepare): Promise<void> {
    const temporary = `${this.#files.length}.parquet.tmp`;
    this.#files.push({ temporary, final: file.final, rows: file.rows, bytes: file.bytes.length });
    await writeDurably(join(this.#place.folder, temporary), file.bytes, () => faultPoint("file-written"));
    await faultPoint("file-synced");
  }

  async seal(topic: string, ranges: readonly PartitionRange[]): Promise<void> {
    const { folder, home, output, store } = this.#place;
    const folders = new Set(this.#files.map((file) => dirname(join(output, file.final))));
    for (const final of folders) await makeFolder(final);
    const text = formatManifest({ ...this.#ref, store, topic, ranges, files: this.#files });
    const temporary = join(folder, `${MANIFEST}.tmp`);
    await writeDurably(temporary, new TextEncoder().encode(text));
    await faultPoint("manifest-written");
    await Deno.rename(temporary, join(folder, MANIFEST));
    await faultPoint("manifest-renamed");
    await syncFolder(folder);
    await faultPoint("folder-synced");
    await syncFolder(home);
    await faultPoint("home-synced");
  }
}

function nameOf(ref: CheckpointRef): string {
  return `${ref.generation}-${ref.id}`;
}

/** A group's name as one folder name: `.` and `..` are legal groups but no legal folders. */
function folderName(group: string): string {
  return encodeURIComponent(group).replace(/^\./, "%2E");
}

/**
 * Gives `temporary` its final name and takes the old one away; whatever of that is done already is left as it is.
 *
 * @returns false where the file is under neither name.
 * @throws Error where another file has the final name.
 */
async function moveWithoutOverwriting(temporary: string, final: string): Promise<boolean> {
  try {
    await Deno.link(temporary, final);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return await statIfThere(final) !== undefined;
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    const [old, there] = [await statIfThere(temporary), await statIfThere(final)];
    if (old !== undefined && (old.ino !== there?.ino || old.dev !== there?.dev)) {
      throw new Error(`${final} is there already and is not the file that was prepared for it`);
    }
  }
  await faultPoint("file-linked");
  await removeIfThere(temporary);
  await faultPoint("file-unlinked");
  return true;
}

/** Reads the store's id, or makes it. */
async function makeStore(path: string): Promise<string> {
  const store = await makeOnce(path, crypto.randomUUID().replaceAll("-", ""));
  if (!/^[0-9a-f]{32}$/.test(store)) {
    throw new UserError(`${path} does not hold a store id but ${JSON.stringify(store.slice(0, 40))}`, {
      hint: "Restore the file from a backup, or move the archive's files to a new --output folder.",
    });
  }
  return store;
}

/** Makes a file of one line where it is not there; of several processes that do, one wins. @returns what it holds. */
async function makeOnce(path: string, line: string): Promise<string> {
  if (await readIfThere(path) === undefined) {
    const temporary = `${path}.${crypto.randomUUID()}`;
    await writeDurably(temporary, new TextEncoder().encode(`${line}\n`));
    try {
      await Deno.link(temporary, path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
    await removeIfThere(temporary);
    await syncFolder(dirname(path));
  }
  return (await readIfThere(path) ?? "").trim();
}

/** What `prepare` gives. @throws UserError that names the folder and its flag where it fails. */
async function usable<T>(folder: string, flag: string, prepare: () => Promise<T>): Promise<T> {
  try {
    return await prepare();
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`Cannot write to ${folder}: ${reasonOf(cause)}`, {
      hint: `Give ${flag} a folder on a local disk that this user may write to.`,
      cause,
    });
  }
}

/** In plain words where the runtime speaks of its own flags, which nobody can give to a compiled program. */
function reasonOf(error: unknown): string {
  return error instanceof Deno.errors.NotCapable
    ? "this program was not given the right to write there"
    : messageOf(error);
}

/** Makes, links and removes a small file, so that a file system that cannot do it is found before any data is. */
async function tryLink(home: string, folder: string): Promise<void> {
  const name = `.try-${crypto.randomUUID()}`;
  const [from, to] = [join(home, name), join(folder, name)];
  try {
    await writeDurably(from, new Uint8Array(1));
    await Deno.link(from, to);
  } catch (cause) {
    throw new UserError(`Cannot move files from ${home} to ${folder}: ${reasonOf(cause)}`, {
      hint: "Both must be on the same file system, writable, and that file system must have hard links.",
      cause,
    });
  } finally {
    await removeIfThere(to);
    await removeIfThere(from);
  }
}

/** The `.parquet` files below a folder, those of our own home left out. */
async function* parquetFiles(folder: string): AsyncGenerator<string> {
  if (await statIfThere(folder) === undefined) return;
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory && entry.name !== HOME) yield* parquetFiles(path);
    else if (entry.isFile && entry.name.endsWith(".parquet")) yield path;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
