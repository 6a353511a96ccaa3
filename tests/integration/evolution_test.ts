/** Several schemas on one topic, through a real broker and a real registry. */
import assert from "node:assert/strict";
import avsc from "avsc";
import { Buffer } from "node:buffer";
import { onTheWire } from "../../dev/wire.ts";
import { integrationTest } from "../support/integration.ts";
import { duck, runProgram, tempDir, type TestServers } from "../support/mod.ts";
import { assertCovered, assertIds, event, type Job, makeJob, SCHEMA } from "./events.ts";

/** `kind` has another symbol, `note` is gone, `customer.name` is bytes, and there is one field more at two depths. */
const CHANGED = {
  ...SCHEMA,
  fields: [
    { name: "extra", type: "string", default: "" },
    { name: "id", type: "double" },
    { name: "kind", type: { type: "enum", name: "Kind", symbols: ["DELETED", "CHANGED"] } },
    {
      name: "client",
      aliases: ["customer"],
      type: {
        type: "record",
        name: "Customer",
        fields: [
          { name: "name", type: "bytes" },
          {
            name: "address",
            type: {
              type: "record",
              name: "Address",
              fields: [{ name: "zip", type: ["null", "int"] }, { name: "city", type: "string" }],
            },
          },
        ],
      },
    },
  ],
};

const changedEvent = (id: number) => ({
  extra: `x${id}`,
  id,
  kind: "DELETED",
  client: { name: Buffer.from(`Zoë ${id}`), address: { zip: { int: id }, city: "Brno" } },
});

/** Registers the schema; makes values of it as they are on the wire. */
async function writer(
  servers: TestServers,
  { topic }: Job,
  schema: object,
): Promise<{ id: number; write(value: unknown): { value: Buffer } }> {
  const type = avsc.Type.forSchema(structuredClone(schema) as avsc.Schema, { wrapUnions: true });
  const id = await servers.registerSchema(`${topic}-value`, schema);
  return { id, write: (value) => ({ value: onTheWire(id, type.toBuffer(value)) }) };
}

const wrapped = (id: number) => {
  const { note, ...rest } = event(id);
  return { ...rest, note: note === null ? null : { string: note } };
};

integrationTest("evolution: versions that alternate record by record share files", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  const older = await writer(servers, job, SCHEMA);
  const newer = await writer(servers, job, CHANGED);
  const values = Array.from(
    { length: 200 },
    (_, id) => id % 2 === 0 ? older.write(wrapped(id)) : newer.write(changedEvent(id)),
  );
  // The last file holds the older version only.
  for (let id = 200; id < 250; id++) values.push(older.write(wrapped(id)));
  await servers.produceRaw(job.topic, values);
  await using program = runProgram([...job.flags, "--until-end", "--rows", "200"]);
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
  const archive = await job.archive();
  assertIds(archive, 0, 250);
  await assertCovered(job);
  const sorted = archive.files.toSorted((one, other) => other.rows.length - one.rows.length);
  assert.deepEqual(sorted.map(({ rows }) => rows.length), [200, 50]);
  const [both, last] = sorted;
  const columns = ["id", "kind", "note", "client.name", "client.address.city", "extra", "client.address.zip"];
  assert.deepEqual(Object.keys(both!.rows[0]!), columns);
  assert.deepEqual(Object.keys(last!.rows[0]!), columns);
  const bytes = (text: string) => new TextEncoder().encode(text);
  assert.deepEqual(both!.rows[4], {
    id: 4,
    kind: "CREATED",
    note: "note 4",
    "client.name": bytes("Zoë 4"),
    "client.address.city": "city 4",
    extra: null,
    "client.address.zip": null,
  });
  assert.deepEqual(both!.rows[5], {
    id: 5,
    kind: "DELETED",
    note: null,
    "client.name": bytes("Zoë 5"),
    "client.address.city": "Brno",
    extra: "x5",
    "client.address.zip": 5,
  });
  assert.deepEqual(JSON.parse(both!.keyValues["kafka2parquet.schema_ids"]!), [older.id, newer.id]);
  assert.deepEqual(
    JSON.parse(both!.keyValues[`kafka2parquet.schema.${newer.id}`]!).fields.length,
    CHANGED.fields.length,
  );
  await using inspected = runProgram(["inspect", "--json", both!.path]);
  assert.equal((await inspected.exit).code, 0, inspected.stderr.join("\n"));
  const told = JSON.parse(inspected.stdout.join("\n"));
  assert.match(JSON.stringify(told), new RegExp(`"schema_ids":\\[${older.id},${newer.id}\\]`));
  assert.deepEqual(
    await duck(`select count(*)::int as rows, count(extra)::int as extra from '${job.output}/*.parquet'`),
    [{ rows: 250, extra: 100 }],
  );
});

integrationTest(
  "evolution: what cannot share a file goes into another, with one warning",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    const text = {
      type: "record",
      name: "Total",
      fields: [{ name: "id", type: "long" }, { name: "total", type: "string" }],
    };
    const number = { ...text, fields: [{ name: "id", type: "long" }, { name: "total", type: "int" }] };
    const one = await writer(servers, job, text);
    const other = await writer(servers, job, number);
    const values = Array.from(
      { length: 40 },
      (_, id) =>
        Math.floor(id / 20) === 0 ? one.write({ id, total: `${id}` }) : other.write({ id, total: id }),
    );
    // And back to the first once more.
    for (let id = 40; id < 50; id++) values.push(one.write({ id, total: `${id}` }));
    await servers.produceRaw(job.topic, values);
    await using program = runProgram([...job.flags, "--until-end"]);
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    const archive = await job.archive();
    assertIds(archive, 0, 50);
    await assertCovered(job);
    const files = archive.files.map(({ rows }) => `${rows.length} of ${typeof rows[0]!.total}`).sort();
    assert.deepEqual(files, ["10 of string", "20 of number", "20 of string"]);
    const warnings = program.stderr.filter((line) => line.includes("no file can hold both"));
    assert.equal(warnings.length, 1, program.stderr.join("\n"));
    assert.match(
      warnings[0]!,
      new RegExp(
        `${job.topic}: column "?total"? is "?utf8"? in schema "?${one.id}"? and "?int32"? in schema ${other.id}: `,
      ),
    );
  },
);
