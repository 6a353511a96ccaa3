/** The one file that touches the registry client: its HTTP calls, with every answer as a value. */
// deno-lint-ignore-file no-explicit-any
import { Agent } from "node:https";
import type { RegistrySecurity } from "../security.ts";
import { tlsOptions } from "../tls.ts";

/** What came back from one registry: an HTTP answer, or none at all. */
export type RegistryAnswer =
  | {
    readonly kind: "answer";
    readonly status: number;
    readonly data: unknown;
    /** When it was given, by the answering side's clock; milliseconds since the epoch. */
    readonly dateMs: number | undefined;
  }
  | { readonly kind: "silence"; readonly cause: string; readonly code?: string };

/** The questions that we have for a registry. */
export interface RegistryApi {
  schemaById(id: number): Promise<RegistryAnswer>;
  schemaByGuid(guid: string): Promise<RegistryAnswer>;
  subjectVersion(subject: string, version: number | "latest"): Promise<RegistryAnswer>;
  subjects(): Promise<RegistryAnswer>;
}

export interface ApiOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly security: RegistrySecurity;
}

/** The failed responses as they came, by the request that they answer. */
const failures = new WeakMap<object, any>();

/** Loads the client at the first call: it costs 80 ms, which `--help` should not pay. */
export async function openApi({ url, timeoutMs, security }: ApiOptions): Promise<RegistryApi> {
  const { SchemaRegistry } = await import("@kafkajs/confluent-schema-registry") as any;
  const { api } = new SchemaRegistry({
    host: url,
    ...(url.startsWith("https:") && { agent: new Agent({ ...tlsOptions(security.tls), keepAlive: true }) }),
    retry: {
      // The client makes an error of each failed response, without the registry's own code, and with a status 400
      // for a connection that was refused. The judge of retries is the only one who sees the response itself.
      retries: 1,
      validateRetry: (response: any) => {
        failures.set(response.request(), response);
        return false;
      },
    },
    middlewares: [() => ({
      response: (next: () => Promise<any>, _renew: unknown, request: object) =>
        next().catch((error) => {
          const response = failures.get(request);
          if (response === undefined) throw error;
          return response;
        }),
    })],
  });
  // With each call and not by a middleware: that would make other requests of them, and hide their responses from us.
  const common = { timeout: timeoutMs, ...headersOf(url, security) };
  return {
    schemaById: async (id) => read(await api.Schema.find({ id, ...common })),
    // The client knows no such request; its others can be given another path.
    schemaByGuid: async (guid) =>
      read(await api.Schema.find({ path: `/schemas/guids/${encodeURIComponent(guid)}`, ...common })),
    subjectVersion: async (subject, version) =>
      read(await api.Subject.version({ subject, version, ...common })),
    subjects: async () => read(await api.Subject.all(common)),
  };
}

/** A user name in the URL goes before all others. */
function headersOf(url: string, { auth }: RegistrySecurity): { headers?: { authorization: string } } {
  if (auth === undefined || new URL(url).username !== "") return {};
  const authorization = auth.kind === "bearer"
    ? `Bearer ${auth.token}`
    : `Basic ${new TextEncoder().encode(`${auth.username}:${auth.password}`).toBase64()}`;
  return { headers: { authorization } };
}

function read(response: any): RegistryAnswer {
  const error = response.error();
  if (error !== null) return { kind: "silence", cause: error.message, code: error.code };
  return { kind: "answer", status: response.status(), data: response.data(), dateMs: dateOf(response) };
}

/** A cache in between passes on the date of the answer that it holds, and for how long it has held it. */
function dateOf(response: any): number | undefined {
  const dateMs = Date.parse(response.header("date") ?? "") + Number(response.header("age") ?? 0) * 1_000;
  return Number.isFinite(dateMs) ? dateMs : undefined;
}
