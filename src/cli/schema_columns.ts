/** The columns of the schemas that `kafka2parquet schema` was given, one or several, by the code that archives. */
import { getLogger } from "@logtape/logtape";
import type { AvroType, ColumnOptions, ColumnSource } from "../avro/mod.ts";
import type { ColumnSpec } from "../columns/mod.ts";
import type { Metadata } from "../config.ts";
import { messageOf, UserError } from "../errors.ts";
import type { TypeNames } from "../parquet/mod.ts";
import type { Json } from "./text.ts";

const log = getLogger(["kafka2parquet", "schema"]);

/** A schema's texts, and where they were found. */
export interface Version {
  readonly text: string;
  readonly references: readonly string[];
  /** Subjects of which the references name more than one version. */
  readonly mixedReferences?: string;
  /** `customer_events-value, version 3, id 7`. */
  readonly name: string;
  readonly json: { readonly [name: string]: Json };
}

/** Which columns are wanted, and how they are named. */
export interface Wanted {
  readonly options: ColumnOptions;
  readonly metadata: Metadata;
}

export interface ParsedVersion {
  readonly version: Version;
  readonly type: AvroType;
  /** The columns of a file that holds this schema only. */
  readonly sources: readonly ColumnSource[];
}

export interface TypedColumn {
  readonly column: ColumnSpec;
  readonly types: TypeNames;
}

/** One column or several: a schema of values does not say which. */
const BY_KEY: TypeNames = { arrow: "by the key's schema", parquet: "by the key's schema" };

/** Of the columns of a file; archiving tells it of each schema. */
export async function warnOfCase(columns: readonly ColumnSpec[]): Promise<void> {
  const { sameButForCase } = await import("../columns/mod.ts");
  for (const names of sameButForCase(columns)) {
    log.warning(
      "The columns {first} and {second} differ only in case: Spark and DuckDB do not tell them apart",
      names,
    );
  }
}

/** Modules are loaded here and below, so that --help does not wait for them. @throws UserError with the schema's name. */
export async function parseVersions(
  versions: readonly Version[],
  options: ColumnOptions,
): Promise<ParsedVersion[]> {
  const { describeColumns, parseSchema } = await import("../avro/mod.ts");
  const parsed = versions.map((version) => {
    try {
      const type = inFile(version, () => parseSchema(version.text, version.references));
      return { version, type, sources: describeColumns(type, options) };
    } catch (cause) {
      const which = versions.length > 1 ? `${version.name}: ` : "";
      const mixed = version.mixedReferences === undefined
        ? ""
        : ` (its references name ${version.mixedReferences})`;
      const hint = cause instanceof UserError ? cause.hint : undefined;
      throw new UserError(`${which}${messageOf(cause)}${mixed}`, {
        ...(hint !== undefined && { hint }),
        cause,
      });
    }
  });
  await warnOfPatterns(parsed, options);
  return parsed;
}

/** The hint of a schema in a file is where to mend it: what is registered is no matter there. */
function inFile<T>({ json, name }: Version, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof UserError) || !("file" in json)) throw cause;
    throw new UserError(cause.message, { hint: `Correct the schema in ${name}.`, cause });
  }
}

/** Of those that match a column of none of the schemas: one that is for the newer of two is no mistake. */
async function warnOfPatterns(parsed: readonly ParsedVersion[], options: ColumnOptions): Promise<void> {
  const { unmatchedPatterns } = await import("../avro/mod.ts");
  for (const { pattern, meant } of unmatchedPatterns(parsed.map(({ type }) => type), options)) {
    log.warning("No column matches {pattern}{meant}", {
      pattern,
      meant: meant === undefined ? "" : `: did you mean ${meant}?`,
    });
  }
}

/**
 * The columns of what Kafka says of each record, which stand before the value's.
 *
 * @throws UserError where a column of the value, in any of the schemas, has the name of one of them.
 */
export async function metadataColumns(
  parsed: readonly ParsedVersion[],
  { options: { separator }, metadata }: Wanted,
): Promise<TypedColumn[]> {
  const { fields, keyForm } = metadata;
  if (fields.length === 0) return [];
  const { refuseSameNames, specOf } = await import("../metadata/mod.ts");
  const { typeNamesOf } = await import("../parquet/mod.ts");
  const sources = parsed.flatMap((version) => version.sources);
  refuseSameNames({ columns: sources.map(({ column }) => column) }, {
    metadata,
    separator,
    pathOf: (name) => sources.find(({ column }) => column.name === name)?.path ?? name,
  });
  return fields.map((field) => {
    const column = specOf(field, { topic: "", separator, keyForm });
    return { column, types: field === "key" && keyForm === "avro" ? BY_KEY : typeNamesOf(column.type) };
  });
}
