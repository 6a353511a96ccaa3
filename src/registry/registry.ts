/** Looking up writer schemas: cached, patient, and clear about what is unknown and what is only away. */
import { getLogger } from "@logtape/logtape";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { NO_REGISTRY_SECURITY, type RegistrySecurity } from "../security.ts";
import { explainTls, isTlsError } from "../tls.ts";
import { Trouble } from "../trouble.ts";
import { openApi, type RegistryAnswer, type RegistryApi } from "./confluent.ts";
import { sleep, unlessAborted } from "../wait.ts";

const log = getLogger(["kafka2parquet", "registry"]);

const REQUEST_TIMEOUT_MS = 10_000;
const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 5_000;
/** Schemas kept; the one that was found first is dropped first. A topic has tens at most. */
const CACHE_MAX = 1_000;
/** An id that is unknown is not asked for again for so long: a bad topic would ask for each record. */
const UNKNOWN_FOR_MS = 30_000;
const UNKNOWN_MAX = 10_000;
const REFERENCES_MAX = 1_000;
const REFERENCE_DEPTH_MAX = 64;

const HTTP_UNAUTHORIZED = 401;
const HTTP_FORBIDDEN = 403;
const HTTP_NOT_FOUND = 404;
/** The registry's own codes for a schema, version or subject that is not there start with the status. */
const NOT_FOUND_CODES = { from: 40_400, to: 40_500 } as const;
/** Any id does to see whether a registry answers as one; this one is likely to exist. */
const PING_ID = 1;
const NO_ANSWER = "no answer";
/** All URLs are one registry. */
const REGISTRY = "registry";

export interface RegistryOptions {
  /** Base URLs, of which the first that answers is used. */
  readonly urls: readonly string[];
  /** Ends all waiting. */
  readonly signal: AbortSignal;
  /** None by default. A user name in a URL goes before it, for that URL. */
  readonly security?: RegistrySecurity;
  /** Of one request; 10 s by default. */
  readonly timeoutMs?: number;
  /** Where it is noted that no registry answers. */
  readonly trouble?: Trouble;
}

/** A schema as it was registered, not parsed. */
export interface FoundSchema {
  readonly kind: "found";
  readonly id: number;
  /** `AVRO`, `JSON` or `PROTOBUF`. */
  readonly schemaType: string;
  readonly text: string;
  /** Texts of the schemas that `text` refers to, each after those that it needs itself. */
  readonly references: readonly string[];
}

/** The registry does not have this id: a fact about the record, not about the registry. */
export interface UnknownSchema {
  readonly kind: "unknown";
  readonly id: number;
  readonly reason: string;
}

export type SchemaLookup = FoundSchema | UnknownSchema;

/** The latest version of a subject. */
export interface FoundSubject extends FoundSchema {
  readonly subject: string;
  readonly version: number;
}

export interface UnknownSubject {
  readonly kind: "unknown";
  readonly subject: string;
  readonly reason: string;
}

export type SubjectLookup = FoundSubject | UnknownSubject;

/** An id or version is there where a subject was asked for. */
interface SchemaData {
  readonly id?: number;
  readonly version?: number;
  readonly schema: string;
  readonly schemaType?: string;
  readonly references?: readonly Reference[];
}

interface Reference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

/** How an answer is to be taken. */
type Verdict =
  | { readonly kind: "found"; readonly data: SchemaData }
  | { readonly kind: "unknown"; readonly reason: string }
  /** `error` is there where no repetition helps, until somebody has changed one of the two sides. */
  | { readonly kind: "away"; readonly cause: string; readonly error?: UserError };

