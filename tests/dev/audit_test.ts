import assert from "node:assert/strict";

import { ROOT, runCommand, tempDir } from "../support/mod.ts";

/** A registry that knows of one fault, in kafkajs. */
function registry(severity: string | undefined): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    if (request.method === "GET") {
      return Response.json({
        name: pathname.slice(1),
        "dist-tags": { latest: "2.2.4" },
        versions: { "2.2.4": { name: pathname.slice(1), version: "2.2.4", dist: {} } },
      });
    }
    if (severity === undefined) return new Response("no audits here", { status: 405 });
    const advisory = {
      id: 1,
      title: "Reads too much",
      url: "https://example.com/1",
      severity,
      vulnerable_versions: "<=2.2.4",
    };
    return Response.json({ kafkajs: [advisory] });
  });
}

for (
  const { severity, flags = [], code, says } of [
    { severity: "high", code: 1, says: /^high: kafkajs: Reads too much \(https:\/\/example\.com\/1\)$/m },
    { severity: "moderate", code: 0, says: /1 with findings, 0 of them high or critical$/m },
    { severity: undefined, code: 0, says: /^NOT AUDITED: .*405/m },
    { severity: undefined, flags: ["--required"], code: 1, says: /^NOT AUDITED: .*405/m },
  ]
) {
  const found = severity === undefined ? "no answer" : `a finding of severity ${severity}`;
  Deno.test(`the audit ends with ${code} on ${found}${flags.map((flag) => `, ${flag}`).join("")}`, async () => {
    await using server = registry(severity);
    // npm remembers what it was told of an advisory.
    await using cache = await tempDir();
    const command = [Deno.execPath(), "run", "-A", "--quiet", `${ROOT}/dev/audit.ts`, ...flags];
    await using audit = runCommand(command, {
      cwd: ROOT,
      env: {
        npm_config_registry: `http://127.0.0.1:${server.addr.port}/`,
        npm_config_cache: cache.path,
        npm_config_fetch_retries: "0",
      },
    });
    assert.equal((await audit.exit).code, code, audit.stderr.join("\n"));
    assert.match(audit.stderr.join("\n"), says);
  });
}
