/** Dead letters decoded again: rows for data files, as archiving writes them, and those of which there is still no row. */
import type { Decoding } from "../archiver/mod.ts";
import { type Patterns, selectionOf } from "../avro/mod.ts";
import type { Metadata } from "../config.ts";
import { messageOf, UserError } from "../errors.ts";
import type { SchemaLookup } from "../registry/mod.ts";
import type { SchemaId } from "../model.ts";
import type { DeadLetter } from "./letters.ts";
import { recordOf } from "./record.ts";
import type { RecordPlace } from "./offsets.ts";

/** What decides about rows is to be what archiving has. */
export interface DecoderOptions extends Patterns {
  readonly decoding: typeof Decoding;
  readonly separator: string;
  readonly metadata: Metadata;
  /** Of one data file. */
  readonly rows: number;
  readonly bytes: number;
  /** @throws what ends the work, where the registry gives no answer. */
  lookup(id: SchemaId): Promise<SchemaLookup>;
}

/** A data file that is being filled. */
export interface RowsFile {
  readonly open: Decoding.OpenFile;
  /** Of its rows, in their order. */
  readonly places: RecordPlace[];
}

/** The same, and what may still go into it. */
interface FillingFile extends RowsFile {
  /** Undefined while it has no value; the same of keys. */
  line: Decoding.Line | undefined;
  keyLine: Decoding.Line | undefined;
}

/** What a record is decoded with: nothing where its value is null, or its key is that or not decoded. */
interface RowWriters {
  readonly schema: Decoding.WriterSchema | undefined;
  readonly key: Decoding.WriterSchema | undefined;
}

/** Why there is still no row. */
export interface StillBad {
  /** Null also for a GUID, as in all dead letters. */
  readonly schemaId: number | null;
  readonly reason: string;
}

const NO_VALUE = "there is no value, which makes a row with --metadata only";
/** No session ends while a redrive waits. */
const NEVER = new AbortController().signal;

/** Decodes the records of one dead-letter file after the other. */
export class Redecoder {
  readonly #options: DecoderOptions;
  readonly #schemas: Decoding.Schemas;
  /** Of the dead-letter file at hand. */
  #topic = "";
  #files: FillingFile[] = [];

  constructor(options: DecoderOptions) {
    const { decoding, separator, metadata, lookup } = options;
    this.#options = options;
    this.#schemas = new decoding.Schemas({ separator, metadata, selection: selectionOf(options), lookup });
  }

  /** Goes to another dead-letter file; what was not taken of the last one is forgotten. */
  begin(topic: string): void {
    this.#topic = topic;
    this.#files = [];
  }

  /** The files that were filled since {@link begin}. */
  take(): RowsFile[] {
    const files = this.#files;
    this.#files = [];
    return files.filter(({ open }) => open.rows > 0);
  }

  /** Makes a row of the record. @returns why there is none, or undefined. */
  async add(letter: DeadLetter): Promise<StillBad | undefined> {
    const record = recordOf(this.#topic, letter);
    const schema = await this.#writerOf(this.#schemas, record);
    const key = await this.#keyOf(record);
    const isTombstoneRow = letter.value === null && this.#schemas.layout(this.#topic) !== undefined;
    const isRow = schema !== undefined || isTombstoneRow;
    if (!isRow || schema?.kind === "none" || key?.kind === "none") {
      const problem = this.#options.decoding.problemOf(record, { schema, key });
      return stillBad(problem?.schemaId, problem?.reason ?? NO_VALUE);
    }
    const reason = this.#append(letter, record, { schema, key });
    return reason === undefined ? undefined : stillBad(schema?.id, reason);
  }

  /** The writer's schema of the value, or of the key; undefined where the record names none. */
  async #writerOf(
    schemas: Decoding.Schemas,
    { fetched, bytes, index }: Decoding.RecordAt,
  ): Promise<Decoding.WriterSchema | Decoding.NoSchema | undefined> {
    const wireId = schemas.wireIds.at(fetched, bytes, index);
    if (wireId === this.#options.decoding.NO_WIRE_ID) return undefined;
    return schemas.get(wireId) ?? await this.#resolve(schemas, wireId);
  }

  /** What a record's key is decoded with; undefined where it is null, or no key is decoded. */
  async #keyOf(record: Decoding.RecordAt): Promise<Decoding.Writers["key"]> {
    const { keys } = this.#schemas;
    const { fetched, bytes, index } = record;
    if (keys === undefined || fetched.keyStart[index]! < 0) return undefined;
    const { wireProblem } = this.#options.decoding;
    return await this.#writerOf(keys, record) ??
      { kind: "none", reason: wireProblem(fetched, bytes, index, "key") };
  }

  async #resolve(
    schemas: Decoding.Schemas,
    wireId: number,
  ): Promise<Decoding.WriterSchema | Decoding.NoSchema> {
    const { id } = schemas.wireIds.name(wireId);
    // Asked here and remembered by the registry, so that what is thrown below is about the schema.
    await this.#options.lookup(id);
    try {
      return await schemas.resolve(wireId, NEVER);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // Archiving would stop here. These records stay whole whatever becomes of the others.
      return { kind: "none", id, problem: "no-schema", reason: `schema ${id}: ${messageOf(error)}` };
    }
  }

  /** @returns why there is no row, or undefined. */
  #append(
    { partition, offset }: DeadLetter,
    { fetched, bytes }: Decoding.RecordAt,
    { schema, key }: RowWriters,
  ): string | undefined {
    const { open, places, line, keyLine } = this.#fileFor({ schema, key });
    // Also for a record without a value: its row has the columns of those before it.
    const columns = line && open.columnsFor(line.file);
    const keyColumns = keyLine && open.keyColumnsFor(keyLine.file);
    const [bad] = this.#options.decoding.appendRows(open, { fetched, bytes, from: 0, to: 1 }, {
      values: schema && this.#schemas.decoding(columns!, schema),
      keys: key && this.#schemas.keys!.decoding(keyColumns!, key),
    });
    if (bad !== undefined) return bad.reason;
    places.push({ partition, offset });
    if (schema !== undefined) open.use(schema);
    return undefined;
  }

  /** A file with room that can hold records of these schemas. */
  #fileFor({ schema, key }: RowWriters): FillingFile {
    const { decoding: { OpenFile }, rows, bytes } = this.#options;
    const line = lineOf(this.#schemas.columnsOf(this.#topic), schema);
    const keyLine = lineOf(this.#schemas.keys?.columnsOf(this.#topic), key);
    let file = this.#files.find((one) =>
      one.open.rows < rows && one.open.byteLength < bytes &&
      (one.line === line || one.open.schema === undefined) &&
      (one.keyLine === keyLine || one.open.keySchema === undefined)
    );
    if (file === undefined) {
      const open = new OpenFile(this.#schemas.layout(this.#topic));
      this.#files.push(file = { open, places: [], line, keyLine });
    }
    return Object.assign(file, { line, keyLine });
  }
}

/** The line for records of the writer, or the last one, for a record without. */
function lineOf(
  columns: Decoding.TopicColumns | undefined,
  writer: Decoding.WriterSchema | undefined,
): Decoding.Line | undefined {
  return writer === undefined ? columns?.last : columns?.lineFor(writer);
}

function stillBad(schemaId: SchemaId | undefined, reason: string): StillBad {
  return { schemaId: typeof schemaId === "number" ? schemaId : null, reason };
}
