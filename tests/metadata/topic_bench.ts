/** One topic's archive without servers: what its records become, file by file. */
import avsc from "avsc";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { onTheWire } from "../../dev/wire.ts";
import { ErrorLimits } from "../../src/archiver/error_limit.ts";
import { FileSealer, type SealedFile } from "../../src/archiver/file_sealer.ts";
import { Schemas } from "../../src/archiver/schemas.ts";
import type { PartitionState } from "../../src/archiver/partition_state.ts";
import { TopicArchive } from "../../src/archiver/topic.ts";
import { Totals } from "../../src/archiver/totals.ts";
import { selectionOf } from "../../src/avro/mod.ts";
import type { CheckpointPipeline } from "../../src/checkpoint/mod.ts";
import { resolveConfig } from "../../src/cli/resolve.ts";
import type { Config } from "../../src/config.ts";
import type { FetchedRecords, SchemaId } from "../../src/model.ts";
import { loadParquetEncoder, type RangeCounts } from "../../src/parquet/mod.ts";
import { footerOf } from "../../src/parquet/footer.ts";
import type { SchemaLookup } from "../../src/registry/mod.ts";

export interface BenchFile {
  readonly kind: "data" | "dead_letter";
  readonly rows: readonly Record<string, unknown>[];
  readonly ranges: readonly RangeCounts[];
  readonly bytes: Uint8Array;
}

export interface TopicBench {
  readonly topic: string;
  readonly archive: TopicArchive;
  readonly totals: Totals;
  /** Takes a fetch, of whatever partition. */
  accept(fetched: FetchedRecords): Promise<void>;
  state(partition: number): PartitionState;
  /** Closes the open file; all that were closed, in order. */
  files(): Promise<BenchFile[]>;
}

/** Schemas by id, which the registry of the bench has; any other id is unknown to it. */
export type BenchSchemas = Readonly<Record<number, unknown>>;

/** What the registry of the bench answers. */
export function lookupIn(schemas: BenchSchemas): (id: SchemaId) => Promise<SchemaLookup> {
  return (id) => {
    const schema = typeof id === "number" ? schemas[id] : undefined;
    return Promise.resolve(
      schema === undefined
        ? { kind: "unknown", id, reason: `schema ${id} is not in the registry` }
        : { kind: "found", id, schemaType: "AVRO", text: JSON.stringify(schema), references: [] },
    );
  };
}

export async function topicBench(
  schemas: BenchSchemas,
  { metadata, ...other }: { metadata: string } & Partial<Omit<Config, "metadata">>,
): Promise<TopicBench> {
  const topic = "orders";
  const base = resolveConfig({
    flags: new Map([["metadata", [metadata]], ["topic", [topic]]]),
    env: {},
    terminal: false,
  });
  const config = { ...base, rows: 100, ageMs: 3_600_000, ...other };
  const sealed: SealedFile[] = [];
  const pipeline = {
    checkpointId: "checkpoint",
    hasRoom: true,
    add: (files: readonly SealedFile[]) => void sealed.push(...files),
    room: () => Promise.resolve(),
    close: () => {},
  } as unknown as CheckpointPipeline;
  const totals = new Totals();
  const archive = new TopicArchive({
    topic,
    leaving: new AbortController().signal,
    config,
    fileBytesMax: Infinity,
    errorLimit: new ErrorLimits(config.maxErrors).of(topic),
    schemas: new Schemas({
      separator: config.separator,
      metadata: config.metadata,
      selection: selectionOf(config),
      lookup: lookupIn(schemas),
    }),
    pipeline,
    sealer: new FileSealer({
      config,
      cluster: "cluster",
      encoder: await loadParquetEncoder(),
      randomUUID: () => crypto.randomUUID(),
    }),
    totals,
  });
  const state = (partition: number) => {
    let state = archive.partitions.get(partition);
    if (state === undefined) {
      archive.partitions.set(
        partition,
        state = {
          partition,
          position: 0n,
          checkpointed: 0n,
          committed: 0n,
          uncovered: 0n,
          start: 0n,
          aheadSinceMs: undefined,
          end: undefined,
          highWatermark: undefined,
        },
      );
    }
    return state;
  };
  return {
    topic,
    archive,
    totals,
    state,
    accept: (fetched) => archive.accept(fetched, state(fetched.partition)),
    files: async () => {
      archive.sealForMemory();
      return await Promise.all(sealed.map(readSealed));
    },
  };
}

async function readSealed({ kind, bytes }: SealedFile): Promise<BenchFile> {
  const file = bytes.slice().buffer;
  const rows = await parquetReadObjects({ file, compressors, utf8: false });
  return { kind, rows, ranges: footerOf(parquetMetadata(file)).content?.ranges ?? [], bytes };
}

const types = new Map<unknown, avsc.Type>();

/** A value or key in the wire format. */
export function encoded(schemaId: number, schema: unknown, value: unknown): Uint8Array {
  let type = types.get(schema);
  if (type === undefined) {
    types.set(schema, type = avsc.Type.forSchema(JSON.parse(JSON.stringify(schema))));
  }
  return new Uint8Array(onTheWire(schemaId, type.toBuffer(value)));
}
