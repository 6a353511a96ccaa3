/** `kafka2parquet schema`: the columns that an Avro schema becomes, by the code that archives. */
import { ExitCode } from "../errors.ts";
import { configureLogging, flushLogging } from "../log.ts";
import { JSON_OPTION } from "./commands.ts";
import { OPTIONS } from "./options.ts";
import { Output, OutputClosed, terminalWidth } from "./output.ts";
import { resolveOption, type Sources, type Texts, wantsColor } from "./resolve.ts";
import {
  metadataColumns,
  parseVersions,
  type TypedColumn,
  type Version,
  type Wanted,
  warnOfCase,
} from "./schema_columns.ts";
import { findSchema } from "./schema_sources.ts";
import { mergeVersions, versionLines, versionsJson } from "./schema_versions.ts";
import { readSources } from "./sources.ts";
import { cleanLine, formatTable } from "./table.ts";
import { type Json, plural, toJson } from "./text.ts";

interface Column extends TypedColumn {
  readonly path: string;
  /** Undefined where it is not the value's. */
  readonly avro: string | undefined;
}

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
  const shown = await show(versions, { wanted: await wantedOf(sources), isJson });
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
  { wanted, isJson }: { wanted: Wanted; isJson: boolean },
): Promise<string | string[]> {
  const [given] = versions;
  if (given !== undefined && versions.length === 1) {
    const columns = await columnsOf(given, wanted);
    return isJson ? `${toJson(asJson(given, columns))}\n` : asLines(given, columns);
  }
  const columns = await mergeVersions(versions, wanted);
  return isJson ? `${toJson(versionsJson(versions, columns))}\n` : versionLines(versions, columns);
}

async function wantedOf(sources: Sources): Promise<Wanted> {
  const { selectionOf } = await import("../avro/mod.ts");
  const metadata = resolveOption(OPTIONS.metadata, sources)!;
  const selection = selectionOf({
    include: resolveOption<readonly string[]>(OPTIONS.include, sources) ?? [],
    exclude: resolveOption<readonly string[]>(OPTIONS.exclude, sources) ?? [],
  });
  const separator = resolveOption(OPTIONS.separator, sources)!;
  return { metadata, options: { separator, selection, nullable: metadata.fields.length > 0 } };
}

async function columnsOf(given: Version, wanted: Wanted): Promise<Column[]> {
  const { typeNamesOf } = await import("../parquet/mod.ts");
  const parsed = await parseVersions([given], wanted.options);
  const ofKafka = (await metadataColumns(parsed, wanted)).map((typed) => ({
    ...typed,
    path: typed.column.name,
    avro: undefined,
  }));
  const ofValue = parsed.flatMap(({ sources }) =>
    sources.map((source) => ({ ...source, types: typeNamesOf(source.column.type) }))
  );
  await warnOfCase(ofValue.map(({ column }) => column));
  return [...ofKafka, ...ofValue];
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
