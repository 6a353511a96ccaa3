/** Dead letters decoded again: rows for data files, and those of which there is still no row. */
import type { loadDecoding } from "../archiver/mod.ts";
import { merge } from "../avro/mod.ts";
import { Columns, type FileSchema } from "../columns/mod.ts";
import { messageOf, UserError } from "../errors.ts";
import type { SchemaLookup } from "../registry/mod.ts";
import type { DeadLetter } from "./letters.ts";
import type { RecordPlace } from "./offsets.ts";

type Decoding = Awaited<ReturnType<typeof loadDecoding>>;
type Schemas = InstanceType<Decoding["Schemas"]>;
type WriterSchema = NonNullable<ReturnType<Schemas["get"]>>;

export interface DecoderOptions {
  readonly decoding: Decoding;
  readonly separator: string;
  /** Of one data file. */
  readonly rows: number;
  readonly bytes: number;
  /** @throws what ends the work, where the registry gives no answer. */
  lookup(id: number): Promise<SchemaLookup>;
}

/** A data file that is being filled. */
export interface RowsFile {
  readonly columns: Columns;
  /** Writer schemas by id, of the rows in it. */
  readonly schemas: Map<number, string>;
  /** Of its rows, in their order. */
  readonly places: RecordPlace[];
}

/** Why there is still no row. */
export interface StillBad {
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
    const { decoding: { headerProblem, schemaIdAt } } = this.#options;
    const { value } = letter;
    if (value === null) return { schemaId: null, reason: "there is no value" };
    const id = schemaIdAt(value, 0, value.length);
    if (id < 0) return { schemaId: null, reason: headerProblem(value, 0, value.length) };
    const schema = this.#schemas.get(id) ?? await this.#resolve(id);
    if (typeof schema === "string") return { schemaId: id, reason: schema };
    const reason = this.#decode(value, { letter, schema });
    return reason === undefined ? undefined : { schemaId: id, reason };
  }

  /** @returns the schema, or why there is none that makes columns. */
  async #resolve(id: number): Promise<WriterSchema | string> {
    // Asked here and remembered by the registry, so that what is thrown below is about the schema.
    await this.#options.lookup(id);
    try {
      const schema = await this.#schemas.resolve(id, NEVER);
      return schema.kind === "avro" ? schema : schema.reason;
    } catch (error) {
      // Archiving would stop here. These records stay whole whatever becomes of the others.
      if (error instanceof UserError) return `schema ${id}: ${messageOf(error)}`;
      throw error;
    }
  }

  #decode(
    value: Uint8Array,
    { letter, schema }: { letter: DeadLetter; schema: WriterSchema },
  ): string | undefined {
    const file = this.#fileFor(schema);
    let problem: string | undefined;
    this.#schemas.decoder(file.columns.schema, schema).decode(
      file.columns,
      {
        bytes: value,
        starts: Int32Array.of(0),
        ends: Int32Array.of(value.length),
        skip: this.#options.decoding.HEADER_BYTES,
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
