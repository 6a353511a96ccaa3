/**
 * Exchanging a visible file for others, exactly once and without Kafka. Everything of one exchange lies in a folder of
 * its own:
 *
 *     OUT/.kafka2parquet/redrive/<id>/0.parquet.tmp 1.parquet.tmp … manifest.json
 *     OUT/.kafka2parquet/redrive/<id>/source.parquet.tmp       the file itself, once the exchange is committed
 *
 * 1. **Prepare**: the files that come in its place, fsynced, and a manifest with the checksum of what was read.
 * 2. **Commit**: one rename of the source into the folder. Whoever finds it there, unchanged, knows that the exchange
 *    is committed; of two that want the same source, one has it.
 * 3. **Publish**: the files get their final names, then the source goes, and the manifest last.
 *
 * So a record stands in the source, or in none of the visible files for a moment, or in what has come in its place,
 * and never in both. Recovery publishes what was committed and removes what was not. A lock keeps it from taking the
 * preparation of a living process for what a dead one has left.
 */
import { createHash } from "node:crypto";
import { dirname, join, relative, resolve } from "node:path";
import { UserError } from "../errors.ts";
import { faultPoint } from "../fault.ts";
import {
  type ExchangeManifest,
  type Fingerprint,
  formatExchange,
  parseExchange,
} from "./exchange_manifest.ts";
import { makeFolder, readIfThere, removeIfThere, statIfThere, syncFolder, writeDurably } from "./files.ts";
import { linkWithoutOverwriting } from "./local.ts";
import { EXCHANGES, HOME, isBelow, MANIFEST, told } from "./place.ts";
import { SinkError } from "./problems.ts";
import type { FileToPrepare, ManifestFile } from "./sink.ts";
import { tryLink, usable } from "./try_folder.ts";

export const EXCHANGE_FOLDER = /^[0-9a-f]{32}$/;
/** The name of what was exchanged, while its exchange is committed and not published whole. */
export const SOURCE = "source.parquet.tmp";
const LOCK = "lock";
const READ_BYTES = 1024 * 1024;

/** An exchange that is published. */
export interface Done {
  readonly kind: "done";
  /** Where the file was. */
  readonly source: string;
  /** Final names of what came in its place. */
  readonly files: readonly string[];
  /** Final names of files that are nowhere. */
  readonly missing: readonly string[];
}

/**
 * What became of a wish to exchange a file. `gone`: it was not there any more, because somebody else has exchanged or
 * removed it. `changed`: it is another file than the one that was read.
 */
export type Exchanged = Done | Other<"gone"> | Other<"changed">;

interface Other<Kind extends string> {
  readonly kind: Kind;
}

export class LocalExchange implements Disposable {
  readonly #output: string;
  readonly #home: string;
  readonly #lock: Deno.FsFile;

  private constructor(of: { output: string; home: string; lock: Deno.FsFile }) {
    this.#output = of.output;
    this.#home = of.home;
    this.#lock = of.lock;
  }

  /**
   * @param output folder of the archive, which is never made.
   * @param sources folder of the files to be exchanged: on the same file system.
   * @throws UserError where the folders cannot do what it takes, or another process is at work there.
   */
  static async open(of: { readonly output: string; readonly sources: string }): Promise<LocalExchange> {
    const [output, sources] = [resolve(of.output), resolve(of.sources)];
    const home = join(output, HOME, EXCHANGES);
    const lock = await usable(of.output, "--output", async () => {
      await makeFolder(home, output);
      return await Deno.open(join(home, LOCK), { write: true, create: true });
    });
    try {
      if (!await usable(of.output, "--output", () => lock.tryLock(true))) {
        throw new UserError(`Another redrive is at work in ${of.output}`, {
          hint: "Let it come to its end. What it has done is not done again.",
        });
      }
      await tryLink(home, sources);
      return new LocalExchange({ output, home, lock });
    } catch (error) {
      lock.close();
      throw error;
    }
  }

