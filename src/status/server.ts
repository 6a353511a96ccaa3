/** The HTTP server: GET and HEAD of a few paths, for this host only unless told otherwise. */
import type { HttpAddress } from "../config.ts";
import type { Facts } from "./facts.ts";
import { isForUs, isLoopback } from "./hosts.ts";
import { type Answer, answer, refusal } from "./pages.ts";

/** No page may show ours in a frame, and ours loads nothing but itself. */
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

export interface StatusServer {
  /** Where it answers, with the port that it really has. */
  readonly url: string;
  close(): void;
}

/** Throws what the operating system says where the address cannot be used. */
export function serve({ host, port }: HttpAddress, facts: () => Facts): StatusServer {
  const ending = new AbortController();
  const isPrivate = isLoopback(host);
  const server = Deno.serve({
    hostname: host,
    port,
    signal: ending.signal,
    onListen: () => {},
    onError: () => respond(refusal(500, "The status could not be told")),
  }, (request) => {
    if (isPrivate && !isForUs(request.headers.get("host") ?? "")) {
      return respond(refusal(421, "Ask for this host by its address, or as localhost"));
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return respond(refusal(405, "Only GET and HEAD"), { allow: "GET, HEAD" });
    }
    return respond(answer(new URL(request.url).pathname, facts));
  });
  // Whoever still reads an answer must not hold up the end.
  server.unref();
  return { url: urlOf(host, server.addr.port), close: () => ending.abort() };
}

function respond({ status, type, body }: Answer, headers: Record<string, string> = {}): Response {
  return new Response(body, { status, headers: { ...HEADERS, ...headers, "content-type": type } });
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}/`;
}
