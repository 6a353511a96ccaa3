/**
 * A disk of one host as a crash leaves it: what was written and not synced may be there afterwards or not, each file
 * and each name for itself, whatever the order in which they were made. Stricter than any file system in use.
 */
import { type Process, replaceAll, type World } from "./world.ts";

export interface File {
  readonly kind: "file";
  readonly ino: number;
  content: Uint8Array;
  /** What is certain to survive; undefined before the first sync. */
  durable: Uint8Array | undefined;
  mtimeMs: number;
  /** A sync has failed: the pages are dropped and marked clean, so that later syncs succeed and keep nothing. */
  isBroken: boolean;
}

export interface Folder {
  readonly kind: "folder";
  readonly ino: number;
  readonly entries: Map<string, File | Folder>;
  durable: Map<string, File | Folder>;
  mtimeMs: number;
}

/** What the invariants watch; each is called when it has happened. */
export interface DiskWatch {
  linked(host: string, of: { from: string; to: string; file: File }): void;
  removed(host: string, of: { path: string; entry: File | Folder }): void;
  renamed(host: string, of: { from: string; to: string; replaced: File | Folder | undefined }): void;
  written(host: string, of: { path: string; file: File }): void;
}

/** How likely each operation fails, and with what. */
export interface DiskTrouble {
  readonly chance: number;
  readonly codes: readonly string[];
}

const LATENCY_MS = 2;

/** Of all disks: the program remembers folders by their inodes, for all processes that share this one's memory. */
let inodes = 0;

export class Disk {
  readonly host: string;
  root: Folder;
  trouble: DiskTrouble | undefined;
  /** System calls that have failed by trouble. */
  failures = 0;
  readonly #world: World;

  constructor(host: string, world: World) {
    this.host = host;
    this.#world = world;
    this.root = this.#folder();
  }

  find(path: string): File | Folder | undefined {
    let at: File | Folder | undefined = this.root;
    for (const name of parts(path)) at = at?.kind === "folder" ? at.entries.get(name) : undefined;
    return at;
  }

  /** Whether a path is certain to survive a crash, content included. */
  isDurable(path: string): boolean {
    let at: File | Folder | undefined = this.root;
    for (const name of parts(path)) at = at?.kind === "folder" ? at.durable.get(name) : undefined;
    return at?.kind === "folder" ||
      (at !== undefined && at.durable !== undefined && at.durable === at.content);
  }

  /** All files below a folder, by path. */
  *files(path: string): Generator<[path: string, file: File]> {
    const folder = this.find(path);
    if (folder?.kind !== "folder") return;
    for (const [name, entry] of folder.entries) {
      if (entry.kind === "file") yield [`${path}/${name}`, entry];
      else yield* this.files(`${path}/${name}`);
    }
  }

  /** The machine loses power, and starts again. */
  crash(): void {
    const seen = new Set<number>();
    const settle = (entry: File | Folder) => {
      if (seen.has(entry.ino)) return;
      seen.add(entry.ino);
      const { random } = this.#world;
      if (entry.kind === "file") {
        if (entry.durable !== entry.content) {
          entry.content = entry.durable ??
            (random.chance(0.5) && !entry.isBroken ? entry.content : new Uint8Array());
        }
        entry.durable = entry.content;
        entry.isBroken = false;
        return;
      }
      for (const name of new Set([...entry.entries.keys(), ...entry.durable.keys()])) {
        const [now, safe] = [entry.entries.get(name), entry.durable.get(name)];
        const after = now === safe || random.chance(0.5) ? now : safe;
        if (after === undefined) entry.entries.delete(name);
        else entry.entries.set(name, after);
      }
      entry.durable = new Map(entry.entries);
      for (const child of entry.entries.values()) settle(child);
    };
    settle(this.root);
  }

