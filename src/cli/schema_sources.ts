/** Where `kafka2parquet schema` finds schemas: files, and the registry by subject, id or GUID. */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { flushLogging } from "../log.ts";
import type { SchemaId } from "../model.ts";
import type { FoundSchema, Registry } from "../registry/mod.ts";
import { nearest } from "../nearest.ts";
import { hideSecrets } from "../secrets.ts";
import { OPTIONS } from "./options.ts";
import { resolveOption, type Sources } from "./resolve.ts";
import type { Version } from "./schema_columns.ts";
import { resolveRegistrySecurity, secretsIn, warnOfRisks } from "./security.ts";

/** A person waits for the answer. */
const REGISTRY_WAIT_MS = 5_000;
/** What is larger is no schema. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const ID_MAX = 2 ** 31 - 1;
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** A subject that is not there is compared with so many that are. */
const SUBJECTS_MAX = 10_000;
/** How nearly everybody names the subject of a topic's values. */
const VALUE_SUFFIX = "-value";

/** The schema that a SUBJECT, FILE.avsc, ID or GUID names. @throws UserError where there is none of Avro. */
export async function findSchema(of: string, sources: Sources): Promise<Version> {
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

async function byId(id: SchemaId, registry: Registry): Promise<Version> {
  const found = await registry.schema(id);
  if (found.kind === "unknown") {
    throw new UserError(found.reason.replace(/^[a-z]/, (letter) => letter.toUpperCase()));
  }
  return given(found, { name: typeof id === "string" ? `GUID ${id}` : `id ${id}`, json: { id } });
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
  const meant = isTopic ? ofTopic : nearest(subject, await registry.subjects(SUBJECTS_MAX));
  throw new UserError(`No subject ${JSON.stringify(subject)}: ${found.reason}`, {
    hint: meant === undefined ? "Subjects are mostly named <topic>-value." : `Did you mean ${meant}?`,
  });
}

function given(found: FoundSchema, { name, json }: Pick<Version, "name" | "json">): Version {
  if (found.schemaType !== "AVRO") {
    throw new UserError(`${name} is a schema of type ${found.schemaType}`, {
      hint: "kafka2parquet archives Avro records.",
    });
  }
  const { text, references, mixedReferences } = found;
  return { text, references, ...(mixedReferences !== undefined && { mixedReferences }), name, json };
}
