/** An archive with dead letters, laid out by a test file by file, and a registry that learns. */
import avsc from "avsc";
import { DEAD_LETTER_SCHEMA } from "../../src/archiver/dead_letters.ts";
import { NO_METADATA } from "../../src/config.ts";
import type { SchemaId } from "../../src/model.ts";
import type { RangeCounts } from "../../src/parquet/mod.ts";
import { redrive, type RedriveOptions, type Report } from "../../src/redrive/mod.ts";
import type { SchemaLookup } from "../../src/registry/mod.ts";
import { type Archive, readArchive, type TempDir, tempDir } from "../support/mod.ts";
import { writeParquetFile } from "../support/parquet_files.ts";

export const NAMES = { cluster: "cluster-1", group: "4", topic: "orders" };
export const CHECKPOINT = "c".repeat(32);
const DATA = { columns: [{ name: "id", type: { kind: "int64" }, nullable: false }] } as const;

export const SCHEMAS = {
  7: { type: "record", name: "Order", fields: [{ name: "id", type: "long" }] },
  /** Other columns. */
  8: {
    type: "record",
    name: "Refund",
    fields: [{ name: "id", type: "long" }, { name: "why", type: "string" }],
  },
} as const;

/** A value with its wire header. */
export function wire(schemaId: 7 | 8, value: unknown): Uint8Array {
  const header = new Uint8Array(5);
  new DataView(header.buffer).setInt32(1, schemaId);
  const type = avsc.Type.forSchema(SCHEMAS[schemaId] as unknown as avsc.Schema);
  return new Uint8Array([...header, ...type.toBuffer(value)]);
}

export interface Letter {
  readonly partition?: number;
  readonly offset: number;
  readonly value: Uint8Array;
  readonly schemaId?: number | null;
  readonly error?: string;
  readonly timestamp?: bigint;
  /** Beside those that all have. */
  readonly headers?: readonly { readonly key: string; readonly value: Uint8Array | null }[];
}

/** A dead letter of a schema that nobody knew. */
export function unknown(offset: number, schemaId: 7 | 8 = 7): Letter {
  const value = schemaId === 7 ? { id: offset } : { id: offset, why: `because ${offset}` };
  return {
    ...{ offset, schemaId, value: wire(schemaId, value) },
    error: `schema ${schemaId} is not in the registry: Schema ${schemaId} not found`,
  };
}

/** The same where the record header names the schema, and the value begins with Avro at once. */
export function unknownByHeader(offset: number): Letter {
  const { value, ...rest } = unknown(offset);
  return {
    ...rest,
    value: value.subarray(5),
    headers: [{ key: "__value_schema_id", value: value.subarray(0, 5) }],
  };
}

/** One that no schema mends. */
export function hopeless(offset: number): Letter {
  return { offset, schemaId: null, value: new Uint8Array([123, 125]), error: "no wire header" };
}

export type Range = Partial<RangeCounts> & { readonly first: bigint; readonly next: bigint };

export interface Stage extends AsyncDisposable {
  readonly folder: TempDir;
  readonly output: string;
  readonly deadLetter: string;
  /** A data file with rows for all offsets of its ranges that are no dead letters. */
  data(name: string, ranges: readonly Range[]): Promise<string>;
  /** A dead-letter file; with ranges where no data file has them. */
  letters(
    name: string,
    letters: readonly Letter[],
    of?: { readonly ranges?: readonly Range[] },
  ): Promise<string>;
  /** Redrives with a registry that knows these ids. */
  redrive(knows: readonly (7 | 8)[], options?: Partial<RedriveOptions>): Promise<Report[]>;
  rows(): Promise<Archive>;
  dead(): Promise<Archive>;
}

export async function makeStage(): Promise<Stage> {
  const folder = await tempDir();
  const output = `${folder.path}/parquet_data/data`;
  const deadLetter = `${folder.path}/parquet_data/dead_letter`;
  for (const path of [output, deadLetter]) await Deno.mkdir(path, { recursive: true });
  const content = { version: "1", checkpoint: CHECKPOINT, schemas: new Map(), ...NAMES };
  return {
    ...{ folder, output, deadLetter },
    async data(name, ranges) {
      const whole = ranges.map((range) => wholeRange(range));
      const rows = whole.reduce((sum, range) => sum + range.rows, 0);
      const path = `${output}/${name}.parquet`;
      await writeParquetFile(path, {
        schema: DATA,
        rows: Array.from({ length: rows }, (_, id) => [BigInt(1000 + id)]),
        content: { ...content, kind: "data", ranges: whole },
      });
      return path;
    },
    async letters(name, letters, { ranges = [] } = {}) {
      const path = `${deadLetter}/${name}.parquet`;
      await writeParquetFile(path, {
        schema: DEAD_LETTER_SCHEMA,
        rows: letters.map((one) => letterRow(one)),
        content: {
          ...content,
          kind: "dead_letter",
          ranges: ranges.map((range) => ({ ...wholeRange(range), rows: 0 })),
        },
      });
      return path;
    },
    redrive(knows, options = {}) {
      const lookup = (id: SchemaId): Promise<SchemaLookup> =>
        Promise.resolve(
          knows.some((one) => one === id)
            ? {
              ...{ kind: "found", id, schemaType: "AVRO", references: [] },
              text: JSON.stringify(SCHEMAS[id as 7 | 8]),
            }
            : { kind: "unknown", id, reason: `schema ${id} is not in the registry: Schema ${id} not found` },
        );
      return Array.fromAsync(redrive(deadLetter, {
        ...{
          output,
          lookup,
          separator: ".",
          metadata: NO_METADATA,
          include: [],
          exclude: [],
          compression: "snappy",
          rows: 1200,
          bytes: 2 ** 20,
          dryRun: false,
        },
        ...options,
      }));
    },
    rows: () => readArchive(output),
    dead: () => readArchive(deadLetter),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

function wholeRange(range: Range): RangeCounts {
  const dead = Object.values(range.deadLetters ?? {}).reduce((a, b) => a + b, 0);
  return {
    ...{ topic: NAMES.topic, partition: 0, deadLetters: {}, skipped: {} },
    rows: Number(range.next - range.first) - dead,
    ...range,
  };
}

function letterRow(
  { partition = 0, offset, value, schemaId = null, error = "bad", timestamp, headers = [] }: Letter,
): readonly unknown[] {
  const bytes = (text: string) => new TextEncoder().encode(text);
  return [
    ...[NAMES.topic, partition, BigInt(offset), timestamp ?? 1_700_000_000_000n + BigInt(offset)],
    bytes(`key ${offset}`),
    [{ key: "trace", value: bytes(`t${offset}`) }, { key: "none", value: null }, ...headers],
    ...[value, schemaId, error],
  ];
}