export class Registry {
  readonly #options: RegistryOptions;
  readonly #trouble: Trouble;
  readonly #apis = new Map<string, Promise<RegistryApi>>();
  /** The URL that answered last. */
  #current = 0;
  readonly #found = new Map<number, FoundSchema>();
  readonly #unknown = new Map<number, { readonly lookup: UnknownSchema; readonly untilMs: number }>();
  readonly #pending = new Map<number, Promise<SchemaLookup>>();

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#trouble = options.trouble ?? new Trouble();
  }

  /**
   * Waits until a registry answers.
   *
   * @throws {UserError} with exit code 69 where none does within `startupTimeoutMs`, 78 where it refuses us.
   * @throws the signal's reason where it aborts first.
   */
  async ping(signal: AbortSignal, startupTimeoutMs: number): Promise<void> {
    const deadline = AbortSignal.timeout(startupTimeoutMs);
    const answered = await this.#ask((api) => api.schemaById(PING_ID), [signal, deadline], "give up");
    if (answered.kind !== "away") return;
    if (answered.error !== undefined) throw answered.error;
    signal.throwIfAborted();
    this.#options.signal.throwIfAborted();
    throw new UserError(`Cannot reach the schema registry at ${this.#names()}: ${answered.cause}`, {
      exitCode: ExitCode.unavailable,
      hint: "Check --registry, its path included, and that the registry is running.",
    });
  }

  /**
   * The schema of an id. A registry that is away is asked again, with growing pauses, until it answers or the signal
   * of the constructor aborts: that never becomes `unknown`. Equal ids that are asked for at the same time share
   * one request.
   *
   * @throws {UserError} where the registry refuses our credentials.
   * @throws the signal's reason.
   */
  schema(id: number): Promise<SchemaLookup> {
    const found = this.#found.get(id);
    if (found !== undefined) return Promise.resolve(found);
    const unknown = this.#unknown.get(id);
    if (unknown !== undefined) {
      if (performance.now() < unknown.untilMs) return Promise.resolve(unknown.lookup);
      this.#unknown.delete(id);
    }
    let pending = this.#pending.get(id);
    if (pending === undefined) {
      pending = this.#lookUp(id).finally(() => this.#pending.delete(id));
      this.#pending.set(id, pending);
    }
    return pending;
  }

  async #lookUp(id: number): Promise<SchemaLookup> {
    const lookup = await this.#resolve(id);
    if (lookup.kind === "found") {
      dropOldest(this.#found, CACHE_MAX);
      this.#found.set(id, lookup);
    } else {
      dropOldest(this.#unknown, UNKNOWN_MAX);
      this.#unknown.set(id, { lookup, untilMs: performance.now() + UNKNOWN_FOR_MS });
    }
    return lookup;
  }

  /**
   * The latest version of a subject as it is now: nothing is remembered. A registry that is away is asked again until
   * the signal of the constructor aborts.
   *
   * @throws {UserError} where the registry refuses our credentials.
   * @throws the signal's reason.
   */
  async latest(subject: string): Promise<SubjectLookup> {
    const answer = await this.#insist((api) => api.subjectVersion(subject, "latest"));
    if (answer.kind === "unknown") return { kind: "unknown", subject, reason: answer.reason };
    const { id = 0, version = 0 } = answer.data;
    const lookup = await this.#withReferences(id, answer.data);
    if (lookup.kind === "unknown") return { kind: "unknown", subject, reason: lookup.reason };
    return { ...lookup, subject, version };
  }

  async #resolve(id: number): Promise<SchemaLookup> {
    const answer = await this.#insist((api) => api.schemaById(id));
    if (answer.kind === "unknown") {
      return { kind: "unknown", id, reason: `schema ${id} is not in the registry: ${answer.reason}` };
    }
    return await this.#withReferences(id, answer.data);
  }

  async #withReferences(
    id: number,
    { schema, schemaType = "AVRO", references = [] }: SchemaData,
  ): Promise<SchemaLookup> {
    const texts = new Map<string, string>();
    const problem = await this.#resolveReferences(references, texts);
    if (problem !== undefined) return { kind: "unknown", id, reason: `schema ${id}: ${problem}` };
    return { kind: "found", id, schemaType, text: schema, references: [...texts.values()] };
  }

  /** Adds the texts in the order in which they need each other; returns what is wrong with them. */
  async #resolveReferences(
    references: readonly Reference[],
    texts: Map<string, string>,
    depth = 1,
  ): Promise<string | undefined> {
    if (depth > REFERENCE_DEPTH_MAX) return `references are nested more than ${REFERENCE_DEPTH_MAX} deep`;
    for (const { name, subject, version } of references) {
      const key = `${subject} version ${version}`;
      if (texts.has(key)) continue;
      if (texts.size >= REFERENCES_MAX) return `more than ${REFERENCES_MAX} references`;
      const answer = await this.#insist((api) => api.subjectVersion(subject, version));
      if (answer.kind === "unknown") return `reference ${name} (${key}): ${answer.reason}`;
      const problem = await this.#resolveReferences(answer.data.references ?? [], texts, depth + 1);
      if (problem !== undefined) return problem;
      texts.set(key, answer.data.schema);
    }
    return undefined;
  }

  async #insist(
    question: (api: RegistryApi) => Promise<RegistryAnswer>,
  ): Promise<Exclude<Verdict, { kind: "away" }>> {
    const verdict = await this.#ask(question, []);
    if (verdict.kind !== "away") return verdict;
    // Only the signal ends the waiting.
    this.#options.signal.throwIfAborted();
    throw new Error(verdict.cause);
  }

  /** Asks one registry after the other until one answers, or one of the signals aborts. */
  async #ask(
    question: (api: RegistryApi) => Promise<RegistryAnswer>,
    signals: readonly AbortSignal[],
    /** Where all registries have reasons against us that no repetition mends. */
    hopeless: "give up" | "repeat" = "repeat",
  ): Promise<Verdict> {
    const signal = AbortSignal.any([this.#options.signal, ...signals]);
    let pauseMs = BACKOFF_FIRST_MS;
    let cause = NO_ANSWER;
    while (!signal.aborted) {
      const errors: UserError[] = [];
      for (let tried = 0; tried < this.#options.urls.length && !signal.aborted; tried++) {
        const url = this.#options.urls[this.#current]!;
        // A question that nobody answers would hold up the end by its own timeout.
        const verdict = await unlessAborted(this.#judge(url, question), signal);
        if (verdict === undefined) return { kind: "away", cause };
        if (verdict.kind !== "away") {
          this.#trouble.over(REGISTRY);
          return verdict;
        }
        cause = verdict.cause;
        if (verdict.error !== undefined) errors.push(verdict.error);
        this.#current = (this.#current + 1) % this.#options.urls.length;
      }
      if (hopeless === "give up" && errors.length === this.#options.urls.length) {
        return { kind: "away", cause, error: errors[0]! };
      }
      this.#trouble.failed(REGISTRY, cause);
      log.warn("Waiting for the schema registry at {registry}: {cause}", { registry: this.#names(), cause });
      await sleep(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, BACKOFF_MAX_MS);
    }
    return { kind: "away", cause };
  }

  async #judge(url: string, question: (api: RegistryApi) => Promise<RegistryAnswer>): Promise<Verdict> {
    let answer: RegistryAnswer;
    try {
      answer = await question(await this.#api(url));
    } catch (error) {
      return { kind: "away", cause: messageOf(error) };
    }
    if (answer.kind === "silence") return await this.#explain(url, answer);
    const { status, data } = answer;
    if (status === HTTP_UNAUTHORIZED || status === HTTP_FORBIDDEN) {
      throw new UserError(`The schema registry at ${withoutPassword(url)} refuses us: HTTP ${status}`, {
        exitCode: ExitCode.config,
        hint: this.#options.security?.auth === undefined && !url.includes("@")
          ? "It asks for credentials: set registry-username and registry-password, or registry-token."
          : "Check the credentials for the registry, and their right to read schemas.",
      });
    }
    if (status < 300 && isSchemaData(data)) return { kind: "found", data };
    const { code, message } = errorOf(data);
    const isNotFound = status === HTTP_NOT_FOUND && code !== undefined &&
      code >= NOT_FOUND_CODES.from && code < NOT_FOUND_CODES.to;
    if (isNotFound) return { kind: "unknown", reason: message ?? `the registry answers ${code}` };
    // A proxy, or a wrong path: what is no registry's answer says nothing about the id.
    return { kind: "away", cause: `HTTP ${status}${message === undefined ? "" : `: ${message}`}` };
  }

  /** What an error on the way to a registry means; those of TLS are no matter of patience. */
  async #explain(
    url: string,
    { cause, code }: { readonly cause: string; readonly code?: string },
  ): Promise<Verdict> {
    const { hostname, port, protocol } = new URL(url);
    const what = `schema registry at ${withoutPassword(url)}`;
    if (protocol === "http:" && code !== undefined && /^HPE_/.test(code)) {
      const message = `The ${what} does not speak HTTP: ${cause}`;
      const hint = "Write https:// if it wants TLS.";
      return { kind: "away", cause, error: new UserError(message, { hint, exitCode: ExitCode.config }) };
    }
    if (!isTlsError(code)) return { kind: "away", cause };
    const error = await explainTls(code, cause, {
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port || "443"),
      tls: (this.#options.security ?? NO_REGISTRY_SECURITY).tls,
      names: { what, ca: "registry-ca or --tls-ca", cert: "registry-cert and registry-key, or --tls-cert" },
    });
    return { kind: "away", cause: error.message, error };
  }

  #api(url: string): Promise<RegistryApi> {
    let api = this.#apis.get(url);
    if (api === undefined) {
      api = openApi({
        url: url.replace(/\/+$/, ""),
        timeoutMs: this.#options.timeoutMs ?? REQUEST_TIMEOUT_MS,
        security: this.#options.security ?? NO_REGISTRY_SECURITY,
      });
      this.#apis.set(url, api);
    }
    return api;
  }

  #names(): string {
    return this.#options.urls.map(withoutPassword).join(", ");
  }
}

function isSchemaData(data: unknown): data is SchemaData {
  return typeof data === "object" && data !== null && "schema" in data && typeof data.schema === "string";
}

function errorOf(data: unknown): { code?: number; message?: string } {
  if (typeof data !== "object" || data === null) return {};
  const { error_code: code, message, detail } = data as Record<string, unknown>;
  const text = typeof message === "string" ? message : detail;
  return {
    ...(typeof code === "number" ? { code } : {}),
    ...(typeof text === "string" ? { message: text } : {}),
  };
}

function withoutPassword(url: string): string {
  // Up to the last @: one may stand in the password, too.
  return url.replace(/\/\/[^/]*@/, "//");
}

function dropOldest(cache: Map<number, unknown>, max: number): void {
  if (cache.size < max) return;
  for (const key of cache.keys()) {
    cache.delete(key);
    return;
  }
}
