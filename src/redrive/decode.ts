/** Dead letters decoded again: rows for data files, and those of which there is still no row. */
import type { loadDecoding } from "../archiver/mod.ts";
import { merge } from "../avro/mod.ts";
import { Columns, type FileSchema } from "../columns/mod.ts";
import { messageOf, UserError } from "../errors.ts";
import type { SchemaLookup } from "../registry/mod.ts";
import type { SchemaId } from "../model.ts";
import type { DeadLetter } from "./letters.ts";
import { type OneRecord, recordOf } from "./record.ts";
import type { RecordPlace } from "./offsets.ts";

type Decoding = Awaited<ReturnType<typeof loadDecoding>>;
type Schemas = InstanceType<Decoding["Schemas"]>;
type WriterSchema = Extract<Awaited<ReturnType<Schemas["resolve"]>>, { readonly kind: "avro" }>;

export interface DecoderOptions {
  readonly decoding: Decoding;
  readonly separator: string;
  /** Of one data file. */
  readonly rows: number;
  readonly bytes: number;
  /** @throws what ends the work, where the registry gives no answer. */
  lookup(id: SchemaId): Promise<SchemaLookup>;
}

/** A data file that is being filled. */
export interface RowsFile {
  readonly columns: Columns;
  /** Writer schemas by id, of the rows in it. */
  readonly schemas: Map<SchemaId, string>;
  /** Of its rows, in their order. */
  readonly places: RecordPlace[];
}

/** Why there is still no row. */
export interface StillBad {
  /** Null also for a GUID, as in all dead letters. */
  readonly schemaId: number | null;
  readonly reason: string;
}

/** No session ends while a redrive waits. */
const NEVER = new AbortController().signal;

/** Decodes the records of one dead-letter file after the other. */
export class Redecoder {
  readonly #options: DecoderOptions;
  readonly #schemas: Schemas;
  /** Files of the dead-letter file at hand. */
  #files: RowsFile[] = [];

  constructor(options: DecoderOptions) {
    const { decoding, separator, lookup } = options;
    this.#options = options;
    this.#schemas = new decoding.Schemas({ separator, lookup });
  }

  /** The files that were filled since the last call. */
  take(): RowsFile[] {
    const files = this.#files;
    this.#files = [];
    return files.filter(({ columns }) => columns.rows > 0);
  }

  /** Makes a row of the record. @returns why there is none, or undefined. */
  async add(letter: DeadLetter): Promise<StillBad | undefined> {
    const { decoding: { NO_WIRE_ID, wireProblem } } = this.#options;
    if (letter.value === null) return { schemaId: null, reason: "there is no value" };
    const record = recordOf(letter);
    const wireId = this.#schemas.wireIds.at(record, record.bytes, 0);
    if (wireId === NO_WIRE_ID) return { schemaId: null, reason: wireProblem(record, record.bytes, 0) };
    const { id } = this.#schemas.wireIds.name(wireId);
    const schemaId = typeof id === "number" ? id : null;
    const schema = await this.#resolve(wireId, id);
    if (typeof schema === "string") return { schemaId, reason: schema };
    const reason = this.#decode(record, { letter, schema });
    return reason === undefined ? undefined : { schemaId, reason };
  }

  /** @returns the schema, or why there is none that makes columns. */
  async #resolve(wireId: number, id: SchemaId): Promise<WriterSchema | string> {
    const known = this.#schemas.get(wireId);
    if (known !== undefined) return known.kind === "avro" ? known : known.reason;
    // Asked here and remembered by the registry, so that what is thrown below is about the schema.
    await this.#options.lookup(id);
    try {
      const schema = await this.#schemas.resolve(wireId, NEVER);
      return schema.kind === "avro" ? schema : schema.reason;
    } catch (error) {
      // Archiving would stop here. These records stay whole whatever becomes of the others.
      if (error instanceof UserError) return `schema ${id}: ${messageOf(error)}`;
      throw error;
    }
  }

  #decode(
    record: OneRecord,
    { letter, schema }: { letter: DeadLetter; schema: WriterSchema },
  ): string | undefined {
    const file = this.#fileFor(schema);
    let problem: string | undefined;
    this.#schemas.decoder(file.columns.schema, schema).decode(
      file.columns,
      {
        bytes: record.bytes,
        starts: record.valueStart,
        ends: record.valueEnd,
        skip: schema.skip,
        ...{ from: 0, to: 1 },
      },
      (_, reason) => problem = reason,
    );
    if (problem !== undefined) return problem;
    file.places.push({ partition: letter.partition, offset: letter.offset });
    file.schemas.set(schema.id, schema.text);
    return undefined;
  }

  /** A file with room whose columns are those of the schema. */
  #fileFor({ type, columns }: WriterSchema): RowsFile {
    const { rows, bytes, separator } = this.#options;
    const isSame = (schema: FileSchema) =>
      schema === columns || merge(schema, type, { separator }) === schema;
    let file = this.#files.find((one) =>
      one.columns.rows < rows && one.columns.byteLength < bytes && isSame(one.columns.schema)
    );
    if (file === undefined) {
      file = { columns: new Columns(columns), schemas: new Map(), places: [] };
      this.#files.push(file);
    }
    return file;
  }
}