  /** Publishes what a dead process has committed, and removes what it has not. */
  recover(): Promise<Done[]> {
    return told(this.#output, async () => {
      const names = (await Array.fromAsync(Deno.readDir(this.#home))).map(({ name }) => name);
      const recovered: Done[] = [];
      for (const name of names.filter((one) => EXCHANGE_FOLDER.test(one)).sort()) {
        const one = await this.#settle(join(this.#home, name));
        if (one.kind === "done") recovered.push(one);
      }
      return recovered;
    });
  }

  /** Exchanges `source`, as it was when it had this fingerprint, for these files. */
  replace(source: string, read: Fingerprint, files: readonly FileToPrepare[]): Promise<Exchanged> {
    return told(this.#output, async () => {
      const folder = join(this.#home, crypto.randomUUID().replaceAll("-", ""));
      const manifest = await this.#prepare(folder, { source: resolve(source), read, files }).catch(
        async (error) => {
          // It takes space that may be short; what this leaves, the next recovery takes.
          await this.#discard(folder).catch(() => {});
          throw error;
        },
      );
      const failure = await Deno.rename(source, join(folder, SOURCE)).then(
        () => undefined,
        (error) => ({ error }),
      );
      if (failure === undefined) await faultPoint("redrive-committed");
      const settled = await this.#settle(folder, manifest);
      if (settled.kind !== "discarded") return settled;
      if (failure?.error instanceof Deno.errors.NotFound && await statIfThere(source) === undefined) {
        return { kind: "gone" };
      }
      throw failure?.error ?? new Error(`${join(folder, SOURCE)} is gone`);
    });
  }

  async #prepare(
    folder: string,
    { source, read, files }: { source: string; read: Fingerprint; files: readonly FileToPrepare[] },
  ): Promise<ExchangeManifest> {
    await makeFolder(folder, this.#home);
    await faultPoint("redrive-folder-made");
    const prepared: ManifestFile[] = [];
    for (const { final, bytes, rows } of files) {
      const temporary = `${prepared.length}.parquet.tmp`;
      await writeDurably(join(folder, temporary), bytes);
      await faultPoint("redrive-file-written");
      prepared.push({ temporary, final, rows, bytes: bytes.length });
    }
    for (const path of new Set(files.map(({ final }) => dirname(join(this.#output, final))))) {
      await told(path, () => makeFolder(path, isBelow(path, this.#output) ? this.#output : undefined));
    }
    const manifest = { ...read, source: relative(this.#output, source), files: prepared };
    const temporary = join(folder, `${MANIFEST}.tmp`);
    await writeDurably(temporary, new TextEncoder().encode(formatExchange(manifest)));
    await faultPoint("redrive-manifest-written");
    await Deno.rename(temporary, join(folder, MANIFEST));
    await syncFolder(folder);
    await syncFolder(this.#home);
    await faultPoint("redrive-prepared");
    return manifest;
  }

  /** Ends an exchange by what is in its folder. */
  async #settle(
    folder: string,
    known?: ExchangeManifest,
  ): Promise<Done | Other<"changed"> | Other<"discarded">> {
    const manifest = known ?? parseExchange(await readIfThere(join(folder, MANIFEST)));
    const isCommitted = await statIfThere(join(folder, SOURCE)) !== undefined;
    if (manifest === "unreadable" || (manifest === "none" && isCommitted)) {
      throw new SinkError("other", `${join(folder, MANIFEST)} is not there, or cannot be read`, {
        hint:
          `A newer version may have written it. Else move ${SOURCE} in that folder, if it is there, back to ` +
          "the dead letters under a name that ends in .parquet, and remove the folder.",
      });
    }
    if (manifest === "none" || !isCommitted) {
      await this.#discard(folder);
      return { kind: "discarded" };
    }
    const { files } = manifest;
    const source = join(this.#output, manifest.source);
    // The name is gone from the one folder and not yet durable in the other: no final name may outlive that.
    await syncFolder(folder);
    await told(dirname(source), () => syncFolder(dirname(source)));
    await faultPoint("redrive-commit-synced");
    const { bytes, sha256 } = await fingerprintOf(join(folder, SOURCE));
    if (bytes !== manifest.bytes || sha256 !== manifest.sha256) {
      await this.#putBack(folder, source);
      return { kind: "changed" };
    }
    const missing = await this.#publish(folder, files);
    return { kind: "done", source, files: files.map(({ final }) => final), missing };
  }

  /** @returns the final names of files that are nowhere. */
  async #publish(folder: string, files: readonly ManifestFile[]): Promise<string[]> {
    const missing: string[] = [];
    for (const { temporary, final } of files) {
      const path = join(this.#output, final);
      await told(dirname(path), async () => {
        if (!await linkWithoutOverwriting(join(folder, temporary), path)) missing.push(final);
      });
    }
    for (const path of new Set(files.map(({ final }) => dirname(join(this.#output, final))))) {
      await told(path, () => syncFolder(path));
    }
    await faultPoint("redrive-published");
    for (const { temporary } of files) await removeIfThere(join(folder, temporary));
    await faultPoint("redrive-files-removed");
    await removeIfThere(join(folder, SOURCE));
    await faultPoint("redrive-source-removed");
    // A source without its manifest would say nothing of what has become of it.
    await syncFolder(folder);
    await this.#discard(folder);
    return missing;
  }

  async #putBack(folder: string, source: string): Promise<void> {
    await linkWithoutOverwriting(join(folder, SOURCE), source);
    await syncFolder(dirname(source));
    await removeIfThere(join(folder, SOURCE));
    await syncFolder(folder);
    await this.#discard(folder);
  }

  /** Removes what is prepared, and never a source: a folder that has one stays. */
  async #discard(folder: string): Promise<void> {
    await faultPoint("redrive-discarding");
    // The manifest goes first: without it nobody takes for whole what is left.
    await removeIfThere(join(folder, MANIFEST));
    await faultPoint("redrive-manifest-removed");
    for (const { name } of await Array.fromAsync(Deno.readDir(folder))) {
      if (name !== SOURCE) await removeIfThere(join(folder, name));
    }
    await removeIfThere(folder);
    await faultPoint("redrive-folder-removed");
  }

  /** Gives up the lock. */
  [Symbol.dispose](): void {
    this.#lock.close();
  }
}

/** The bytes of a file as they are now. */
export async function fingerprintOf(path: string): Promise<Fingerprint> {
  using file = await Deno.open(path);
  const hash = createHash("sha256");
  const buffer = new Uint8Array(READ_BYTES);
  let bytes = 0;
  for (let count = await file.read(buffer); count !== null; count = await file.read(buffer)) {
    hash.update(buffer.subarray(0, count));
    bytes += count;
  }
  return { bytes, sha256: hash.digest("hex") };
}
