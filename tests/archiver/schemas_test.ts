import { configure, type LogRecord, reset } from "@logtape/logtape";
import assert from "node:assert/strict";
import { Schemas } from "../../src/archiver/schemas.ts";
import { SCHEMA_HEADERS } from "../../src/archiver/wire_header.ts";
import type { SchemaId } from "../../src/model.ts";
import type { SchemaLookup } from "../../src/registry/mod.ts";
import { fetchedRecords, type TestRecord } from "./support/records.ts";

const GUID = "0f7c4e1a-9b2d-3c5e-8f60-112233445566";
const GUID_BYTES = Uint8Array.fromHex(`01${GUID.replaceAll("-", "")}`);
const STAY = new AbortController().signal;

const record = (type: string) =>
  JSON.stringify({ type: "record", name: "R", fields: [{ name: "id", type }] });
const found = (id: SchemaId, text: string, more: object = {}): SchemaLookup => ({
  kind: "found",
  id,
  schemaType: "AVRO",
  text,
  references: [],
  ...more,
});

/** Schemas of a registry with these answers, the records' wire ids, and what the registry was asked. */
function makeSchemas(records: readonly TestRecord[], answers: readonly SchemaLookup[]) {
  const asked: SchemaId[] = [];
  const schemas = new Schemas({
    separator: ".",
    lookup(id) {
      asked.push(id);
      return Promise.resolve(
        answers.find((answer) => answer.id === id) ?? { kind: "unknown", id, reason: "not there" },
      );
    },
  });
  const { fetched, bytes } = fetchedRecords(records);
  const ids = records.map((_, index) => schemas.wireIds.at(fetched, bytes, index));
  return { schemas, asked, ids };
}

const classic = (id: number): TestRecord => ({ value: new Uint8Array([0, 0, 0, 0, id, 2]) });
const withHeader: TestRecord = { value: new Uint8Array([2]), headers: [[SCHEMA_HEADERS.value, GUID_BYTES]] };

Deno.test("schemas: each form of a record finds its schema, with the bytes to skip", async () => {
  const { schemas, asked, ids } = makeSchemas(
    [classic(7), withHeader, { value: new Uint8Array([...GUID_BYTES, 2]) }],
    [found(7, record("int")), found(GUID, record("long"))],
  );
  const all = [];
  for (const id of ids) all.push(await schemas.resolve(id, STAY));
  assert.deepEqual(
    all.map((schema) => schema.kind === "avro" && [schema.id, schema.skip, schema.text]),
    [[7, 5, record("int")], [GUID, 0, record("long")], [GUID, 17, record("long")]],
  );
  assert.deepEqual(all, ids.map((id) => schemas.get(id)));
  assert.deepEqual(asked, [7, GUID, GUID]);
});

for (
  const [schemaType, name] of [["JSON", "JSON Schema"], ["PROTOBUF", "Protobuf"], [
    "THRIFT",
    "THRIFT",
  ]] as const
) {
  Deno.test(`schemas: of ${name} no record is read, and the registry is asked once`, async () => {
    const { schemas, ids } = makeSchemas([classic(8)], [found(8, record("int"), { schemaType })]);
    const schema = await schemas.resolve(ids[0]!, STAY);
    assert.deepEqual(schema, {
      kind: "none",
      id: 8,
      problem: "not-avro",
      reason: `schema 8 is ${name}, not Avro`,
    });
    assert.equal(schemas.get(ids[0]!), schema);
  });
}

Deno.test("schemas: one that is unknown may be known the next time", async () => {
  const answers: SchemaLookup[] = [];
  const { schemas, ids } = makeSchemas([withHeader], answers);
  assert.deepEqual(await schemas.resolve(ids[0]!, STAY), {
    kind: "none",
    id: GUID,
    problem: "no-schema",
    reason: "not there",
  });
  assert.equal(schemas.get(ids[0]!), undefined);
  answers.push(found(GUID, record("int")));
  assert.equal((await schemas.resolve(ids[0]!, STAY)).kind, "avro");
});

Deno.test("schemas: types that two versions of a subject define are told with both versions", async () => {
  const { schemas, ids } = makeSchemas([classic(9)], [
    found(9, JSON.stringify({ type: "array", items: "R" }), {
      references: [record("int"), record("long")],
      mixedReferences: "subject r in versions 1 and 2",
    }),
  ]);
  await assert.rejects(schemas.resolve(ids[0]!, STAY), {
    name: "UserError",
    message:
      'Schema 9 of the registry cannot become columns: Invalid Avro schema at $: type "R" is defined ' +
      "twice (its references name subject r in versions 1 and 2)",
  });
});

Deno.test("schemas: two versions of a subject that define different types are no problem", async () => {
  const other = JSON.stringify({ type: "fixed", name: "F", size: 2 });
  const { schemas, ids } = makeSchemas([classic(9)], [
    found(9, JSON.stringify(["R", "F"]), {
      references: [record("int"), other],
      mixedReferences: "subject r in versions 1 and 2",
    }),
  ]);
  assert.equal((await schemas.resolve(ids[0]!, STAY)).kind, "avro");
});

Deno.test("schemas: columns that differ only in case are told once a schema", async () => {
  const lines: string[] = [];
  await configure({
    reset: true,
    sinks: { lines: (record: LogRecord) => lines.push(record.message.join("")) },
    loggers: [
      { category: "kafka2parquet", sinks: ["lines"], lowestLevel: "warning" },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "error" },
    ],
  });
  try {
    const fields = ["id", "Id"].map((name) => ({ name, type: "int" }));
    const text = JSON.stringify({ type: "record", name: "R", fields });
    const { schemas, ids: [id] } = makeSchemas([classic(7)], [found(7, text)]);
    const schema = await schemas.resolve(id!, STAY);
    assert.equal(schema.kind, "avro");
    assert.equal(schemas.get(id!), schema);
    assert.deepEqual(lines, [
      "Schema 7: the columns id and Id differ only in case: Spark and DuckDB do not tell them apart",
    ]);
  } finally {
    await reset();
  }
});
