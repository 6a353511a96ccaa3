/** `kafka2parquet schema`: the columns that an Avro schema becomes, by the code that archives. */
import { getLogger } from "@logtape/logtape";
import type { ColumnOptions, ColumnSource } from "../avro/mod.ts";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { configureLogging, flushLogging } from "../log.ts";
import type { TypeNames } from "../parquet/mod.ts";
import type { FoundSchema, Registry } from "../registry/mod.ts";
import { hideSecrets } from "../secrets.ts";
import { JSON_OPTION } from "./commands.ts";
import { OPTIONS } from "./options.ts";
import { Output, OutputClosed, terminalWidth } from "./output.ts";
import { resolveOption, type Sources, type Texts, wantsColor } from "./resolve.ts";
import { resolveRegistrySecurity, secretsIn, warnOfRisks } from "./security.ts";
import { mergeVersions, type Version, versionLines, versionsJson } from "./schema_versions.ts";
import { readSources } from "./sources.ts";
import { cleanLine, formatTable } from "./table.ts";
import { type Json, plural, toJson } from "./text.ts";

const log = getLogger(["kafka2parquet", "schema"]);

/** A person waits for the answer. */
const REGISTRY_WAIT_MS = 5_000;
/** What is larger is no schema. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const ID_MAX = 2 ** 31 - 1;
/** How nearly everybody names the subject of a topic's values. */
const VALUE_SUFFIX = "-value";

interface Column extends ColumnSource {
  readonly types: TypeNames;
}

/**
 * Shows the columns of a subject's latest version, of an id, or of a file; of several, those of a file that holds
 * records of all. Throws {@link UserError}.
 */
export async function schema(of: readonly string[], flags: Texts): Promise<ExitCode> {
  const { sources } = await readSources(flags);
  configureLogging({ level: "warning", format: "text", color: wantsColor("auto", sources) });
  const versions: Version[] = [];
  for (const one of of) versions.push(await find(one, sources));
  const isJson = resolveOption(JSON_OPTION, { flags })!;
  const shown = await show(versions, { options: await columnOptions(sources), isJson });
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
  { options, isJson }: { options: ColumnOptions; isJson: boolean },
): Promise<string | string[]> {
  const [given] = versions;
  if (given !== undefined && versions.length === 1) {
    const columns = await columnsOf(given, options);
    return isJson ? `${toJson(asJson(given, columns))}\n` : asLines(given, columns);
  }
  const file = await mergeVersions(versions, options);
  return isJson ? `${toJson(await versionsJson(versions, file))}\n` : await versionLines(versions, file);
}

/** Modules are loaded here and below, so that --help does not wait for them. */
async function columnOptions(sources: Sources): Promise<ColumnOptions> {
  const { selectionOf } = await import("../avro/mod.ts");
  return {
    separator: resolveOption(OPTIONS.separator, sources)!,
    selection: selectionOf({
      include: resolveOption<readonly string[]>(OPTIONS.include, sources) ?? [],
      exclude: resolveOption<readonly string[]>(OPTIONS.exclude, sources) ?? [],
    }),
  };
}

async function columnsOf({ text, references }: Version, options: ColumnOptions): Promise<Column[]> {
  const { describeColumns, parseSchema, unmatchedPatterns } = await import("../avro/mod.ts");
  const { typeNamesOf } = await import("../parquet/mod.ts");
  const schema = parseSchema(text, references);
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

async function find(of: string, sources: Sources): Promise<Version> {
  if (/\.(avsc|json)$/i.test(of) || /[\\/]/.test(of)) return await readSchemaFile(of);
  const isId = /^\d+$/.test(of);
  if (isId && Number(of) > ID_MAX) {
    throw new UserError(`${of} is no schema id: they end at ${ID_MAX}`, { exitCode: ExitCode.usage });
  }
  return await withRegistry(
    sources,
    (registry) => isId ? byId(Number(of), registry) : bySubject(of, registry),
  );
}

async function readSchemaFile(path: string): Promise<Version> {
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) throw new Error("it is no file");
    if (size > FILE_BYTES_MAX) throw new Error(`it has ${size} bytes, more than any schema`);
    return { text: await Deno.readTextFile(path), references: [], name: path, json: { file: path } };
  } catch (cause) {
    const isMissing = cause instanceof Deno.errors.NotFound;
    throw new UserError(`Cannot read ${path}: ${isMissing ? "no such file" : messageOf(cause)}`, {
      hint: "Name an .avsc file, a subject or a schema id.",
      cause,
    });
  }
}

async function withRegistry(
  sources: Sources,
  ask: (registry: Registry) => Promise<Version>,
): Promise<Version> {
  const urls = resolveOption(OPTIONS.registry, sources)!;
  const security = await resolveRegistrySecurity(sources);
  hideSecrets(secretsIn({ registrySecurity: security }, urls));
  warnOfRisks({ registrySecurity: security }, urls);
  const { Registry } = await import("../registry/mod.ts");
  const end = new AbortController();
  const registry = new Registry({ urls, signal: end.signal, security });
  await registry.ping(end.signal, REGISTRY_WAIT_MS).finally(flushLogging);
  // It has answered, but may not go on to.
  const timer = setTimeout(() =>
    end.abort(
      new UserError("The schema registry has stopped answering", {
        hint: "Try again when it is up.",
        exitCode: ExitCode.unavailable,
      }),
    ), REGISTRY_WAIT_MS);
  try {
    return await ask(registry);
  } finally {
    clearTimeout(timer);
  }
}

async function byId(id: number, registry: Registry): Promise<Version> {
  const found = await registry.schema(id);
  if (found.kind === "unknown") throw new UserError(found.reason.replace(/^s/, "S"));
  return given(found, { name: `id ${id}`, json: { id } });
}

async function bySubject(subject: string, registry: Registry): Promise<Version> {
  const found = await registry.latest(subject);
  if (found.kind === "found") {
    const { version, id } = found;
    return given(found, {
      name: `${subject}, version ${version}, id ${id}`,
      json: { subject, version, id },
    });
  }
  const ofTopic = subject + VALUE_SUFFIX;
  const isTopic = (await registry.latest(ofTopic)).kind === "found";
  throw new UserError(`No subject ${JSON.stringify(subject)}: ${found.reason}`, {
    hint: isTopic ? `Did you mean ${ofTopic}?` : "Subjects are mostly named <topic>-value.",
  });
}

function given(found: FoundSchema, { name, json }: Pick<Version, "name" | "json">): Version {
  if (found.schemaType !== "AVRO") {
    throw new UserError(`${name} is a schema of type ${found.schemaType}`, {
      hint: "kafka2parquet archives Avro records.",
    });
  }
  return { text: found.text, references: found.references, name, json };
}

function asLines({ name }: Version, columns: readonly Column[]): string[] {
  // Mostly a column has the name of its path; then twice the same would only take room.
  const isSame = columns.every(({ path, column }) => path === column.name);
  const lines = columns.map(({ path, avro, column, types }) => [
    ...(isSame ? [] : [path]),
    column.name,
    avro,
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
      avro_type: avro,
      column: column.name,
      arrow_type: types.arrow,
      parquet_type: types.parquet,
      nullable: column.nullable,
    })),
  };
}
