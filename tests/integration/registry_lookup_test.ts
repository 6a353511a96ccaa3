/** Looking up schemas in a real registry, also one that goes away. */
import assert from "node:assert/strict";
import { freePorts, startRegistry } from "../../dev/mod.ts";
import { Registry } from "../../src/registry/mod.ts";
import { integrationTest } from "../support/integration.ts";
import { TestServers, uniqueName, waitFor } from "../support/mod.ts";

const record = (name: string, type: unknown = "string") => ({
  type: "record",
  name,
  namespace: "test",
  fields: [{ name: "field", type }],
});

function open(urls: readonly string[], timeoutMs = 2_000) {
  const stop = new AbortController();
  return { stop, registry: new Registry({ urls, signal: stop.signal, timeoutMs }) };
}

integrationTest("a schema is found by its id, as text, with its type", async (servers) => {
  const id = await servers.registerSchema(uniqueName("plain"), record("Plain"));
  const { registry } = open([servers.registry]);
  await registry.ping(new AbortController().signal, 5_000);
  assert.deepEqual(await registry.schema(id), {
    kind: "found",
    id,
    schemaType: "AVRO",
    text: JSON.stringify(record("Plain")),
    references: [],
  });
});

integrationTest("references come in the order in which they need each other, each once", async (servers) => {
  const [a, b, c] = [uniqueName("a"), uniqueName("b"), uniqueName("c")];
  const texts = [record("A"), record("B", "test.A"), record("C", ["test.A", "test.B"])];
  await servers.registerSchema(a, texts[0]);
  const toA = { name: "test.A", subject: a, version: 1 };
  await servers.registerSchema(b, texts[1], [toA]);
  const id = await servers.registerSchema(c, texts[2], [{ name: "test.B", subject: b, version: 1 }, toA]);
  const { registry } = open([servers.registry]);
  const lookup = await registry.schema(id);
  assert.equal(lookup.kind, "found");
  assert.deepEqual(
    lookup.kind === "found" && [...lookup.references, lookup.text],
    texts.map((text) => JSON.stringify(text)),
  );
});

integrationTest(
  "an id that the registry does not have is unknown, with the registry's reason",
  async (servers) => {
    const { registry } = open([servers.registry]);
    const lookup = await registry.schema(2_000_000_000);
    assert.equal(lookup.kind, "unknown");
    assert.match(lookup.kind === "unknown" ? lookup.reason : "", /2000000000/);
  },
);

integrationTest("what answers but is no registry is never taken for an unknown id", async (servers) => {
  // The registry's own server, at a path where its Confluent API is not: 404 for everything.
  const { registry, stop } = open([new URL("/nowhere", servers.registry).href]);
  await assert.rejects(registry.ping(new AbortController().signal, 300), { name: "UserError", exitCode: 78 });
  const lookup = registry.schema(1);
  setTimeout(() => stop.abort(new Error("stopped")), 300);
  await assert.rejects(lookup, { message: "stopped" });
});

integrationTest("a registry that is down is waited for; it never makes an id unknown", async () => {
  await using server = await startRegistry();
  const servers = new TestServers({ brokers: "", registry: server.url });
  const id = await servers.registerSchema("known", record("Known"));
  const { registry } = open([server.url]);
  await server.shutdown();
  let answer: unknown;
  const lookup = registry.schema(id).then((found) => answer = found);
  await assert.rejects(
    registry.ping(new AbortController().signal, 500),
    (error: Error & { exitCode?: number }) => {
      assert.equal(error.exitCode, 69);
      assert.match(error.message, /Cannot reach the schema registry at http:.*refused/i);
      return true;
    },
  );
  assert.equal(answer, undefined);
  await server.restart();
  await lookup;
  assert.deepEqual(answer, {
    kind: "found",
    id,
    schemaType: "AVRO",
    text: JSON.stringify(record("Known")),
    references: [],
  });

  await server.kill("SIGSTOP");
  const { registry: impatient } = open([server.url], 300);
  let late: unknown;
  const stalled = impatient.schema(id).then((found) => late = found);
  await assert.rejects(impatient.ping(new AbortController().signal, 1_000), {
    name: "UserError",
    exitCode: 69,
  });
  assert.equal(late, undefined);
  // The cache needs no registry.
  assert.equal((await registry.schema(id)).kind, "found");
  await server.kill("SIGCONT");
  await waitFor(() => late !== undefined, { what: "the answer of a registry that stood still" });
  await stalled;
});

integrationTest("of several registries the one that answers is used", async (servers) => {
  const id = await servers.registerSchema(uniqueName("second"), record("Second"));
  const { registry } = open([`http://127.0.0.1:${freePorts(1)[0]}`, `${servers.registry}/`]);
  assert.equal((await registry.schema(id)).kind, "found");
});

integrationTest("other formats are found with their type", async (servers) => {
  const json = JSON.stringify({ $schema: "http://json-schema.org/draft-07/schema#", type: "object" });
  const proto = 'syntax = "proto3"; message M { string a = 1; }';
  const ids = [
    await servers.register(uniqueName("json"), { schema: json, schemaType: "JSON" }),
    await servers.register(uniqueName("proto"), { schema: proto, schemaType: "PROTOBUF" }),
  ];
  const { registry } = open([servers.registry]);
  const lookups = await Promise.all(ids.map((id) => registry.schema(id)));
  assert.deepEqual(lookups.map((lookup) => lookup.kind === "found" && lookup.schemaType), [
    "JSON",
    "PROTOBUF",
  ]);
});

integrationTest("references that take two versions of one subject are told", async (servers) => {
  const [a, b, c] = [uniqueName("a"), uniqueName("b"), uniqueName("c")];
  await servers.registerSchema(a, record("A"));
  await servers.registerSchema(a, record("A", ["null", "string"]));
  const toA = (version: number) => ({ name: "test.A", subject: a, version });
  await servers.registerSchema(b, record("B", "test.A"), [toA(1)]);
  const toB = { name: "test.B", subject: b, version: 1 };
  const id = await servers.registerSchema(c, record("C", ["test.A", "test.B"]), [toB, toA(2)]);
  const { registry } = open([servers.registry]);
  const lookup = await registry.schema(id);
  assert.equal(
    lookup.kind === "found" ? lookup.mixedReferences : lookup.reason,
    `subject ${a} in versions 1 and 2`,
  );
});

integrationTest("a subject in a context is found by its whole name", async (servers) => {
  const subject = `:.orders:${uniqueName("topic")}-value`;
  const id = await servers.registerSchema(subject, record("InContext"));
  const { registry } = open([servers.registry]);
  const found = await registry.latest(subject);
  assert.deepEqual([found.kind, found.subject, found.kind === "found" && found.id], ["found", subject, id]);
});

integrationTest("a registry without GUIDs knows none, and is not waited for", async (servers) => {
  const { registry } = open([servers.registry]);
  const guid = crypto.randomUUID();
  assert.deepEqual(await registry.schema(guid), {
    kind: "unknown",
    id: guid,
    reason: `the registry knows no schema with GUID ${guid}: it does not seem to support GUIDs, as newer ` +
      "registries do",
  });
});
