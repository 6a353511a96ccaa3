/** Writing one checkpoint to a local disk, up to its manifest. */
import { dirname, join } from "node:path";
import { faultPoint } from "../fault.ts";
import type { PartitionRange } from "../model.ts";
import { makeFolder, syncFolder, writeDurably } from "./files.ts";
import { formatManifest } from "./manifest.ts";
import { isBelow, MANIFEST, type Place, told } from "./place.ts";
import type { CheckpointRef, FileToPrepare, ManifestFile, Preparation } from "./sink.ts";
import { checkStore } from "./store.ts";

export class LocalPreparation implements Preparation {
  readonly #ref: CheckpointRef;
  readonly #place: Place & { readonly folder: string };
  readonly #files: ManifestFile[] = [];

  constructor(ref: CheckpointRef, place: Place & { readonly folder: string }) {
    this.#ref = ref;
    this.#place = place;
  }

  write(file: FileToPrepare): Promise<void> {
    const temporary = `${this.#files.length}.parquet.tmp`;
    this.#files.push({ temporary, final: file.final, rows: file.rows, bytes: file.bytes.length });
    return told(this.#place.output, async () => {
      await faultPoint("before-write");
      await writeDurably(join(this.#place.folder, temporary), file.bytes, () => faultPoint("file-written"));
      await faultPoint("file-synced");
    });
  }

  seal(topic: string, ranges: readonly PartitionRange[]): Promise<void> {
    return told(this.#place.output, async () => {
      const { folder, root, home, output, store } = this.#place;
      for (const path of new Set(this.#files.map((file) => join(output, dirname(file.final))))) {
        await told(path, () => makeFolder(path, isBelow(path, output) ? output : undefined));
      }
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
      // What was written to another disk since `begin` would be durable in the wrong place.
      await checkStore(root, store);
    });
  }
}
