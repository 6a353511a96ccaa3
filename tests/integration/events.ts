/** What the integration tests of the main job produce and how they check what came of it. */
import assert from "node:assert/strict";
import avsc from "avsc";
import { parseEntries, type RangeCounts } from "../../src/parquet/mod.ts";
import {
  type Archive,
  readArchive,
  type TempDir,
  type TestServers,
  type TopicOptions,
  uniqueName,
} from "../support/mod.ts";

export const SCHEMA = {
  type: "record",
  name: "Event",
  namespace: "test",
  fields: [
    { name: "id", type: "long" },
    { name: "kind", type: { type: "enum", name: "Kind", symbols: ["CREATED", "CHANGED"] } },
    { name: "note", type: ["null", "string"], default: null },
    {
      name: "customer",
      type: {
        type: "record",
        name: "Customer",
        fields: [
          { name: "name", type: "string" },
          {
            name: "address",
            type: { type: "record", name: "Address", fields: [{ name: "city", type: "string" }] },
          },
        ],
      },
    },
  ],
};

export const TYPE = avsc.Type.forSchema(SCHEMA as avsc.Schema);

export function event(id: number) {
  return {
    id,
    kind: id % 2 === 0 ? "CREATED" : "CHANGED",
    note: id % 3 === 0 ? null : `note ${id}`,
    customer: { name: `Zoë ${id}`, address: { city: `city ${id % 10}` } },
  };
}

/** A topic with its schema, a group and folders of its own: what one run of the program needs. */
export interface Job {
  readonly servers: TestServers;
  readonly topic: string;
  readonly group: string;
  readonly schemaId: number;
  readonly partitions: number;
  readonly output: string;
  readonly deadLetter: string;
  /** Flags for servers, topic, group and output. */
  readonly flags: string[];
  /** Events with the ids `[from, to)`, spread over the partitions. */
  produce(from: number, to: number, options?: { transaction?: "commit" | "abort" }): Promise<void>;
  archive(): Promise<Archive>;
}

export async function makeJob(
  servers: TestServers,
  folder: TempDir,
  options: Pick<TopicOptions, "partitions" | "config" | "replicationFactor"> = {},
): Promise<Job> {
  const partitions = options.partitions ?? 1;
  const topic = uniqueName("events");
  const group = uniqueName("group");
  // Some tests write records of years ago, which a broker would delete when it comes by.
  const config = { "retention.ms": "-1", ...options.config };
  await servers.createTopic(topic, { ...options, partitions, config });
  const schemaId = await servers.registerSchema(`${topic}-value`, SCHEMA);
  const output = `${folder.path}/parquet_data/data`;
  return {
    servers,
    topic,
    group,
    schemaId,
    partitions,
    output,
    deadLetter: `${folder.path}/parquet_data/dead_letter`,
    flags: [...servers.flags, "--topic", topic, "--group", group, "--output", output, "--log-format", "text"],
    async produce(from, to, options = {}) {
      const perPartition = Array.from({ length: partitions }, (): unknown[] => []);
      for (let id = from; id < to; id++) perPartition[id % partitions]!.push(event(id));
      for (const [partition, values] of perPartition.entries()) {
        if (values.length > 0) {
          await servers.produceAvro(topic, values, { schemaId, type: TYPE, partition, ...options });
        }
      }
    },
    archive: () => readArchive(output),
  };
}

/** Every id of `[from, to)` once, and no other. */
export function assertIds(archive: Archive, from: number, to: number, except: readonly number[] = []): void {
  const ids = archive.rows.map((row) => Number(row.id)).sort((a, b) => a - b);
  const wanted = Array.from({ length: to - from }, (_, i) => from + i).filter((id) => !except.includes(id));
  const seen = new Set(ids);
  assert.deepEqual(wanted.filter((id) => !seen.has(id)), [], "lost");
  assert.deepEqual(ids.filter((id, i) => ids[i - 1] === id), [], "duplicated");
  assert.equal(ids.length, wanted.length);
}

/** The ranges of all footers of files in the given folders, by partition and in order. */
export function rangesOf(archives: readonly Archive[]): Map<number, RangeCounts[]> {
  const ranges = new Map<number, RangeCounts[]>();
  for (const file of archives.flatMap(({ files }) => files)) {
    const content = parseEntries(new Map(Object.entries(file.keyValues)));
    assert(content, `${file.path} has no footer of ours`);
    for (const range of content.ranges) {
      ranges.set(range.partition, [...ranges.get(range.partition) ?? [], range]);
    }
  }
  for (const list of ranges.values()) list.sort((a, b) => a.first < b.first ? -1 : 1);
  return ranges;
}

/** The footers' ranges of every partition join without hole or overlap, from its first offset to what is committed. */
export async function assertCovered(job: Job, archives?: readonly Archive[]): Promise<void> {
  const committed = await job.servers.committed(job.group, job.topic);
  for (const [partition, ranges] of rangesOf(archives ?? [await job.archive()])) {
    let next = 0n;
    for (const range of ranges) {
      assert.equal(
        range.first,
        next,
        `partition ${partition}: a range starts at ${range.first}, not ${next}`,
      );
      next = range.next;
    }
    assert.equal(committed.get(partition)?.offset, next, `partition ${partition}: committed offset`);
  }
}

/** Checkpoint folders under the archive's home. */
export async function preparedFolders(job: Job): Promise<string[]> {
  const found: string[] = [];
  async function walk(folder: string): Promise<void> {
    for await (const entry of Deno.readDir(folder)) {
      if (!entry.isDirectory) continue;
      if (/^\d+-[0-9a-f]{32}$/.test(entry.name)) found.push(entry.name);
      else await walk(`${folder}/${entry.name}`);
    }
  }
  await walk(`${job.output}/.kafka2parquet`);
  return found;
}
