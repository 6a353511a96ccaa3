/** `kafka2parquet schema`: the columns that an Avro schema becomes, by the code that archives. */
import { getLogger } from "@logtape/logtape";
import type { ColumnSpec } from "../columns/mod.ts";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { configureLogging, flushLogging } from "../log.ts";
import type { SchemaId } from "../model.ts";
import type { TypeNames } from "../parquet/mod.ts";
import type { FoundSchema, Registry } from "../registry/mod.ts";
import { hideSecrets } from "../secrets.ts";
import { JSON_OPTION } from "./commands.ts";
import { OPTIONS } from "./options.ts";
import { Output, OutputClosed, terminalWidth } from "./output.ts";
import { resolveOption, type Sources, type Texts, wantsColor } from "./resolve.ts";
import { resolveRegistrySecurity, secretsIn, warnOfRisks } from "./security.ts";
import { readSources } from "./sources.ts";
import { cleanLine, formatTable } from "./table.ts";
import { type Json, plural, toJson } from "./text.ts";

const log = getLogger(["kafka2parquet", "schema"]);

/** A person waits for the answer. */
const REGISTRY_WAIT_MS = 5_000;
/** What is larger is no schema. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const ID_MAX = 2 ** 31 - 1;
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** How nearly everybody names the subject of a topic's values. */
const VALUE_SUFFIX = "-value";

/** A schema's texts, and where they were found. */
interface Given {
  readonly text: string;
  readonly references: readonly string[];
  readonly mixedReferences?: string;
  /** `customer_events-value, version 3, id 7`. */
  readonly name: string;
  readonly json: { readonly [name: string]: Json };
}

interface Column {
  readonly path: string;
  /** Undefined where it is not the value's. */
  readonly avro: string | undefined;
  readonly column: ColumnSpec;
  readonly types: TypeNames;
}

/** Shows the columns of a subject's latest version, of an id or GUID, or of a file. Throws {@link UserError}. */
export async function schema(of: string, flags: Texts): Promise<ExitCode> {
  const { sources } = await readSources(flags);
  configureLogging({ level: "warning", format: "text", color: wantsColor("auto", sources) });
  const given = await find(of, sources);
  const columns = await columnsOf(given, sources);
  flushLogging();
  const output = new Output();
  try {
    if (resolveOption(JSON_OPTION, { flags })) output.write(`${toJson(asJson(given, columns))}\n`);
    else output.lines(asLines(given, columns));
    output.flush();
  } catch (error) {
    // Whoever read our output has seen enough.
    if (!(error instanceof OutputClosed)) throw error;
  }
  return ExitCode.ok;
}

/** Modules are loaded here, so that --help does not wait for them. */
async function columnsOf(given: Given, sources: Sources): Promise<Column[]> {
  try {
    return await describe(given, sources);
  } catch (cause) {
    if (given.mixedReferences === undefined) throw cause;
    throw new UserError(`${messageOf(cause)} (its references name ${given.mixedReferences})`, {
      ...(cause instanceof UserError && cause.hint !== undefined && { hint: cause.hint }),
      cause,
    });
  }
}

async function describe({ text, references }: Given, sources: Sources): Promise<Column[]> {
  const { describeColumns, parseSchema, selectionOf, unmatchedPatterns } = await import("../avro/mod.ts");
  const { typeNamesOf } = await import("../parquet/mod.ts");
  const metadata = resolveOption(OPTIONS.metadata, sources)!;
  const { fields, keyForm } = metadata;
  const separator = resolveOption(OPTIONS.separator, sources)!;
  const options = {
    separator,
    selection: selectionOf({
      include: resolveOption<readonly string[]>(OPTIONS.include, sources) ?? [],
      exclude: resolveOption<readonly string[]>(OPTIONS.exclude, sources) ?? [],
    }),
    nullable: fields.length > 0,
  };
  const schema = parseSchema(text, references);
  for (const { pattern, meant } of unmatchedPatterns(schema, options)) {
    log.warning("No column matches {pattern}{meant}", {
      pattern,
      meant: meant === undefined ? "" : `: did you mean ${meant}?`,
    });
  }
  const values = describeColumns(schema, options);
  const known = values.map((source) => ({ ...source, types: typeNamesOf(source.column.type) }));
  if (fields.length === 0) return known;
  const { refuseSameNames, specOf } = await import("../metadata/mod.ts");
  refuseSameNames({ columns: values.map(({ column }) => column) }, {
    metadata,
    separator,
    pathOf: (name) => values.find(({ column }) => column.name === name)?.path ?? name,
  });
  const ofRecord = fields.map((field) => {
    const column = specOf(field, { topic: "", separator, keyForm });
    const types = field === "key" && keyForm === "avro" ? BY_KEY : typeNamesOf(column.type);
    return { path: column.name, avro: undefined, column, types };
  });
  return [...ofRecord, ...known];
}

/** One column or several: a schema of values does not say which. */
const BY_KEY: TypeNames = { arrow: "by the key's schema", parquet: "by the key's schema" };

async function find(of: string, sources: Sources): Promise<Given> {
  if (/\.(avsc|json)$/i.test(of) || /[\\/]/.test(of)) return await readSchemaFile(of);
  const isId = /^\d+$/.test(of);
  if (isId && Number(of) > ID_MAX) {
    throw new UserError(`${of} is no schema id: they end at ${ID_MAX}`, { exitCode: ExitCode.usage });
  }
  return await withRegistry(
    sources,
    (registry) =>
      isId
        ? byId(Number(of), registry)
        : GUID.test(of)
        ? byId(of.toLowerCase(), registry)
        : bySubject(of, registry),
  );
}

async function readSchemaFile(path: string): Promise<Given> {
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
  ask: (registry: Registry) => Promise<Given>,
): Promise<Given> {
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

async function byId(id: SchemaId, registry: Registry): Promise<Given> {
  const found = await registry.schema(id);
  if (found.kind === "unknown") {
    throw new UserError(found.reason.replace(/^[a-z]/, (letter) => letter.toUpperCase()));
  }
  return given(found, { name: typeof id === "string" ? `GUID ${id}` : `id ${id}`, json: { id } });
}

async function bySubject(subject: string, registry: Registry): Promise<Given> {
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

function given(found: FoundSchema, { name, json }: Pick<Given, "name" | "json">): Given {
  if (found.schemaType !== "AVRO") {
    throw new UserError(`${name} is a schema of type ${found.schemaType}`, {
      hint: "kafka2parquet archives Avro records.",
    });
  }
  const { text, references, mixedReferences } = found;
  return { text, references, ...(mixedReferences !== undefined && { mixedReferences }), name, json };
}

function asLines({ name }: Given, columns: readonly Column[]): string[] {
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

function asJson({ json }: Given, columns: readonly Column[]): Json {
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
