/**
 * What must hold whatever happens: the invariants of the protocol, looked at in each step from outside of the
 * program.
 */
import { dirname, join } from "node:path";
import { type CommitMetadata, parseMetadata } from "../../src/checkpoint/mod.ts";
import { parseManifest } from "../../src/sink/manifest.ts";
import type { Manifest } from "../../src/sink/mod.ts";
import type { Disk, DiskWatch, File, Folder } from "./disk.ts";
import type { Accepted } from "./group.ts";
import { PartitionLog } from "./log.ts";
import type { ClusterWatch } from "./network.ts";
import type { World } from "./world.ts";

export const OUTPUT = "/data";
export const DEAD_LETTER = "/dead";
const ROOT = `${OUTPUT}/.kafka2parquet`;
const CHECKPOINT = /^(\/data\/\.kafka2parquet\/[^/]+\/[^/]+\/(\d+)-([0-9a-f]{32}))(?:\/(.+))?$/;
const MANIFEST = "manifest.json";

/** What stands in a file of the model instead of Parquet. */
export interface FileContent {
  readonly topic: string;
  /** Of the records. */
  readonly ids: readonly number[];
  readonly ranges: readonly {
    partition: number;
    first: number;
    next: number;
    kept: number;
    skipped: number;
  }[];
}

interface Prepared {
  readonly manifest: Manifest;
  readonly disk: Disk;
  readonly folder: string;
}

export class Truth implements DiskWatch, ClusterWatch {
  readonly #world: World;
  readonly #disks: ReadonlyMap<string, Disk>;
  readonly #topics: ReadonlyMap<string, readonly PartitionLog[]>;
  /** The generation that the group is in. */
  readonly #generation: () => number;
  /** Checkpoints by id, as their manifests have said. */
  readonly #prepared = new Map<string, Prepared>();
  readonly #sent = new Set<string>();
  /** The partitions for which a checkpoint was accepted. */
  readonly #accepted = new Map<string, Set<number>>();
  /** Visible records: id → where. */
  readonly #visible = new Map<number, string>();
  /** By partition: from where on records are owed. */
  readonly #from = new Map<string, number>();

  constructor(
    world: World,
    parts: {
      disks: ReadonlyMap<string, Disk>;
      topics: ReadonlyMap<string, readonly PartitionLog[]>;
      generation: () => number;
    },
  ) {
    this.#world = world;
    this.#disks = parts.disks;
    this.#topics = parts.topics;
    this.#generation = parts.generation;
  }

  get visibleCount(): number {
    return this.#visible.size;
  }

  commitSent(checkpoint: string): void {
    this.#sent.add(checkpoint);
  }

  fetched(topic: string, partition: number, offset: number): void {
    this.#owedFrom(topic, partition, offset);
  }

  /** A commit was accepted: called before it is stored. */
  accepted({ topic, partition, generation, before, offset, metadata }: Accepted): void {
    const at = `${topic}[${partition}]`;
    this.#owedFrom(topic, partition, Number(offset));
    const now = parseMetadata(metadata);
    if (now === undefined) return this.#broken("I8", `a commit for ${at} without our metadata: ${metadata}`);
    const old = before === undefined ? undefined : parseMetadata(before.metadata);
    if (before?.offset === offset && before.metadata === metadata) return;
    if (before !== undefined && offset < before.offset) {
      return this.#broken("I5", `${at} is taken back from ${before.offset} to ${offset}`);
    }
    if (now.checkpoint !== undefined) {
      this.#checkFirst(at, now, before?.offset);
      this.#checkSession(at, { id: now.checkpoint, generation });
      this.#checkDurable(at, now.checkpoint);
      const accepted = this.#accepted.get(now.checkpoint) ?? new Set();
      this.#accepted.set(now.checkpoint, accepted.add(partition));
    } else if (before !== undefined && now.first > before.offset) {
      this.#broken("I5", `${at} goes on at ${now.first}, the last range ended at ${before.offset}`);
    }
    for (const checkpoint of old === undefined ? [] : namedBy(old)) {
      if ([...namedBy(now)].includes(checkpoint) || this.#isPublished(checkpoint)) continue;
      this.#broken("I2", `${short(checkpoint)} of ${at} is named by nobody any more and was not published`);
    }
  }

  linked(host: string, { from, to, file }: { from: string; to: string; file: File }): void {
    if (!isVisible(to)) return;
    const id = CHECKPOINT.exec(from)?.[3];
    const prepared = id === undefined ? undefined : this.#prepared.get(id);
    if (id === undefined || prepared === undefined) return this.#broken("I1", `${to} comes from ${from}`);
    const accepted = this.#accepted.get(id);
    const missing = prepared.manifest.ranges.filter(({ partition }) => !accepted?.has(partition));
    if (missing.length > 0) {
      const partitions = missing.map(({ topic, partition }) => `${topic}[${partition}]`).join(", ");
      return this.#broken("I1", `${short(id)} is visible and not committed for ${partitions}`);
    }
    this.#show(`${host}:${to}`, file);
  }

  removed(host: string, { path, entry }: { path: string; entry: File | Folder }): void {
    if (isVisible(path) && entry.kind === "file") return this.#broken("I6", `${path} of ${host} is removed`);
    const [, , , id, name] = CHECKPOINT.exec(path) ?? [];
    if (id === undefined || name === undefined) return;
    if (name === MANIFEST && !this.#isPublished(id)) {
      if (this.#accepted.has(id)) {
        this.#broken("I3", `the manifest of ${short(id)} is removed, and it is committed`);
      }
      const { generation } = this.#prepared.get(id)!.manifest;
      if (this.#sent.has(id) && this.#generation() <= generation) {
        this.#broken(
          "I7",
          `${short(id)} is given up in its own generation ${generation}, and may be committed`,
        );
      }
    }
    if (name.endsWith(".parquet.tmp") && this.#accepted.has(id) && entry.kind === "file") {
      const { manifest } = this.#prepared.get(id)!;
      const final = manifest.files.find(({ temporary }) => temporary === name)?.final;
      const disk = this.#disks.get(host)!;
      if (final !== undefined && disk.find(join(OUTPUT, final))?.ino !== entry.ino) {
        this.#broken("I3", `${name} of ${short(id)} is removed, is committed and not published`);
      }
    }
  }

