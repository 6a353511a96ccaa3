/** A local folder as sink; `place.ts` says what lies where. */
import { dirname, join } from "node:path";
import { faultPoint } from "../fault.ts";
import { parseManifest } from "./manifest.ts";
import {
  makeFolder,
  publishedFiles,
  readIfThere,
  removeIfThere,
  statIfThere,
  syncFolder,
  writeDurably,
} from "./files.ts";
import { LocalPreparation } from "./local_preparation.ts";
import {
  CHECKPOINT_FOLDER,
  HOME,
  homeOf,
  isBelow,
  MANIFEST,
  markOf,
  nameOf,
  type Place,
  QUARANTINE,
  readStart,
  startOf,
  told,
} from "./place.ts";
import type { CheckpointRef, Manifest, Preparation, PreparedCheckpoint, Published, Sink } from "./sink.ts";
import { checkStore, makeOnce, makeStore } from "./store.ts";
import { ALSO_INTO_FLAG, OUTPUT_FLAG, tryLink, usable } from "./try_folder.ts";

export interface LocalSinkOptions {
  /** Folder of the published data files. */
  readonly output: string;
  /** Folders that published files may go to besides `output`: on the same file system. */
  readonly alsoInto?: readonly string[];
  readonly cluster: string;
  readonly group: string;
}

export class LocalSink implements Sink {
  readonly store: string;
  /** Nothing was archived here before. */
  readonly isNew: boolean;
  readonly #place: Place;
  readonly #alsoInto: readonly string[];
  /** Topics whose mark is known to be there. */
  readonly #marked = new Set<string>();

  private constructor(
    place: Place,
    { alsoInto, isNew }: { alsoInto: readonly string[]; isNew: boolean },
  ) {
    this.store = place.store;
    this.isNew = isNew;
    this.#place = place;
    this.#alsoInto = alsoInto;
  }

  /**
   * Makes the folders and the store id where they are not there yet, and tries out what the protocol needs. From then
   * on a folder that is gone is waited for, never made again.
   *
   * @throws UserError where the folder cannot be made or written, or its file system has no hard links.
   */
  static async open(options: LocalSinkOptions): Promise<LocalSink> {
    const { output, alsoInto = [] } = options;
    const { root, home } = homeOf(output, options);
    const { store, isNew } = await usable(output, OUTPUT_FLAG, async () => {
      await makeFolder(home);
      return await makeStore(root);
    });
    for (const folder of alsoInto) await usable(folder, ALSO_INTO_FLAG, () => makeFolder(folder));
    for (const folder of [output, ...alsoInto]) await tryLink(home, folder);
    return new LocalSink({ output, root, home, store }, { alsoInto, isNew });
  }

  begin(ref: CheckpointRef): Promise<Preparation> {
    return this.#told(async () => {
      const { root, home, store } = this.#place;
      await checkStore(root, store);
      await makeFolder(home, root);
      const folder = this.#folder(ref);
      await makeFolder(folder, home);
      await faultPoint("folder-made");
      return new LocalPreparation(ref, { ...this.#place, folder });
    });
  }

