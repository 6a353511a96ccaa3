/** A real registry that asks for credentials, and doors of TLS in front of it. */
import { createServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { freePorts, type RegistryServer, startRegistry } from "../../dev/mod.ts";
import { Authority, type Certificate } from "../support/pki.ts";

export const REGISTRY_USER = "schema-reader";
export const REGISTRY_PASSWORD = "registry:pass@8642";
export const REGISTRY_TOKEN = "registry-token-1357924680";

export const REGISTRY_BASIC = `Basic ${btoa(`${REGISTRY_USER}:${REGISTRY_PASSWORD}`)}`;

export interface SecureRegistry {
  readonly server: RegistryServer;
  /** The same over TLS of its own. */
  readonly tlsUrl: string;
}

export async function startSecureRegistry(): Promise<SecureRegistry> {
  await using authority = await Authority.create("Registry Authority");
  const { cert, key } = await authority.certificate("registry");
  const [tlsPort] = freePorts(1);
  const server = await startRegistry({
    settings: {
      "quarkus.http.ssl-port": String(tlsPort),
      "quarkus.http.ssl.certificate.files": cert,
      "quarkus.http.ssl.certificate.key-files": key,
      "quarkus.http.auth.basic": "true",
      "quarkus.http.auth.permission.all.paths": "/apis/*",
      "quarkus.http.auth.permission.all.policy": "authenticated",
      "quarkus.security.users.embedded.enabled": "true",
      "quarkus.security.users.embedded.plain-text": "true",
      [`quarkus.security.users.embedded.users.${REGISTRY_USER}`]: REGISTRY_PASSWORD,
      [`quarkus.security.users.embedded.roles.${REGISTRY_USER}`]: "sr-admin",
    },
  });
  return { server, tlsUrl: `https://127.0.0.1:${tlsPort}${new URL(server.url).pathname}` };
}

export interface Door extends AsyncDisposable {
  readonly url: string;
}

export interface DoorOptions {
  /** Plain HTTP where there is none. */
  readonly certificate?: Certificate;
  /** Path of the authority whose certificates clients must show. */
  readonly clientCa?: string;
  /** What a request's authorization becomes, where not what it is; "refuse" for 401. */
  readonly authorize?: (given: string | undefined) => string | "refuse";
}

/** Passes requests on to the registry. */
export async function openDoor(registry: string, options: DoorOptions = {}): Promise<Door> {
  const to = new URL(registry);
  const pass = async (method: string, path: string, given: string | undefined, body: string | undefined) => {
    const authorization = options.authorize === undefined ? given : options.authorize(given);
    if (authorization === "refuse") return new Response("no", { status: 401 });
    return await fetch(to.origin + path, {
      method,
      headers: {
        "content-type": "application/vnd.schemaregistry.v1+json",
        ...(authorization !== undefined && { authorization }),
      },
      ...(body !== undefined && { body }),
    });
  };
  if (options.certificate === undefined) {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const body = request.method === "GET" ? undefined : await request.text();
      const { pathname } = new URL(request.url);
      return await pass(request.method, pathname, request.headers.get("authorization") ?? undefined, body);
    });
    const url = `http://127.0.0.1:${server.addr.port}${to.pathname}`;
    return { url, [Symbol.asyncDispose]: () => server.shutdown() };
  }
  const tls: ServerOptions = {
    key: await Deno.readTextFile(options.certificate.key),
    cert: await Deno.readTextFile(options.certificate.cert),
    ...(options.clientCa !== undefined && {
      requestCert: true,
      rejectUnauthorized: true,
      ca: await Deno.readTextFile(options.clientCa),
    }),
  };
  const server = createServer(tls, async (request, response) => {
    const answer = await pass(request.method!, request.url!, request.headers.authorization, undefined);
    response.writeHead(answer.status, { "content-type": "application/json" });
    response.end(await answer.text());
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}${to.pathname}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
