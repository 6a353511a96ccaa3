import assert from "node:assert/strict";
import { request } from "node:http";

import { hideSecrets } from "../../src/secrets.ts";
import type { Facts } from "../../src/status/mod.ts";
import { serve } from "../../src/status/server.ts";
import { isForUs, isLoopback } from "../../src/status/hosts.ts";
import { ALL_WELL, someFacts, someWorker } from "./some_facts.ts";

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** Asks a server that tells these facts. */
async function ask(path: string, { facts = someFacts(), ...init }: RequestInit & { facts?: Facts } = {}) {
  const server = serve({ host: "127.0.0.1", port: 0, isDefault: false }, () => facts);
  try {
    const response = await fetch(new URL(path, server.url), init);
    return { status: response.status, text: await response.text(), headers: response.headers } as Answer;
  } finally {
    server.close();
  }
}

Deno.test("health is 200 or 503, with a line for each check", async () => {
  assert.deepEqual((await ask("/readyz")).status, 200);
  const workers = [someWorker({ checks: { ...ALL_WELL, sink: "disk full" } })];
  const away = await ask("/readyz?verbose", { facts: someFacts({ workers }) });
  assert.equal(away.status, 503);
  assert.match(away.text, /^\[-\]sink failed: disk full$/m);
  assert.equal((await ask("/livez", { facts: someFacts({ workers }) })).status, 200);
  const dead = someFacts({ workers: [someWorker({ dead: "it hangs" })] });
  assert.equal((await ask("/livez", { facts: dead })).status, 503);
});

Deno.test("status.json holds totals, checks and partitions in order", async () => {
  const { text, headers } = await ask("/status.json");
  assert.match(headers.get("content-type")!, /^application\/json/);
  const status = JSON.parse(text);
  assert.deepEqual(status.workers, { configured: 1, working: 1, restarts: 0 });
  assert.equal(status.uptimeSeconds, 300);
  assert.equal(status.lastCheckpointAt, "2026-01-01T08:04:50.000Z");
  assert.equal(status.lag, 12);
  assert.equal(status.secondsUntilLoss, 600);
  assert.deepEqual(status.partitions, [
    {
      topic: "orders",
      partition: 2,
      position: 40,
      committed: 30,
      logEnd: 42,
      lag: 12,
      secondsUntilLoss: 600,
    },
    {
      topic: "orders",
      partition: 10,
      position: 5,
      committed: 5,
      logEnd: null,
      lag: null,
      secondsUntilLoss: null,
    },
  ]);
});

Deno.test("the page and all that it asks for come from here, and its headers forbid anything else", async () => {
  const { text, headers } = await ask("/");
  assert.match(headers.get("content-security-policy")!, /^default-src 'none'; script-src 'self';/);
  const parts = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!).filter((path) =>
    !path.startsWith("data:")
  );
  assert.ok(parts.includes("page.js") && parts.includes("uplot.js") && parts.includes("readyz"), `${parts}`);
  for (const path of parts) {
    const part = await ask(`/${path}`);
    assert.equal(part.status, 200, path);
    assert.ok(part.text.length > 0, path);
    assert.doesNotMatch(part.text, /(src|href|url)\s*[=(]\s*["']?(https?:)?\/\//, `${path} asks elsewhere`);
  }
  assert.doesNotMatch(text, /<script>|style=|onload=/);
});

Deno.test("another path names those that there are; another method is refused; HEAD has no body", async () => {
  const lost = await ask("/metric");
  assert.equal(lost.status, 404);
  assert.match(lost.text, /\/livez \/readyz \/metrics \/status\.json/);
  assert.equal((await ask("/__proto__")).status, 404);
  const post = await ask("/status.json", { method: "POST", body: "x" });
  assert.equal(post.status, 405);
  assert.equal(post.headers.get("allow"), "GET, HEAD");
  assert.equal((await ask("/metrics", { method: "HEAD" })).text, "");
});

Deno.test("a secret in a reason stays one", async () => {
  hideSecrets(["pa55word-of-the-registry"]);
  const checks = { ...ALL_WELL, registry: 'refused "pa55word-of-the-registry"' };
  const facts = someFacts({ workers: [someWorker({ checks })] });
  for (const path of ["/readyz", "/status.json"]) {
    const { text } = await ask(path, { facts });
    assert.match(text, /refused .*\*\*\*/);
    assert.doesNotMatch(text, /pa55word/);
  }
});

Deno.test("a page elsewhere that gives this host a name of its own gets nothing", async () => {
  const server = serve({ host: "127.0.0.1", port: 0, isDefault: false }, () => someFacts());
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const headers = { host: "rebound.example" };
    request(new URL("status.json", server.url), { headers }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode));
    }).on("error", reject).end();
  });
  server.close();
  assert.equal(status, 421);
});

for (
  const [host, forUs] of [
    ["localhost:8080", true],
    ["LOCALHOST", true],
    ["127.0.0.1:8080", true],
    ["[::1]:8080", true],
    ["10.1.2.3", true],
    ["rebound.example:8080", false],
    ["127.0.0.1.example", false],
    ["", false],
  ] as const
) {
  Deno.test(`a request for ${JSON.stringify(host)} is ${forUs ? "answered" : "refused"} on a loopback address`, () =>
    assert.equal(isForUs(host), forUs));
}

Deno.test("what only this host reaches is known by its address", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "localhost"]) assert.ok(isLoopback(host), host);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "archiver", "127.example"]) {
    assert.ok(!isLoopback(host), host);
  }
});
