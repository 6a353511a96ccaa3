/** The one file that touches the registry client: its HTTP calls, with every answer as a value. */
// deno-lint-ignore-file no-explicit-any
import { Agent } from "node:https";
import type { RegistrySecurity } from "../security.ts";
import { tlsOptions } from "../tls.ts";

/** What came back from one registry: an HTTP answer, or none at all. */
export type RegistryAnswer =
  | { readonly kind: "answer"; readonly status: number; readonly data: unknown }
  | { readonly kind: "silence"; readonly cause: string; readonly code?: string };

/** The questions that we have for a registry. */
export interface RegistryApi {
  schemaById(id: number): Promise<RegistryAnswer>;
  subjectVersion(subject: string, version: number | "latest"): Promise<RegistryAnswer>;
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
    ...(security.auth?.kind === "basic" && { auth: security.auth }),
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
      request: (request: any) =>
        security.auth?.kind === "bearer"
          ? request.enhance({ headers: { authorization: `Bearer ${security.auth.token}` } })
          : request,
      response: (next: () => Promise<any>, _renew: unknown, request: object) =>
        next().catch((error) => {
          const response = failures.get(request);
          if (response === undefined) throw error;
          return response;
        }),
    })],
  });
  return {
    schemaById: async (id) => read(await api.Schema.find({ id, timeout: timeoutMs })),
    subjectVersion: async (subject, version) =>
      read(await api.Subject.version({ subject, version, timeout: timeoutMs })),
  };
}

function read(response: any): RegistryAnswer {
  const error = response.error();
  if (error !== null) return { kind: "silence", cause: error.message, code: error.code };
  return { kind: "answer", status: response.status(), data: response.data() };
}