  async open(path: string, options: Deno.OpenOptions) {
    const entry = await this.#op(`open ${path}`, () => {
      const found = this.find(path);
      if (found !== undefined || !options.create) return found ?? missing(path);
      const [folder, name] = this.#parent(path);
      const file: File = {
        kind: "file",
        ino: ++inodes,
        content: new Uint8Array(),
        durable: undefined,
        mtimeMs: this.#world.nowMs,
        isBroken: false,
      };
      folder.entries.set(name, file);
      folder.mtimeMs = this.#world.nowMs;
      return file;
    });
    return {
      write: (bytes: Uint8Array) =>
        this.#op(`write ${path}`, () => {
          if (entry.kind === "folder") throw new Error("a folder cannot be written");
          // A copy: the program gives the memory back after publishing.
          entry.content = bytes.slice();
          entry.isBroken = false;
          entry.mtimeMs = this.#world.nowMs;
          this.watch?.written(this.host, { path, file: entry });
          return bytes.length;
        }),
      sync: () =>
        this.#op(`sync ${path}`, () => {
          if (entry.kind === "folder") entry.durable = new Map(entry.entries);
          else if (!entry.isBroken) entry.durable = entry.content;
        }, () => {
          if (entry.kind === "file") entry.isBroken = true;
        }),
      [Symbol.dispose]: () => {},
    };
  }

  watch: DiskWatch | undefined;

  async mkdir(path: string): Promise<void> {
    await this.#op(`mkdir ${path}`, () => {
      const [folder, name] = this.#parent(path);
      if (folder.entries.has(name)) throw new Deno.errors.AlreadyExists(path);
      folder.entries.set(name, this.#folder());
      folder.mtimeMs = this.#world.nowMs;
    });
  }

  stat(path: string) {
    return this.#op(`stat ${path}`, () => {
      const entry = this.find(path) ?? missing(path);
      return {
        isDirectory: entry.kind === "folder",
        isFile: entry.kind === "file",
        ino: entry.ino,
        dev: 1,
        mtime: new Date(Date.now() - this.#world.nowMs + entry.mtimeMs),
      };
    });
  }

  readTextFile(path: string): Promise<string> {
    return this.#op(`read ${path}`, () => {
      const entry = this.find(path);
      if (entry?.kind !== "file") return missing(path);
      return new TextDecoder().decode(entry.content);
    });
  }

  async *readDir(path: string): AsyncGenerator<{ name: string; isDirectory: boolean; isFile: boolean }> {
    yield* await this.#op(`list ${path}`, () => {
      const entry = this.find(path);
      if (entry?.kind !== "folder") return missing(path);
      return [...entry.entries].map(([name, { kind }]) => ({
        name,
        isDirectory: kind === "folder",
        isFile: kind === "file",
      }));
    });
  }

  link(from: string, to: string): Promise<void> {
    return this.#op(`link ${from} ${to}`, () => {
      const file = this.find(from);
      if (file?.kind !== "file") return missing(from);
      const [folder, name] = this.#parent(to);
      if (folder.entries.has(name)) throw new Deno.errors.AlreadyExists(to);
      folder.entries.set(name, file);
      folder.mtimeMs = this.#world.nowMs;
      this.watch?.linked(this.host, { from, to, file });
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#op(`rename ${from} ${to}`, () => {
      const entry = this.find(from) ?? missing(from);
      const [source, name] = this.#parent(from);
      const [folder, newName] = this.#parent(to);
      const replaced = folder.entries.get(newName);
      source.entries.delete(name);
      folder.entries.set(newName, entry);
      source.mtimeMs = folder.mtimeMs = this.#world.nowMs;
      this.watch?.renamed(this.host, { from, to, replaced });
    });
  }

  async remove(path: string, options: Deno.RemoveOptions = {}): Promise<void> {
    if (options.recursive && this.find(path)?.kind === "folder") {
      for await (const { name } of this.readDir(path)) {
        await this.remove(`${path}/${name}`, options).catch((error) => {
          if (!(error instanceof Deno.errors.NotFound)) throw error;
        });
      }
    }
    await this.#op(`remove ${path}`, () => {
      const entry = this.find(path) ?? missing(path);
      if (entry.kind === "folder" && entry.entries.size > 0) throw new Error(`${path} is not empty`);
      const [folder, name] = this.#parent(path);
      folder.entries.delete(name);
      folder.mtimeMs = this.#world.nowMs;
      this.watch?.removed(this.host, { path, entry });
    });
  }

  #parent(path: string): [folder: Folder, name: string] {
    const at = path.lastIndexOf("/");
    const folder = this.find(path.slice(0, at) || "/");
    if (folder?.kind !== "folder") return missing(path);
    return [folder, path.slice(at + 1)];
  }

  #folder(): Folder {
    return {
      kind: "folder",
      ino: ++inodes,
      entries: new Map(),
      durable: new Map(),
      mtimeMs: this.#world.nowMs,
    };
  }

  /** One system call: happens a moment later, whole, or fails. */
  #op<T>(what: string, effect: () => T, onFailure?: () => void): Promise<T> {
    const world = this.#world;
    return new Promise((resolve, reject) => {
      const kernel = () => {
        const { trouble } = this;
        if (trouble !== undefined && world.random.chance(trouble.chance)) {
          const code = world.random.pick(trouble.codes);
          world.say(() => `${what}: ${code}`);
          onFailure?.();
          this.failures++;
          throw Object.assign(new Error(`${code} (os error)`), { code });
        }
        world.say(() => what);
        return effect();
      };
      world.after(world.random.next() * LATENCY_MS, world.current, () => {
        let value: T;
        try {
          value = kernel();
        } catch (error) {
          return reject(error);
        }
        resolve(value);
      }, { kernel: () => quietly(kernel) });
    });
  }
}

function quietly(body: () => void): void {
  try {
    body();
  } catch {
    // Nobody is left to hear of it.
  }
}

function missing(path: string): never {
  throw new Deno.errors.NotFound(path);
}

function parts(path: string): string[] {
  return path === "/" ? [] : path.split("/").slice(1);
}

/** Puts the disks of the hosts in the place of Deno's files. @returns what puts those back. */
export function installDisks(world: World, diskOf: (process: Process) => Disk): () => void {
  const disk = () => diskOf(world.current!);
  return replaceAll([[Deno, {
    open: (path: string, options: Deno.OpenOptions) => disk().open(path, options),
    mkdir: (path: string) => disk().mkdir(path),
    stat: (path: string) => disk().stat(path),
    readTextFile: (path: string) => disk().readTextFile(path),
    readDir: (path: string) => disk().readDir(path),
    link: (from: string, to: string) => disk().link(from, to),
    rename: (from: string, to: string) => disk().rename(from, to),
    remove: (path: string, options?: Deno.RemoveOptions) => disk().remove(path, options),
  }]]);
}
