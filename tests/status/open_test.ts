import assert from "node:assert/strict";

import { UserError } from "../../src/errors.ts";
import { closeLogging, configureLogging } from "../../src/log.ts";
import { openStatus } from "../../src/status/mod.ts";
import { waitFor } from "../support/wait.ts";
import { someFacts } from "./some_facts.ts";

/** What is logged meanwhile. */
function logged(act: () => void): string {
  let text = "";
  configureLogging({ level: "info", format: "text", color: false, write: (more) => text += more });
  try {
    act();
  } finally {
    closeLogging();
  }
  return text;
}

Deno.test("the log says where the status page is, with the port that was free", async () => {
  let server: ReturnType<typeof openStatus>;
  const log = logged(() => {
    server = openStatus({ host: "127.0.0.1", port: 0, isDefault: false }, () => someFacts());
  });
  const [, url] = /Status page, health and metrics: (http:\/\/127\.0\.0\.1:[1-9]\d*\/)$/m.exec(log) ?? [];
  assert.equal(
    (await fetch(url!).then(async (response) => [await response.text(), response.status]))[1],
    200,
  );
  server?.close();
});

Deno.test("a port that is taken: a warning where it is the default, an error where somebody has chosen it", () => {
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = other.addr;
  const log = logged(() =>
    assert.equal(openStatus({ host: "127.0.0.1", port, isDefault: true }, () => someFacts()), undefined)
  );
  assert.match(
    log,
    new RegExp(`warning No status page: cannot listen at 127\\.0\\.0\\.1:${port}: the port is taken`),
  );
  assert.throws(
    () => openStatus({ host: "127.0.0.1", port, isDefault: false }, () => someFacts()),
    (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.exitCode, 78);
      assert.equal(error.message, `Cannot listen at 127.0.0.1:${port}: the port is taken`);
      assert.match(error.hint ?? "", /or off\.$/);
      return true;
    },
  );
});

Deno.test("an address of another host cannot be listened at", () => {
  assert.throws(
    () => openStatus({ host: "192.0.2.1", port: 8080, isDefault: false }, () => someFacts()),
    { name: "UserError", exitCode: 78 },
  );
});

Deno.test("OpenTelemetry that was asked for and is not there is told", async () => {
  let text = "";
  configureLogging({ level: "info", format: "text", color: false, write: (more) => text += more });
  const before = Deno.env.get("OTEL_DENO");
  // Too late for this process, as for a binary that was built without.
  Deno.env.set("OTEL_DENO", "true");
  try {
    openStatus(undefined, () => someFacts());
    await waitFor(() => text !== "", { what: "the warning" });
    assert.match(text, /warning No metrics by OpenTelemetry: OTEL_DENO must also have been set/);
  } finally {
    if (before === undefined) Deno.env.delete("OTEL_DENO");
    closeLogging();
  }
});

Deno.test("off is off", () => {
  assert.equal(logged(() => openStatus(undefined, () => someFacts())), "");
});
