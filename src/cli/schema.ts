/** `kafka2parquet schema`: the columns that an Avro schema becomes, by the code that archives. */
import { getLogger } from "@logtape/logtape";
import type { ColumnOptions } from "../avro/mod.ts";
import type { ColumnSpec } from "../columns/mod.ts";
import type { Metadata } from "../config.ts";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { configureLogging, flushLogging } from "../log.ts";
import type { TypeNames } from "../parquet/mod.ts";
import { JSON_OPTION } from "./commands.ts";
import { OPTIONS } from "./options.ts";
import { Output, OutputClosed, terminalWidth } from "./output.ts";
import { resolveOption, type Sources, type Texts, wantsColor } from "./resolve.ts";
import { findSchema } from "./schema_sources.ts";
import { mergeVersions, parseVersion, type Version, versionLines, versionsJson } from "./schema_versions.ts";
import { readSources } from "./sources.ts";
import { cleanLine, formatTable } from "./table.ts";
import { type Json, plural, toJson } from "./text.ts";

const log = getLogger(["kafka2parquet", "schema"]);

interface Column {
  readonly path: string;
  /** Undefined where it is not the value's. */
  readonly avro: string | undefined;
  readonly column: ColumnSpec;
  readonly types: TypeNames;
}

/** One column or several: a schema of values does not say which. */
const BY_KEY: TypeNames = { arrow: "by the key's schema", parquet: "by the key's schema" };

/**
 * Shows the columns of a subject's latest version, of an id or GUID, or of a file; of several, those of a file that holds
 * records of all. Throws {@link UserError}.
 */
export async function schema(of: readonly string[], flags: Texts): Promise<ExitCode> {
  const { sources } = await readSources(flags);
  configureLogging({ level: "warning", format: "text", color: wantsColor("auto", sources) });
  const versions: Version[] = [];
  for (const one of of) versions.push(await findSchema(one, sources));
  const isJson = resolveOption(JSON_OPTION, { flags })!;
  const metadata = resolveOption(OPTIONS.metadata, sources)!;
  const options = await columnOptions(sources, metadata);
  const shown = await show(versions, { options, metadata, isJson });
  flushLogging();
  const output = new Output();
  try {
    if (typeof shown === "string") output.write(shown);
    else output.lines(shown);
    output.flush();
  } catch (error) {
    // Whoever read our output has seen enough.
    if (!(error instanceof OutputClosed)) throw error;
  }
  return ExitCode.ok;
}

/** JSON, or lines. */
async function show(
  versions: readonly Version[],
  { options, metadata, isJson }: { options: ColumnOptions; metadata: Metadata; isJson: boolean },
): Promise<string | string[]> {
  const [given] = versions;
  if (given !== undefined && versions.length === 1) {
    const columns = await columnsOf(given, { options, metadata });
    return isJson ? `${toJson(asJson(given, columns))}\n` : asLines(given, columns);
  }
  const file = await mergeVersions(versions, options);
  return isJson ? `${toJson(await versionsJson(versions, file))}\n` : await versionLines(versions, file);
}

/** Modules are loaded here and below, so that --help does not wait for them. */
async function columnOptions(sources: Sources, { fields }: Metadata): Promise<ColumnOptions> {
  const { selectionOf } = await import("../avro/mod.ts");
  return {
    separator: resolveOption(OPTIONS.separator, sources)!,
    selection: selectionOf({
      include: resolveOption<readonly string[]>(OPTIONS.include, sources) ?? [],
      exclude: resolveOption<readonly string[]>(OPTIONS.exclude, sources) ?? [],
    }),
    nullable: fields.length > 0,
  };
}

async function columnsOf(
  given: Version,
  { options, metadata }: { options: ColumnOptions; metadata: Metadata },
): Promise<Column[]> {
  try {
    const values = await valueColumns(given, options);
    return [...await metadataColumns(values, { options, metadata }), ...values];
  } catch (cause) {
    if (given.mixedReferences === undefined) throw cause;
    throw new UserError(`${messageOf(cause)} (its references name ${given.mixedReferences})`, {
      ...(cause instanceof UserError && cause.hint !== undefined && { hint: cause.hint }),
      cause,
    });
  }
}

async function valueColumns(version: Version, options: ColumnOptions): Promise<Column[]> {
  const { describeColumns, unmatchedPatterns } = await import("../avro/mod.ts");
  const { typeNamesOf } = await import("../parquet/mod.ts");
  const schema = await parseVersion(version);
  for (const { pattern, meant } of unmatchedPatterns(schema, options)) {
    log.warning("No column matches {pattern}{meant}", {
      pattern,
      meant: meant === undefined ? "" : `: did you mean ${meant}?`,
    });
  }
  return describeColumns(schema, options).map((source) => ({
    ...source,
    types: typeNamesOf(source.column.type),
  }));
}

/** The columns of what Kafka says of each record, which stand before the value's. */
async function metadataColumns(
  values: readonly Column[],
  { options: { separator }, metadata }: { options: ColumnOptions; metadata: Metadata },
): Promise<Column[]> {
  const { fields, keyForm } = metadata;
  if (fields.length === 0) return [];
  const { refuseSameNames, specOf } = await import("../metadata/mod.ts");
  const { typeNamesOf } = await import("../parquet/mod.ts");
  refuseSameNames({ columns: values.map(({ column }) => column) }, {
    metadata,
    separator,
    pathOf: (name) => values.find(({ column }) => column.name === name)?.path ?? name,
  });
  return fields.map((field) => {
    const column = specOf(field, { topic: "", separator, keyForm });
    const types = field === "key" && keyForm === "avro" ? BY_KEY : typeNamesOf(column.type);
    return { path: column.name, avro: undefined, column, types };
  });
}

function asLines({ name }: Version, columns: readonly Column[]): string[] {
  // Mostly a column has the name of its path; then twice the same would only take room.
  const isSame = columns.every(({ path, column }) => path === column.name);
  const lines = columns.map(({ path, avro, column, types }) => [
    ...(isSame ? [] : [path]),
    column.name,
    avro ?? "(Kafka)",
    types.arrow,
    types.parquet,
    column.nullable ? "yes" : "no",
  ]);
  const names = isSame ? ["PATH AND COLUMN"] : ["PATH", "COLUMN"];
  return [
    `${cleanLine(name)}: ${plural(columns.length, "column")}`,
    "",
    ...formatTable([[...names, "AVRO", "ARROW", "PARQUET", "NULL"], ...lines], {
      // What goes into a pipe is for programs, which want it whole.
      width: terminalWidth(Infinity),
      whole: [names.length - 1],
    }),
  ];
}

function asJson({ json }: Version, columns: readonly Column[]): Json {
  return {
    ...json,
    columns: columns.map(({ path, avro, column, types }) => ({
      path,
      avro_type: avro ?? null,
      column: column.name,
      arrow_type: types.arrow,
      parquet_type: types.parquet,
      nullable: column.nullable,
    })),
  };
}