  renamed(
    host: string,
    { from, to, replaced }: { from: string; to: string; replaced: File | Folder | undefined },
  ): void {
    if (isVisible(to) || (replaced !== undefined && isVisible(from))) {
      this.#broken("I6", `${from} becomes ${to}`);
    }
    if (to.includes("/quarantine/")) this.#broken("I3", `${from} is put into quarantine for no reason`);
    const [, folder, , id, name] = CHECKPOINT.exec(to) ?? [];
    if (folder === undefined || id === undefined || name !== MANIFEST) return;
    const disk = this.#disks.get(host)!;
    const file = disk.find(to) as File;
    const manifest = parseManifest(new TextDecoder().decode(file.content));
    if (typeof manifest === "string") {
      return this.#broken("I2", `the manifest of ${short(id)} is ${manifest}`);
    }
    this.#prepared.set(id, { manifest, disk, folder });
  }

  written(_host: string, { path }: { path: string }): void {
    if (isVisible(path)) this.#broken("I6", `${path} is written while visible`);
  }

  /** After a machine has lost power: what was committed is still there, visible or prepared. */
  crashed(host: string): void {
    for (const [id, path] of this.#visible) if (path.startsWith(`${host}:`)) this.#visible.delete(id);
    const disk = this.#disks.get(host)!;
    for (const folder of [OUTPUT, DEAD_LETTER]) {
      for (const [path, file] of disk.files(folder)) if (isVisible(path)) this.#show(`${host}:${path}`, file);
    }
    for (const id of this.#accepted.keys()) {
      const { manifest, folder, disk: of } = this.#prepared.get(id)!;
      if (of !== disk) continue;
      const hasManifest = disk.find(`${folder}/${MANIFEST}`) !== undefined;
      for (const { temporary, final } of manifest.files) {
        if (isWhole(disk.find(join(OUTPUT, final)))) continue;
        if (hasManifest && isWhole(disk.find(`${folder}/${temporary}`))) continue;
        this.#broken("I2", `${final} of ${short(id)}, committed, is gone after a power cut`);
      }
    }
  }

  /** Whether all that is owed can be seen. */
  isComplete(): boolean {
    return this.#firstMissing() === undefined;
  }

  /** At the end of the world, with all processes gone. */
  checkEnd(): void {
    const missing = this.#firstMissing();
    if (missing !== undefined) this.#broken("progress", `${missing} is in no file`);
    for (const [host, disk] of this.#disks) {
      for (const [path] of disk.files(ROOT)) {
        if (path.includes("/quarantine/") || CHECKPOINT.test(path)) {
          this.#broken("home", `${host} still has ${path}`);
        }
      }
    }
    this.#checkCoverage();
  }

  /** The ranges of all footers join without hole or overlap, and count what they hold. */
  #checkCoverage(): void {
    const ranges = new Map<string, FileContent["ranges"][number][]>();
    for (const disk of this.#disks.values()) {
      for (const folder of [OUTPUT, DEAD_LETTER]) {
        for (const [path, file] of disk.files(folder)) {
          if (!isVisible(path)) continue;
          const content = contentOf(file);
          for (const range of content.ranges) {
            const key = `${content.topic}/${range.partition}`;
            const list = ranges.get(key);
            if (list === undefined) ranges.set(key, [range]);
            else list.push(range);
          }
        }
      }
    }
    for (const [key, list] of ranges) {
      const [topic, partition] = key.split("/");
      const { owed } = this.#topics.get(topic!)![Number(partition)]!;
      let end = this.#from.get(key)!;
      for (const { first, next, kept, skipped } of list.toSorted((a, b) => a.first - b.first)) {
        if (first !== end) return this.#broken("I5", `${key}: footers cover ${end} to ${first} not once`);
        let [keptOwed, skippedOwed] = [0, 0];
        for (; end < next; end++) {
          const kind = owed.get(end);
          if (kind === "skipped") skippedOwed++;
          else if (kind !== undefined) keptOwed++;
        }
        // Skipped records that were committed without a file are counted in the next file of the same session only.
        if (kept !== keptOwed || skipped > skippedOwed) {
          return this.#broken("I5", `${key}: ${first} to ${next} counts ${kept} of ${keptOwed} records`);
        }
      }
    }
  }

