/** Looking up writer schemas: cached, patient, and clear about what is unknown and what is only away. */
import { getLogger } from "@logtape/logtape";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import type { SchemaId } from "../model.ts";
import { NO_REGISTRY_SECURITY, type RegistrySecurity } from "../security.ts";
import { LookupCache } from "./cache.ts";
import { Trouble } from "../trouble.ts";
import { openApi, type RegistryAnswer, type RegistryApi } from "./confluent.ts";
import { schemaByGuid } from "./guids.ts";
import { explainSilence, noRegistry, wantsTls } from "./mistakes.ts";
import { type Referring, resolveReferences } from "./references.ts";
import { sleep, unlessAborted } from "../wait.ts";
import { withoutPassword } from "../words.ts";

const log = getLogger(["kafka2parquet", "registry"]);

const REQUEST_TIMEOUT_MS = 10_000;
const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 5_000;
/**
 * A proxy whose registry is just starting may answer for a moment as one that has none at this path does: at start it
 * is believed at the third answer, with such pauses between them.
 */
const NO_REGISTRY_TRIES = 3;
const NO_REGISTRY_PAUSE_MS = 1_000;
/** Schemas kept. A topic has tens at most. */
const FOUND_MAX = 1_000;
/**
 * An id that is unknown is not asked for again for so long: a bad topic would ask for each record, and a schema that
 * is registered late is still found.
 */
const UNKNOWN_FOR_MS = 30_000;
const UNKNOWN_MAX = 10_000;

const HTTP_BAD_REQUEST = 400;
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
  /** The clock by which unknown ids are forgotten; `performance.now` by default. */
  readonly nowMs?: () => number;
  /** Where it is noted that no registry answers. */
  readonly trouble?: Trouble;
}

/** A schema as it was registered, not parsed. */
export interface FoundSchema {
  readonly kind: "found";
  readonly id: SchemaId;
  /** `AVRO`, `JSON` or `PROTOBUF`. */
  readonly schemaType: string;
  readonly text: string;
  /** Texts of the schemas that `text` refers to, each after those that it needs itself. */
  readonly references: readonly string[];
  /** `subject a in versions 1 and 2`, where references name both: types that both define contradict each other. */
  readonly mixedReferences?: string;
}

/** The registry does not have this id: a fact about the record, not about the registry. */
export interface UnknownSchema {
  readonly kind: "unknown";
  readonly id: SchemaId;
  readonly reason: string;
}

export type SchemaLookup = FoundSchema | UnknownSchema;

