/** `kafka2parquet status` as a user or a health check meets it, asking a server that tells what the test wants. */
import assert from "node:assert/strict";

import { statusAsLines } from "../../src/cli/status_format.ts";
import type { Facts } from "../../src/status/mod.ts";
import { serve } from "../../src/status/server.ts";
import { statusJson } from "../../src/status/status_json.ts";
import { ALL_WELL, someFacts, someWorker } from "../status/some_facts.ts";
import { freePorts } from "../../dev/ports.ts";
import { kafka2parquet } from "./run_program.ts";

async function asking(
  facts: Facts,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const server = serve({ host: "127.0.0.1", port: 0, isDefault: false }, () => facts);
  try {
    await use(server.url);
  } finally {
    server.close();
  }
}

const NOT_READY = someFacts({ workers: [someWorker({ checks: { ...ALL_WELL, sink: "disk full" } })] });

Deno.test("status: a few sentences, what does not work, and a line for each partition", () => {
  const { nowMs } = NOT_READY;
  assert.deepEqual(statusAsLines(statusJson(NOT_READY), { nowMs, width: 100 }), [
    "kafka2parquet 1.2.3, running for 5 min: live, not ready; group 4, 1 worker",
    "2,400 rows in 2 files (2.0 KiB), 17 held, lag 12, 3 dead letters, 1 skipped, last checkpoint 10 s ago",
    "Kafka deletes records that are not archived yet in 10 min",
    "[-]sink failed: disk full",
    "",
    "TOPIC   PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG",
    "orders          2              30              42   12",
    "orders         10               5               -    -",
  ]);
});

Deno.test("status finds the program by its address, which comes from flag, variable or argument", () =>
  asking(NOT_READY, async (url) => {
    const { host } = new URL(url);
    for (
      const [args, env] of [
        [["status", url], {}],
        [["status", host], {}],
        [["status", "--http", host], {}],
        // A proxy for the way to the world is no matter of it.
        [["status"], {
          KAFKA2PARQUET_HTTP: host,
          HTTP_PROXY: "http://127.0.0.1:9",
          http_proxy: "http://127.0.0.1:9",
        }],
      ] as const
    ) {
      const { code, stdout, stderr } = await kafka2parquet(args, env);
      assert.equal(code, 0, `${args}: ${stderr}`);
      assert.match(stdout, /^kafka2parquet 1\.2\.3, running for/);
    }
  }));

Deno.test("status --json prints what the server says; --ready is about readiness", () =>
  asking(NOT_READY, async (url) => {
    const { code, stdout } = await kafka2parquet(["status", url, "--json", "--ready"]);
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(statusJson(NOT_READY))));
  }));

Deno.test("status of a program that does not live exits 1", () =>
  asking(someFacts({ workers: [someWorker({ dead: "it hangs" })] }), async (url) => {
    const { code, stdout } = await kafka2parquet(["status", url]);
    assert.equal(code, 1);
    assert.match(stdout, /not live/);
    assert.match(stdout, /^\[-\]worker failed: it hangs$/m);
  }));

Deno.test("status where nobody answers exits 69, where something else does, too", async () => {
  const url = `http://127.0.0.1:${freePorts(1)[0]}`;
  const nobody = await kafka2parquet(["status", url]);
  assert.equal(nobody.code, 69);
  assert.match(
    nobody.stderr,
    /^error: No status from http:\/\/127\.0\.0\.1:\d+: .*refused.*\nhint: .*Status page/i,
  );
  await using other = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("hi"),
  );
  const stranger = await kafka2parquet(["status", `127.0.0.1:${other.addr.port}`]);
  assert.equal(stranger.code, 69);
  assert.match(stranger.stderr, /^error: What answers at .* is no kafka2parquet\n/);
});

Deno.test("status without anything to ask, and with an address that is none", async () => {
  const off = await kafka2parquet(["status"], { KAFKA2PARQUET_HTTP: "off" });
  assert.equal(off.code, 78);
  assert.match(off.stderr, /--http is off/);
  const wrong = await kafka2parquet(["status", "not a url"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /^error: "not a url" is no URL\nhint: /);
});