  #firstMissing(): string | undefined {
    for (const [topic, logs] of this.#topics) {
      for (const [partition, log] of logs.entries()) {
        const from = this.#from.get(`${topic}/${partition}`) ?? 0;
        for (const [offset, kind] of log.owed) {
          if (offset < from || kind === "skipped" || this.#visible.has(idOf(topic, partition, offset))) {
            continue;
          }
          return `${topic}[${partition}] ${offset}`;
        }
      }
    }
    return undefined;
  }

  #owedFrom(topic: string, partition: number, offset: number): void {
    const key = `${topic}/${partition}`;
    if (offset < (this.#from.get(key) ?? Infinity)) this.#from.set(key, offset);
  }

  #checkFirst(at: string, { first, checkpoint }: CommitMetadata, before: bigint | undefined): void {
    if (before !== undefined && first === before) return;
    this.#broken(
      "I5",
      `${short(checkpoint!)} begins at ${first} of ${at}, the last range ended at ${before}`,
    );
  }

  #checkSession(at: string, { id, generation }: { id: string; generation: number }): void {
    const made = this.#prepared.get(id)?.manifest.generation;
    // Only the judge finishes a commit of an earlier generation, and only one that was accepted in part.
    if (made === generation || this.#accepted.has(id)) return;
    this.#broken(
      "I4",
      `${short(id)} of generation ${made} is committed for ${at} in generation ${generation}`,
    );
  }

  #checkDurable(at: string, id: string): void {
    const prepared = this.#prepared.get(id);
    if (prepared === undefined) {
      return this.#broken("I2", `${short(id)} is committed for ${at} and was never sealed`);
    }
    if (this.#isPublished(id)) return;
    const { manifest, disk, folder } = prepared;
    const paths = [MANIFEST, ...manifest.files.map(({ temporary }) => temporary)].map((name) =>
      `${folder}/${name}`
    );
    const lost = paths.find((path) => !disk.isDurable(path));
    if (lost !== undefined) {
      this.#broken("I2", `${short(id)} is committed for ${at}, and ${lost} is not durable`);
    }
  }

  /** Whether all files of a checkpoint are visible for good. */
  #isPublished(id: string): boolean {
    const prepared = this.#prepared.get(id);
    return prepared !== undefined &&
      prepared.manifest.files.every(({ final }) => prepared.disk.isDurable(join(OUTPUT, final)));
  }

  #show(where: string, file: File): void {
    const { ids, topic } = contentOf(file);
    for (const id of ids) {
      const there = this.#visible.get(id);
      if (there !== undefined && there !== where) {
        this.#broken("twice", `record ${id} is in ${there} and ${where}`);
      }
      this.#visible.set(id, where);
      if (!this.#isOwed(topic, id)) this.#broken("aborted", `record ${id} of ${topic} is in ${where}`);
    }
  }

  #isOwed(topic: string, id: number): boolean {
    return (this.#topics.get(topic) ?? []).some((log, partition) => {
      const kind = log.owed.get(id - idOf(topic, partition, 0));
      return kind === "row" || kind === "dead-letter";
    });
  }

  #broken(invariant: string, what: string): void {
    this.#world.violate(`${invariant}: ${what}`);
  }
}

/** The number of a partition among all: its records' ids begin with it. */
export function indexOf(topic: string, partition: number): number {
  return (topic.charCodeAt(0) - 96) * 10 + partition;
}

function idOf(topic: string, partition: number, offset: number): number {
  return PartitionLog.idOf(indexOf(topic, partition), offset);
}

function isWhole(entry: File | Folder | undefined): boolean {
  return entry?.kind === "file" && entry.content.length > 0;
}

/** What a power cut has emptied holds nothing. */
function contentOf(file: File): FileContent {
  if (!isWhole(file)) return { topic: "", ids: [], ranges: [] };
  return JSON.parse(new TextDecoder().decode(file.content));
}

function* namedBy({ checkpoint, pending }: CommitMetadata): Generator<string> {
  if (checkpoint !== undefined) yield checkpoint;
  yield* pending.values();
}

function isVisible(path: string): boolean {
  return path.endsWith(".parquet") && !dirname(path).startsWith(ROOT);
}

function short(checkpoint: string): string {
  return `checkpoint ${checkpoint.slice(0, 8)}`;
}
