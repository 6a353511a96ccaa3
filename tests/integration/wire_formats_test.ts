/** How records name their schemas, from a real broker's records and headers to the rows of files. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import avsc from "avsc";
import { onTheWire } from "../../dev/wire.ts";
import { integrationTest } from "../support/integration.ts";
import { readArchive, runProgram, tempDir, TestServers, uniqueName } from "../support/mod.ts";
import { assertCovered, assertIds, event, makeJob, SCHEMA, TYPE } from "./events.ts";

const HEADER = "__value_schema_id";

/** The form with a magic byte 1. */
function guidBytes(guid: string): Buffer {
  return Buffer.from(`01${guid.replaceAll("-", "")}`, "hex");
}

/**
 * The real registry, and before it what it cannot do: texts by GUID, as Confluent's registry answers for them. That one
 * cannot be had here.
 */
function withGuids(registry: string, schemas: ReadonlyMap<string, string>) {
  const base = new URL(registry).pathname;
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const path = new URL(request.url).pathname.slice(base.length);
    const guid = /^\/schemas\/guids\/([^/]+)$/.exec(path)?.[1];
    if (guid === undefined) {
      const { method, headers } = request;
      const body = method === "GET" ? null : await request.text();
      return await fetch(registry + path, { method, body, headers: { ...Object.fromEntries(headers) } });
    }
    asked.push(guid);
    const schema = schemas.get(guid);
    return schema === undefined
      ? Response.json({ error_code: 40403, message: `Schema ${guid} not found` }, { status: 404 })
      : Response.json({ guid, schemaType: "AVRO", schema });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}${base}`,
    asked,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
    },
  };
}

integrationTest(
  "wire formats: ids and GUIDs, before values and in headers, side by side",
  async (servers) => {
    await using folder = await tempDir();
    const [known, unknown] = [crypto.randomUUID(), crypto.randomUUID()];
    await using registry = withGuids(
      servers.registry,
      new Map([[known, JSON.stringify(SCHEMA)]]),
    );
    const job = await makeJob(new TestServers({ brokers: servers.brokers, registry: registry.url }), folder);
    const avro = (id: number) => TYPE.toBuffer(event(id));
    const id = onTheWire(job.schemaId, new Uint8Array(0));
    assert.equal(avro(0)[0], 0, "a value that begins as if there were an id");
    await servers.produceRaw(job.topic, [
      { value: avro(0), headers: { trace: "t", [HEADER]: guidBytes(known) } },
      { value: Buffer.concat([id, avro(1)]) },
      { value: Buffer.concat([id, avro(2)]), headers: { trace: "t", source: "shop" } },
      { value: avro(3), headers: { [HEADER]: id } },
      { value: Buffer.concat([guidBytes(known), avro(4)]) },
      { value: avro(5), headers: { [HEADER]: guidBytes(known), trace: "t" } },
      { value: null, headers: { [HEADER]: guidBytes(known) } },
      { value: avro(100), headers: { [HEADER]: guidBytes(unknown) } },
      { value: avro(101), headers: { [HEADER]: guidBytes(known).subarray(0, 9) } },
      { value: avro(102).subarray(0, 3), headers: { [HEADER]: guidBytes(known) } },
      { value: avro(6), headers: { [HEADER]: guidBytes(known) } },
    ]);
    await using program = runProgram([...job.flags, "--until-end"]);
    assert.equal((await program.exit).code, 3, program.stderr.join("\n"));

    const archive = await job.archive();
    assertIds(archive, 0, 7);
    assert.equal(archive.files.length, 1);
    assert.deepEqual(
      archive.rows.map((row) => row["customer.name"]),
      Array.from({ length: 7 }, (_, id) => `Zoë ${id}`),
    );
    const { keyValues } = archive.files[0]!;
    assert.deepEqual(JSON.parse(keyValues["kafka2parquet.schema_ids"]!), [known, job.schemaId]);
    assert.deepEqual(JSON.parse(keyValues[`kafka2parquet.schema.${known}`]!), SCHEMA);

    const dead = await readArchive(job.deadLetter);
    const letters = dead.rows.map(({ offset, schema_id, error }) => [offset, schema_id, error]);
    assert.deepEqual(letters, [
      [7n, null, `the registry knows no schema with GUID ${unknown}: Schema ${unknown} not found`],
      [
        8n,
        null,
        `the record header ${HEADER} begins with the magic byte 1 and has 9 bytes, at least 17 are needed`,
      ],
      [9n, null, letters[2]![2]],
    ]);
    assert.match(String(letters[2]![2]), /ends too early|runs past the end/);
    assert.deepEqual(registry.asked, [known, unknown], "each is asked for once, in whichever form it comes");
    await assertCovered(job, [archive, dead]);

    await using inspect = runProgram(["inspect", archive.files[0]!.path]);
    assert.equal((await inspect.exit).code, 0, inspect.stderr.join("\n"));
    assert.match(inspect.stdout.join("\n"), new RegExp(`schema ids +${known}, ${job.schemaId}`));
  },
);

integrationTest("wire formats: a GUID and a registry that knows none make dead letters", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  const guid = crypto.randomUUID();
  await servers.produceRaw(job.topic, [
    { value: TYPE.toBuffer(event(0)), headers: { [HEADER]: guidBytes(guid) } },
  ]);
  await job.produce(1, 3);
  await using program = runProgram([...job.flags, "--until-end"]);
  assert.equal((await program.exit).code, 3, program.stderr.join("\n"));
  assertIds(await job.archive(), 1, 3);
  const [letter] = (await readArchive(job.deadLetter)).rows;
  assert.match(
    String(letter!.error),
    new RegExp(`^the registry knows no schema with GUID ${guid}: it does not seem to support GUIDs`),
  );
  // The header is kept: with a registry that knows it the record can be read yet.
  assert.deepEqual(letter!.headers, [{ key: HEADER, value: new Uint8Array(guidBytes(guid)) }]);
  assert.deepEqual(letter!.value, new Uint8Array(TYPE.toBuffer(event(0))));
});

integrationTest("wire formats: JSON Schema and Protobuf are dead letters, told once", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  const json = await servers.register(uniqueName("json"), {
    schema: JSON.stringify({ $schema: "http://json-schema.org/draft-07/schema#", type: "object" }),
    schemaType: "JSON",
  });
  const proto = await servers.register(uniqueName("proto"), {
    schema: 'syntax = "proto3"; message M { string a = 1; }',
    schemaType: "PROTOBUF",
  });
  const records = Array.from({ length: 50 }, (_, i) => ({
    value: i % 2 === 0
      ? onTheWire(json, new TextEncoder().encode('{"a":1}'))
      // Behind the id one byte of message indexes, then field 1 with two letters.
      : onTheWire(proto, new Uint8Array([0, 10, 2, 104, 105])),
  }));
  await servers.produceRaw(job.topic, records);
  await job.produce(0, 5);
  await using program = runProgram([...job.flags, "--until-end"]);
  assert.equal((await program.exit).code, 3, program.stderr.join("\n"));
  const archive = await job.archive();
  assertIds(archive, 0, 5);
  const dead = await readArchive(job.deadLetter);
  assert.deepEqual(
    dead.rows.map(({ schema_id, error }) => [schema_id, error]),
    records.map((_, i) =>
      i % 2 === 0
        ? [json, `schema ${json} is JSON Schema, not Avro`]
        : [proto, `schema ${proto} is Protobuf, not Avro`]
    ),
  );
  assert.match(archive.files[0]!.keyValues["kafka2parquet.ranges"]!, /"dead_letters":\{"not-avro":50\}/);
  const told = program.stderr.filter((line) => /not Avro/.test(line));
  assert.equal(told.length, 1, program.stderr.join("\n"));
  assert.match(
    told[0]!,
    /JSON Schema, not Avro: each of its records becomes a dead letter.*leave the topic out/,
  );
  await assertCovered(job, [archive, dead]);
});

integrationTest(
  "references: types of three subjects, one below the other, become columns",
  async (servers) => {
    await using folder = await tempDir();
    const topic = uniqueName("orders");
    await servers.createTopic(topic);
    const named = (name: string, fields: readonly { name: string; type: unknown }[]) => ({
      type: "record",
      name,
      namespace: "shop",
      fields,
    });
    const country = { type: "enum", name: "Country", namespace: "shop", symbols: ["DE", "FR"] };
    const address = (of: unknown) =>
      named("Address", [{ name: "city", type: "string" }, { name: "country", type: of }]);
    const customer = (of: unknown) => named("Customer", [{ name: "home", type: of }]);
    const order = (of: unknown, country: unknown) =>
      named("Order", [
        { name: "id", type: "long" },
        { name: "customer", type: ["null", of] },
        { name: "shipped_from", type: country },
      ]);
    const refer = (name: string) => ({ name: `shop.${name}`, subject: `${topic}-${name}`, version: 1 });
    await servers.registerSchema(`${topic}-Country`, country);
    await servers.registerSchema(`${topic}-Address`, address("Country"), [refer("Country")]);
    await servers.registerSchema(`${topic}-Customer`, customer("shop.Address"), [refer("Address")]);
    const schemaId = await servers.registerSchema(
      `${topic}-value`,
      order("shop.Customer", "Country"),
      [refer("Customer"), refer("Country")],
    );
    const type = avsc.Type.forSchema(
      order(customer(address(country)), "shop.Country") as avsc.Schema,
      { wrapUnions: true },
    );
    await servers.produceAvro(topic, [
      {
        id: 1,
        customer: { "shop.Customer": { home: { city: "Köln", country: "DE" } } },
        shipped_from: "FR",
      },
      { id: 2, customer: null, shipped_from: "DE" },
    ], { schemaId, type });
    const output = `${folder.path}/data`;
    await using program = runProgram([
      ...servers.flags,
      ...["--topic", topic, "--group", uniqueName("group"), "--output", output, "--until-end"],
    ]);
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    assert.deepEqual((await readArchive(output)).rows, [
      { id: 1n, "customer.home.city": "Köln", "customer.home.country": "DE", shipped_from: "FR" },
      { id: 2n, "customer.home.city": null, "customer.home.country": null, shipped_from: "DE" },
    ]);
  },
);