  publish(ref: CheckpointRef): Promise<Published> {
    return this.#told(async () => {
      await faultPoint("before-publish");
      const { root, store } = this.#place;
      const folder = this.#folder(ref);
      const manifest = parseManifest(await readIfThere(join(folder, MANIFEST)));
      if (manifest === "none") {
        // Where the disk is gone, so is the manifest, and nobody has published anything.
        await checkStore(root, store);
        return { found: false, missing: [] };
      }
      if (manifest === "unreadable") throw new Error(`${join(folder, MANIFEST)} cannot be read`);
      const missing = await this.#moveAll(folder, manifest);
      await this.#mark(manifest.topic);
      await faultPoint("topic-marked");
      await checkStore(root, store);
      // Only now, with the final names durable, may the manifest that could repeat them go.
      await removeIfThere(join(folder, MANIFEST));
      await faultPoint("manifest-removed");
      await removeIfThere(folder, { recursive: true });
      await faultPoint("folder-removed");
      return { found: true, missing };
    });
  }

  /** @returns the final names of files that are nowhere. */
  async #moveAll(folder: string, { files }: Manifest): Promise<string[]> {
    const { output } = this.#place;
    const missing: string[] = [];
    const folders = new Set<string>();
    for (const { temporary, final } of files) {
      const path = join(output, final);
      await told(dirname(path), async () => {
        await makeFolder(dirname(path), isBelow(path, output) ? output : undefined);
        if (!await linkWithoutOverwriting(join(folder, temporary), path)) missing.push(final);
      });
      folders.add(dirname(path));
    }
    for (const path of folders) await told(path, () => syncFolder(path));
    await faultPoint("final-synced");
    // Not before: a power cut may keep the removal of one name and not the making of the other.
    for (const { temporary } of files) {
      await removeIfThere(join(folder, temporary));
      await faultPoint("file-unlinked");
    }
    return missing;
  }

  list(): Promise<PreparedCheckpoint[]> {
    return this.#told(() => this.#listIn(this.#place.home));
  }

  quarantined(): Promise<PreparedCheckpoint[]> {
    return this.#told(() => this.#listIn(this.#shelf));
  }

  /** The checkpoints in a folder; none where there is no such folder. */
  async #listIn(folder: string): Promise<PreparedCheckpoint[]> {
    const { root, store } = this.#place;
    const found: PreparedCheckpoint[] = [];
    try {
      for await (const entry of Deno.readDir(folder)) {
        const match = CHECKPOINT_FOLDER.exec(entry.name);
        if (!match) continue;
        const path = join(folder, entry.name);
        const stat = await statIfThere(path);
        if (stat === undefined) continue;
        found.push({
          ref: { generation: Number(match[1]), id: match[2]! },
          manifest: parseManifest(await readIfThere(join(path, MANIFEST))),
          ageMs: Date.now() - (stat.mtime?.getTime() ?? 0),
        });
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await checkStore(root, store);
    return found;
  }

  holds(topic: string): Promise<boolean> {
    return this.#told(async () => {
      const isMarked = await statIfThere(this.#markOf(topic)) !== undefined;
      await checkStore(this.#place.root, this.#place.store);
      return isMarked;
    });
  }

  firstPartitions(topic: string, count: number): Promise<number> {
    return this.#told(async () => {
      const { root, home, store } = this.#place;
      await checkStore(root, store);
      const path = startOf(home, topic);
      await makeFolder(dirname(path), root);
      return readStart(path, await makeOnce(path, `${count}`));
    });
  }

  async *files(): AsyncGenerator<string> {
    yield* publishedFiles([this.#place.output, ...this.#alsoInto], HOME);
    await this.#told(() => checkStore(this.#place.root, this.#place.store));
  }

  async #mark(topic: string): Promise<void> {
    if (this.#marked.has(topic)) return;
    const path = this.#markOf(topic);
    await makeFolder(dirname(path), this.#place.root);
    await writeDurably(path, new Uint8Array());
    await syncFolder(dirname(path));
    this.#marked.add(topic);
  }

  #markOf(topic: string): string {
    return markOf(this.#place.home, topic);
  }

  discard(ref: CheckpointRef): Promise<void> {
    return this.#told(async () => {
      const folder = this.#folder(ref);
      // The manifest goes first: without it nobody can publish what is left, should this be interrupted.
      await removeIfThere(join(folder, MANIFEST));
      await faultPoint("discard-manifest-removed");
      await removeIfThere(folder, { recursive: true });
    });
  }

  quarantine(ref: CheckpointRef): Promise<void> {
    return this.#told(async () => {
      const { root, home, store } = this.#place;
      await checkStore(root, store);
      await makeFolder(this.#shelf, root);
      try {
        await Deno.rename(this.#folder(ref), join(this.#shelf, nameOf(ref)));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      await syncFolder(this.#shelf);
      await syncFolder(home);
    });
  }

  dropQuarantined(ref: CheckpointRef): Promise<void> {
    return this.#told(() => removeIfThere(join(this.#shelf, nameOf(ref)), { recursive: true }));
  }

  #told<T>(body: () => Promise<T>): Promise<T> {
    return told(this.#place.output, body);
  }

  get #shelf(): string {
    return join(this.#place.home, QUARANTINE);
  }

  #folder(ref: CheckpointRef): string {
    return join(this.#place.home, nameOf(ref));
  }
}

/**
 * Gives `temporary` its final name besides the one it has; where it has it already, nothing happens.
 *
 * @returns false where the file is under neither name.
 * @throws Error where another file has the final name.
 */
export async function linkWithoutOverwriting(temporary: string, final: string): Promise<boolean> {
  try {
    await Deno.link(temporary, final);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      // It may as well be the final folder that is not there any more.
      if (await statIfThere(temporary) !== undefined) throw error;
      return await statIfThere(final) !== undefined;
    }
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    const [old, there] = [await statIfThere(temporary), await statIfThere(final)];
    if (old !== undefined && (old.ino !== there?.ino || old.dev !== there?.dev)) {
      throw new Error(`${final} is there already and is not the file that was prepared for it`);
    }
  }
  await faultPoint("file-linked");
  return true;
}
