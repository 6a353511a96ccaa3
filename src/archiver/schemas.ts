/** Writer schemas by registry id, and the decoders compiled from them: each is resolved and compiled once. */
import { getLogger } from "@logtape/logtape";
import {
  type AvroType,
  type ColumnOptions,
  compile,
  type Decoder,
  describeColumns,
  fileSchemaOf,
  parseSchema,
  selectionOf,
  unmatchedPatterns,
} from "../avro/mod.ts";
import { type Columns, type FileSchema, sameButForCase } from "../columns/mod.ts";
import { type Config, type Metadata, NO_METADATA } from "../config.ts";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { SessionOverError } from "../kafka/mod.ts";
import { belowKeyName, MetadataLayout, refuseSameNames } from "../metadata/mod.ts";
import { unlessAborted } from "../wait.ts";
import type { SchemaId } from "../model.ts";
import type { FoundSchema, SchemaLookup } from "../registry/mod.ts";
import type { Decoding } from "./rows.ts";
import { TopicColumns } from "./topic_columns.ts";
import { WireIds, type WireName } from "./wire_ids.ts";

const log = getLogger(["kafka2parquet", "archiver"]);

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

export interface SchemasOptions extends Omit<ColumnOptions, "nullable"> {
  /** None by default. */
  readonly metadata?: Metadata;
  lookup(id: SchemaId): Promise<SchemaLookup>;
}

/** Schemas whose columns are as the configuration wants them. */
export function schemasOf(
  config: Pick<Config, "separator" | "metadata" | "include" | "exclude">,
  lookup: SchemasOptions["lookup"],
): Schemas {
  const { separator, metadata } = config;
  return new Schemas({ separator, metadata, selection: selectionOf(config), lookup });
}

/** Decoders kept for one file schema, one a writer schema. */
const DECODERS_MAX = 1000;
const SCHEMAS_MAX = 10_000;
const TOPICS_MAX = 10_000;

const SAME_BUT_FOR_CASE =
  "Schema {id}: the columns {first} and {second} differ only in case: Spark and DuckDB do not tell them apart";

export class Schemas {
  readonly columnOptions: ColumnOptions;
  /** Those of keys; undefined where no key is decoded. */
  readonly keys: Schemas | undefined;
  readonly #options: SchemasOptions;
  readonly wireIds: WireIds;
  readonly #metadata: Metadata;
  readonly #of: "values" | "keys";
  readonly #layouts = new Map<string, MetadataLayout>();
  readonly #known = new Map<number, WriterSchema | NoSchema>();
  readonly #decoders = new WeakMap<FileSchema, Map<number, Decoder>>();
  readonly #topics = new Map<string, TopicColumns>();
  /** Of `--include` and `--exclude`. */
  readonly #warnedPatterns = new Set<string>();
  /** The last schema that had a column for a pattern. */
  readonly #matchedPatterns = new Map<string, SchemaId>();

  constructor(options: SchemasOptions, of: "values" | "keys" = "values") {
    const { separator, selection, metadata = NO_METADATA } = options;
    const { fields, keyForm } = metadata;
    this.#options = options;
    this.#metadata = metadata;
    this.#of = of;
    this.wireIds = new WireIds(of === "keys" ? "key" : "value");
    // Beside metadata a value may be missing, and a key always may.
    const nullable = fields.length > 0;
    // Which columns of the value are wanted says nothing of the key's.
    this.columnOptions = of === "keys" ? { separator, nullable } : { separator, selection, nullable };
    const hasAvroKeys = of === "values" && fields.includes("key") && keyForm === "avro";
    this.keys = hasAvroKeys ? new Schemas(options, "keys") : undefined;
  }

  /** What stands beside the values of a topic; undefined where there is nothing. */
  layout(topic: string): MetadataLayout | undefined {
    if (this.#metadata.fields.length === 0) return undefined;
    let layout = this.#layouts.get(topic);
    if (layout === undefined) {
      const { separator } = this.#options;
      this.#layouts.set(topic, layout = new MetadataLayout({ metadata: this.#metadata, topic, separator }));
    }
    return layout;
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

  /** How values or keys of a writer schema get into a file's columns. */
  decoding(columns: Columns, writer: WriterSchema): Decoding {
    return { columns, decoder: this.decoder(columns.schema, writer), skip: writer.skip };
  }

  /** What is remembered of the topic's columns in this run. */
  columnsOf(topic: string): TopicColumns {
    let columns = this.#topics.get(topic);
    if (columns === undefined) {
      if (this.#topics.size >= TOPICS_MAX) this.#topics.clear();
      this.#topics.set(topic, columns = new TopicColumns(topic, this.columnOptions));
    }
    return columns;
  }

  /** The decoder from a writer schema into a file's columns. */
  decoder(file: FileSchema, writer: WriterSchema): Decoder {
    let decoders = this.#decoders.get(file);
    if (decoders === undefined) this.#decoders.set(file, decoders = new Map());
    let decoder = decoders.get(writer.wireId);
    if (decoder === undefined) {
      if (decoders.size >= DECODERS_MAX) decoders.clear();
      decoders.set(writer.wireId, decoder = compile(writer.type, file, this.columnOptions));
    }
    return decoder;
  }

  /**
   * Once a pattern, as long as schemas have no such column; and again where one has it no more: a field that is left out
   * may go on under another name.
   */
  #warnOfPatterns(id: SchemaId, type: AvroType): void {
    const unmatched = unmatchedPatterns(type, this.columnOptions);
    for (const { pattern, meant } of unmatched) {
      if (this.#warnedPatterns.has(pattern)) continue;
      this.#warnedPatterns.add(pattern);
      const matched = this.#matchedPatterns.get(pattern);
      log.warning("No column of schema {id} matches {pattern}{before}{meant}", {
        id,
        pattern,
        before: matched === undefined ? "" : `, as one of schema ${matched} did`,
        meant: meant === undefined ? "" : `: did you mean ${meant}?`,
      });
    }
    for (const pattern of this.columnOptions.selection?.patterns ?? []) {
      if (unmatched.some((one) => one.pattern === pattern)) continue;
      this.#warnedPatterns.delete(pattern);
      this.#matchedPatterns.set(pattern, id);
    }
  }

  #parse(
    { id, text, references, mixedReferences }: FoundSchema,
    wire: Pick<WriterSchema, "wireId" | "skip">,
  ): WriterSchema {
    try {
      const parsed = parseSchema(text, references);
      const type = this.#of === "keys" ? belowKeyName(parsed) : parsed;
      this.#warnOfPatterns(id, type);
      const columns = fileSchemaOf(type, this.columnOptions);
      if (this.#of === "values") this.#refuseSameNames(type, columns);
      for (const names of sameButForCase(columns.columns)) log.warning(SAME_BUT_FOR_CASE, { id, ...names });
      return { kind: "avro", id, ...wire, text, type, columns };
    } catch (cause) {
      const mixed = mixedReferences === undefined ? "" : ` (its references name ${mixedReferences})`;
      throw new UserError(`Schema ${id} of the registry cannot become columns: ${messageOf(cause)}${mixed}`, {
        hint: (cause instanceof UserError ? cause.hint : undefined) ??
          "No record of it was archived or skipped. Please report the schema.",
        exitCode: ExitCode.config,
        cause,
      });
    }
  }

  #refuseSameNames(type: AvroType, columns: FileSchema): void {
    refuseSameNames(columns, {
      metadata: this.#metadata,
      separator: this.#options.separator,
      pathOf: (name) =>
        describeColumns(type, this.columnOptions).find(({ column }) => column.name === name)?.path ?? name,
    });
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
