/** Writer schemas by wire id, and the decoders compiled from them: each is resolved and compiled once. */
import { type AvroType, compile, type Decoder, fileSchemaOf, parseSchema } from "../avro/mod.ts";
import type { FileSchema } from "../columns/mod.ts";
import { messageOf, UserError } from "../errors.ts";
import { SessionOverError } from "../kafka/mod.ts";
import { unlessAborted } from "../wait.ts";
import type { SchemaId } from "../model.ts";
import type { FoundSchema, SchemaLookup } from "../registry/mod.ts";
import { WireIds, type WireName } from "./wire_ids.ts";

/** A schema that records were written with, and how they name it. */
export interface WriterSchema extends WireName {
  readonly kind: "avro";
  readonly wireId: number;
  /** As the registry has it. */
  readonly text: string;
  readonly type: AvroType;
  /** The columns of a file that holds this schema only. */
  readonly columns: FileSchema;
}

/** Why no record of a wire id can be decoded. */
export interface NoSchema {
  readonly kind: "none";
  readonly id: SchemaId;
  readonly problem: "no-schema" | "not-avro";
  readonly reason: string;
}

export interface SchemasOptions {
  readonly separator: string;
  lookup(id: SchemaId): Promise<SchemaLookup>;
}

/** Decoders kept for one file schema, one a writer schema. */
const DECODERS_MAX = 1000;
const SCHEMAS_MAX = 10_000;

export class Schemas {
  readonly #options: SchemasOptions;
  readonly wireIds = new WireIds();
  readonly #known = new Map<number, WriterSchema | NoSchema>();
  readonly #decoders = new WeakMap<FileSchema, Map<number, Decoder>>();

  constructor(options: SchemasOptions) {
    this.#options = options;
  }

  /** The schema if it is known already: the way of all records but the first of a schema. */
  get(wireId: number): WriterSchema | NoSchema | undefined {
    return this.#known.get(wireId);
  }

  /**
   * Asks the registry; waits for as long as that cannot be reached and the session's end has not begun.
   *
   * @throws UserError where the schema is Avro and cannot become columns.
   * @throws SessionOverError where the session ends first.
   */
  async resolve(wireId: number, leaving: AbortSignal): Promise<WriterSchema | NoSchema> {
    const { id, skip } = this.wireIds.name(wireId);
    const found = await unlessAborted(this.#options.lookup(id), leaving);
    if (found === undefined) throw new SessionOverError("the session ended while a schema was looked up");
    // Not kept here: it may be registered yet.
    if (found.kind === "unknown") return { kind: "none", id, problem: "no-schema", reason: found.reason };
    const schema: WriterSchema | NoSchema = found.schemaType === "AVRO"
      ? this.#parse(found, { wireId, skip })
      : {
        kind: "none",
        id,
        problem: "not-avro",
        reason: `schema ${found.id} is ${formatName(found.schemaType)}, not Avro`,
      };
    if (this.#known.size >= SCHEMAS_MAX) this.#known.clear();
    this.#known.set(wireId, schema);
    return schema;
  }

  /** The decoder from a writer schema into a file's columns. */
  decoder(file: FileSchema, writer: WriterSchema): Decoder {
    let decoders = this.#decoders.get(file);
    if (decoders === undefined) this.#decoders.set(file, decoders = new Map());
    let decoder = decoders.get(writer.wireId);
    if (decoder === undefined) {
      if (decoders.size >= DECODERS_MAX) decoders.clear();
      decoders.set(
        writer.wireId,
        decoder = compile(writer.type, file, { separator: this.#options.separator }),
      );
    }
    return decoder;
  }

  #parse(
    { id, text, references, mixedReferences }: FoundSchema,
    wire: Pick<WriterSchema, "wireId" | "skip">,
  ): WriterSchema {
    try {
      const type = parseSchema(text, references);
      const columns = fileSchemaOf(type, { separator: this.#options.separator });
      return { kind: "avro", id, ...wire, text, type, columns };
    } catch (cause) {
      const mixed = mixedReferences === undefined ? "" : ` (its references name ${mixedReferences})`;
      throw new UserError(`Schema ${id} of the registry cannot become columns: ${messageOf(cause)}${mixed}`, {
        hint: (cause instanceof UserError ? cause.hint : undefined) ??
          "No record of it was archived or skipped. Please report the schema.",
        cause,
      });
    }
  }
}

/** A format's own name for what the registry calls `JSON` or `PROTOBUF`. */
function formatName(schemaType: string): string {
  switch (schemaType) {
    case "JSON":
      return "JSON Schema";
    case "PROTOBUF":
      return "Protobuf";
    default:
      return schemaType;
  }
}