/** The latest version of a subject. */
export interface FoundSubject extends FoundSchema {
  readonly id: number;
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
interface SchemaData extends Referring {
  readonly id?: number;
  readonly version?: number;
  readonly schema: string;
  readonly schemaType?: string;
}

/** How an answer is to be taken. */
type Verdict =
  | { readonly kind: "found"; readonly data: SchemaData }
  | { readonly kind: "unknown"; readonly reason: string }
  | Away;

interface Away {
  readonly kind: "away";
  readonly cause: string;
  /** Where no repetition helps, until somebody has changed one of the two sides. */
  readonly error?: UserError;
  /** So often it has to be said to be believed; 1 by default. */
  readonly tries?: number;
}

export class Registry {
  readonly #options: RegistryOptions;
  readonly #trouble: Trouble;
  readonly #apis = new Map<string, Promise<RegistryApi>>();
  /** The URL that answered last. */
  #current = 0;
  readonly #schemas: LookupCache<SchemaId, SchemaLookup>;
  #aheadMs: number | undefined;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#schemas = new LookupCache({
      foundMax: FOUND_MAX,
      unknownMax: UNKNOWN_MAX,
      unknownForMs: UNKNOWN_FOR_MS,
      nowMs: options.nowMs ?? (() => performance.now()),
    });
    this.#trouble = options.trouble ?? new Trouble();
  }

  /**
   * How far the registry's clock was ahead of ours at its last answer, to about a second; undefined where it does not
   * tell the time.
   */
  get aheadMs(): number | undefined {
    return this.#aheadMs;
  }

  /**
   * Waits until a registry answers.
   *
   * @throws {UserError} with exit code 69 where none does within `startupTimeoutMs`, 78 where it refuses us,
   * wants TLS, or is no registry.
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
   * The schema of an id, or of a GUID. A registry that is away is asked again, with growing pauses, until it answers or
   * the signal of the constructor aborts: that never becomes `unknown`. Equal ids that are asked for at the same time
   * share one request.
   *
   * @throws {UserError} where the registry refuses our credentials.
   * @throws the signal's reason.
   */
  schema(id: SchemaId): Promise<SchemaLookup> {
    return this.#schemas.lookUp(id, () => this.#resolve(id));
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
    const lookup = await this.#withReferences(id, { ...answer.data, subject });
    if (lookup.kind === "unknown") return { kind: "unknown", subject, reason: lookup.reason };
    return { ...lookup, id, subject, version };
  }

  /** The first so many names of subjects, for a hint: none where the registry does not tell, which is not waited for. */
  async subjects(max: number): Promise<string[]> {
    const url = this.#options.urls[this.#current]!;
    const asked = this.#api(url).then((api) => api.subjects());
    const answer = await unlessAborted(asked, this.#options.signal).catch(() => undefined);
    if (answer?.kind !== "answer" || !Array.isArray(answer.data)) return [];
    return answer.data.slice(0, max).filter((name) => typeof name === "string");
  }

  async #resolve(id: SchemaId): Promise<SchemaLookup> {
    const isGuid = typeof id === "string";
    const answer = await this.#insist((api) =>
      isGuid ? schemaByGuid(api, { guid: id, anyId: PING_ID }) : api.schemaById(id)
    );
    if (answer.kind === "found") return await this.#withReferences(id, answer.data);
    const what = isGuid
      ? `the registry knows no schema with GUID ${id}`
      : `schema ${id} is not in the registry`;
    return { kind: "unknown", id, reason: `${what}: ${answer.reason}` };
  }

  async #withReferences(id: SchemaId, data: SchemaData): Promise<SchemaLookup> {
    const references = await resolveReferences(
      data,
      (subject, version) => this.#insist((api) => api.subjectVersion(subject, version)),
    );
    if (references.kind === "unknown") {
      return { kind: "unknown", id, reason: `schema ${id}: ${references.reason}` };
    }
    return {
      kind: "found",
      id,
      schemaType: data.schemaType ?? "AVRO",
      text: data.schema,
      references: references.texts,
      ...(references.mixed !== undefined && { mixedReferences: references.mixed }),
    };
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
    let hopelessRounds = 0;
    let error: UserError | undefined;
    while (!signal.aborted) {
      const reasons: Away[] = [];
      for (let tried = 0; tried < this.#options.urls.length && !signal.aborted; tried++) {
        const url = this.#options.urls[this.#current]!;
        // A question that nobody answers would hold up the end by its own timeout.
        const verdict = await unlessAborted(this.#judge(url, question, hopeless === "give up"), signal);
        if (verdict === undefined) return away(cause, error);
        if (verdict.kind !== "away") {
          this.#trouble.over(REGISTRY);
          return verdict;
        }
        cause = verdict.cause;
        if (verdict.error !== undefined) reasons.push(verdict);
        this.#current = (this.#current + 1) % this.#options.urls.length;
      }
      error = undefined;
      if (hopeless === "give up" && reasons.length === this.#options.urls.length) {
        error = reasons[0]!.error;
        const tries = Math.max(...reasons.map(({ tries = 1 }) => tries));
        if (++hopelessRounds >= tries) return away(cause, error);
        pauseMs = NO_REGISTRY_PAUSE_MS;
      } else hopelessRounds = 0;
      this.#trouble.failed(REGISTRY, cause);
      log.warn("Waiting for the schema registry at {registry}: {cause}", { registry: this.#names(), cause });
      await sleep(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, BACKOFF_MAX_MS);
    }
    return away(cause, error);
  }

  async #judge(
    url: string,
    question: (api: RegistryApi) => Promise<RegistryAnswer>,
    /** Whether it is worth a second connection to find out why it is away. */
    isStart: boolean,
  ): Promise<Verdict> {
    let answer: RegistryAnswer;
    try {
      answer = await question(await this.#api(url));
    } catch (error) {
      return { kind: "away", cause: messageOf(error) };
    }
    if (answer.kind === "silence") {
      const { tls } = this.#options.security ?? NO_REGISTRY_SECURITY;
      const error = await explainSilence(url, answer, { tls, isStart });
      return away(error?.message ?? answer.cause, error);
    }
    const { status, data, dateMs } = answer;
    this.#aheadMs = dateMs === undefined ? undefined : dateMs - Date.now();
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
    if (isStart && status === HTTP_BAD_REQUEST && code === undefined) {
      const error = await wantsTls(url);
      if (error !== undefined) return away(error.message, error);
    }
    // A proxy, or a wrong path: what is no registry's answer says nothing about the id.
    const cause = `HTTP ${status}${message === undefined ? "" : `: ${message}`}`;
    if (status >= 400 && status !== HTTP_NOT_FOUND) return { kind: "away", cause };
    const error = noRegistry(url, cause);
    return { kind: "away", cause, error, tries: NO_REGISTRY_TRIES };
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

function away(cause: string, error?: UserError): Away {
  return { kind: "away", cause, ...(error !== undefined && { error }) };
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
