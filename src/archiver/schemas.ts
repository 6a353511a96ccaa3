/** Writer schemas by registry id, and the decoders compiled from them: each is resolved and compiled once. */
import { getLogger } from "@logtape/logtape";
import {
  type AvroType,
  type ColumnOptions,
  compile,
  type Decoder,
  fileSchemaOf,
  parseSchema,
  unmatchedPatterns,
} from "../avro/mod.ts";
import type { FileSchema } from "../columns/mod.ts";
import { messageOf, UserError } from "../errors.ts";
import { SessionOverError } from "../kafka/mod.ts";
import { unlessAborted } from "../wait.ts";
import type { SchemaLookup } from "../registry/mod.ts";
import { TopicColumns } from "./topic_columns.ts";

const log = getLogger(["kafka2parquet", "archiver"]);

/** A schema that records were written with. */
export interface WriterSchema {
  readonly kind: "avro";
  readonly id: number;
  /** As the registry has it. */
  readonly text: string;
  readonly type: AvroType;
  /** The columns of a file that holds this schema only. */
  readonly columns: FileSchema;
}

/** Why no record of a schema id can be decoded. */
export interface NoSchema {
  readonly kind: "none";
  readonly reason: string;
}

export interface SchemasOptions extends ColumnOptions {
  lookup(id: number): Promise<SchemaLookup>;
}

/** Decoders kept for one file schema, one a writer schema. */
const DECODERS_MAX = 1000;
const SCHEMAS_MAX = 10_000;
const TOPICS_MAX = 10_000;

export class Schemas {
  readonly #options: SchemasOptions;
  readonly #known = new Map<number, WriterSchema>();
  readonly #decoders = new WeakMap<FileSchema, Map<number, Decoder>>();
  readonly #topics = new Map<string, TopicColumns>();
  /** Of `--include` and `--exclude`. */
  readonly #warnedPatterns = new Set<string>();

  constructor(options: SchemasOptions) {
    this.#options = options;
  }

  /** The schema if it is known already: the way of all records but the first of a schema. */
  get(id: number): WriterSchema | undefined {
    return this.#known.get(id);
  }

  /**
   * Asks the registry; waits for as long as that cannot be reached and the session's end has not begun.
   *
   * @throws UserError where the schema is Avro and cannot become columns.
   * @throws SessionOverError where the session ends first.
   */
  async resolve(id: number, leaving: AbortSignal): Promise<WriterSchema | NoSchema> {
    const found = await unlessAborted(this.#options.lookup(id), leaving);
    if (found === undefined) throw new SessionOverError("the session ended while a schema was looked up");
    if (found.kind === "unknown") return { kind: "none", reason: found.reason };
    if (found.schemaType !== "AVRO") {
      return { kind: "none", reason: `schema ${id} is ${found.schemaType}, not Avro` };
    }
    const schema = this.#parse(id, found.text, found.references);
    if (this.#known.size >= SCHEMAS_MAX) this.#known.clear();
    this.#known.set(id, schema);
    return schema;
  }

  /** What is remembered of the topic's columns in this run. */
  columnsOf(topic: string): TopicColumns {
    let columns = this.#topics.get(topic);
    if (columns === undefined) {
      if (this.#topics.size >= TOPICS_MAX) this.#topics.clear();
      this.#topics.set(topic, columns = new TopicColumns(topic, this.#options));
    }
    return columns;
  }

  /** The decoder from a writer schema into a file's columns. */
  decoder(file: FileSchema, writer: WriterSchema): Decoder {
    let decoders = this.#decoders.get(file);
    if (decoders === undefined) this.#decoders.set(file, decoders = new Map());
    let decoder = decoders.get(writer.id);
    if (decoder === undefined) {
      if (decoders.size >= DECODERS_MAX) decoders.clear();
      decoders.set(writer.id, decoder = compile(writer.type, file, this.#options));
    }
    return decoder;
  }

  /** Once a pattern: other schemas may well have no such column. */
  #warnOfPatterns(id: number, type: AvroType): void {
    for (const { pattern, meant } of unmatchedPatterns(type, this.#options)) {
      if (this.#warnedPatterns.has(pattern)) continue;
      this.#warnedPatterns.add(pattern);
      log.warning("No column of schema {id} matches {pattern}{meant}", {
        id,
        pattern,
        meant: meant === undefined ? "" : `: did you mean ${meant}?`,
      });
    }
  }

  #parse(id: number, text: string, references: readonly string[]): WriterSchema {
    try {
      const type = parseSchema(text, references);
      this.#warnOfPatterns(id, type);
      return { kind: "avro", id, text, type, columns: fileSchemaOf(type, this.#options) };
    } catch (cause) {
      throw new UserError(`Schema ${id} of the registry cannot become columns: ${messageOf(cause)}`, {
        hint: (cause instanceof UserError ? cause.hint : undefined) ??
          "No record of it was archived or skipped. Please report the schema.",
        cause,
      });
    }
  }
}
