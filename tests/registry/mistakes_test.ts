/** Addresses at which somebody answers, but no registry as it is asked: that is told for what it is, and soon. */
import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

import { UserError } from "../../src/errors.ts";
import { Registry } from "../../src/registry/mod.ts";
import { Authority } from "../support/pki.ts";
import { within } from "../support/wait.ts";

const SOON_MS = 30_000;
/** A start of which nobody waits for the end. */
const LONG_MS = 3_600_000;
const FIRST_BYTE_OF_TLS = 0x16;

/** Sockets of the client's keep-alive outlive its promises. */
function registryTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false, fn });
}

async function ping(url: string, startupMs: number) {
  const end = new AbortController();
  const registry = new Registry({ urls: [url], signal: end.signal });
  try {
    const pinging = registry.ping(end.signal, startupMs).catch((error: unknown) => error);
    const error = await within(pinging, SOON_MS);
    if (error === undefined) return undefined;
    assert(error instanceof UserError, String(error));
    return error;
  } finally {
    end.abort();
  }
}

/** A port of TLS: whoever greets otherwise is dealt with by `refuse`, which is how servers differ. */
async function tlsPort(refuse: (socket: Socket) => void) {
  await using authority = await Authority.create("Test Authority");
  const { cert, key } = await authority.certificate("registry");
  const inner = createTlsServer({ cert: await Deno.readTextFile(cert), key: await Deno.readTextFile(key) });
  inner.on("tlsClientError", () => {});
  const sockets = new Set<Socket>();
  const port = await listen(inner);
  const outer = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.once("data", (bytes) => {
      if (bytes[0] !== FIRST_BYTE_OF_TLS) return refuse(socket);
      const to = connect(port, "127.0.0.1", () => to.write(bytes));
      sockets.add(to.on("error", () => {}));
      socket.pipe(to).pipe(socket);
    });
  });
  return {
    url: `http://127.0.0.1:${await listen(outer)}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      for (const server of [inner, outer]) await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

for (
  const [how, refuse] of [
    ["ends the connection", (socket) => socket.end()],
    ["resets the connection", (socket) => socket.resetAndDestroy()],
    [
      "says so in HTTP",
      (socket) =>
        socket.end("HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>plain HTTP</html>"),
    ],
    // The alert "protocol version" of TLS 1.2.
    ["answers with an alert", (socket) => socket.end(new Uint8Array([0x15, 3, 3, 0, 2, 2, 70]))],
  ] as [string, (socket: Socket) => void][]
) {
  registryTest(`http:// to a port of TLS that ${how}: https:// is named`, async () => {
    await using server = await tlsPort(refuse);
    const error = await ping(server.url, LONG_MS);
    assert.equal(
      error?.message,
      `The schema registry at ${server.url} speaks TLS on this port, and http:// does not`,
    );
    assert.equal(error.exitCode, 78);
    assert.match(error.hint!, /Write https:\/\//);
  });
}

registryTest("a server that hangs up, and has no TLS either, is waited for", async () => {
  const server = createServer((socket) =>
    void socket.on("error", () => {}).once("data", () => socket.destroy())
  );
  const url = `http://127.0.0.1:${await listen(server)}`;
  assert.equal((await ping(url, 500))?.exitCode, 69);
  await new Promise((resolve) => server.close(resolve));
});

/** Gives the answers one after the other, and then the last one for ever. */
function serve(answers: readonly Response[]) {
  let count = 0;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => answers[Math.min(count++, answers.length - 1)]!.clone(),
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/api`,
    count: () => count,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const page = (status: number) =>
  new Response("<html>hello</html>", { status, headers: { "content-type": "text/html" } });

const NO_REGISTRIES: readonly (readonly [Response, string])[] = [
  [page(404), "HTTP 404"],
  [page(200), "HTTP 200"],
  // What Confluent's says of a path that it does not have.
  [
    Response.json({ error_code: 404, message: "HTTP 404 Not Found" }, { status: 404 }),
    "HTTP 404: HTTP 404 Not Found",
  ],
];

registryTest("what is no schema registry is called so at start, after three tries", async () => {
  await Promise.all(NO_REGISTRIES.map(async ([answer, cause]) => {
    await using server = serve([answer]);
    const error = await ping(server.url, LONG_MS);
    assert.equal(error?.message, `${server.url} answers, but is no schema registry at this path: ${cause}`);
    assert.equal(error.exitCode, 78);
    assert.match(error.hint!, /path of --registry: none for .*\/apis\/ccompat\/v7/);
    assert.equal(server.count(), 3);
  }));
});

registryTest("what is no schema registry when the time for the start is over is called so too", async () => {
  await using server = serve([page(404)]);
  assert.equal((await ping(server.url, 200))?.exitCode, 78);
});

registryTest("a proxy whose registry is just starting is asked again", async () => {
  await using server = serve([
    page(404),
    page(404),
    page(503),
    page(404),
    Response.json({ schema: '"int"' }),
  ]);
  assert.equal(await ping(server.url, LONG_MS), undefined);
});
