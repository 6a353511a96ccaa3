/** What a topic's files look like one after the other: which columns, in which order, and what is told. */
import assert from "node:assert/strict";
import { compile, fileSchemaOf, parseSchema } from "../../src/avro/mod.ts";
import type { WriterSchema } from "../../src/archiver/schemas.ts";
import { TopicColumns } from "../../src/archiver/topic_columns.ts";
import { closeLogging, configureLogging } from "../../src/log.ts";

const OPTIONS = { separator: "." };

function writer(id: number, fields: Readonly<Record<string, unknown>>): WriterSchema {
  return fieldsOf(id, Object.entries(fields).map(([name, type]) => ({ name, type })));
}

function fieldsOf(id: number, fields: readonly unknown[]): WriterSchema {
  const text = JSON.stringify({ type: "record", name: "R", fields });
  const type = parseSchema(text);
  return { kind: "avro", id, wireId: id, skip: 5, text, type, columns: fileSchemaOf(type, OPTIONS) };
}

/** The names of the columns that the writer's line has, and the lines of the log. */
function topic() {
  const written: string[] = [];
  configureLogging({ level: "warning", format: "text", color: false, write: (text) => written.push(text) });
  const columns = new TopicColumns("orders", OPTIONS);
  const namesFor = (one: WriterSchema) => columns.lineFor(one).file.columns.map(({ name }) => name);
  return { columns, namesFor, written, [Symbol.dispose]: closeLogging };
}

Deno.test("once both versions were seen, each has all columns, in the order in which they came", () => {
  using orders = topic();
  const [older, newer] = [writer(1, { b: "int", a: "int" }), writer(2, { c: "string", a: "int" })];
  assert.deepEqual(orders.namesFor(older), ["b", "a"]);
  assert.deepEqual(orders.namesFor(newer), ["b", "a", "c"]);
  assert.deepEqual(orders.namesFor(older), ["b", "a", "c"]);
  // The same object, so that nothing is compiled or tried out again.
  assert.equal(orders.columns.lineFor(older).file, orders.columns.lineFor(newer).file);
  assert.deepEqual(orders.written, []);
});

Deno.test("schemas that cannot share a file have a line of files each, and others join the last one that fits", () => {
  using orders = topic();
  const [text, number] = [writer(1, { id: "int", x: "string" }), writer(2, { id: "int", x: "int" })];
  const both = writer(3, { id: "int", y: "int" });
  const lineOfText = orders.columns.lineFor(text);
  const lineOfNumber = orders.columns.lineFor(number);
  assert.notEqual(lineOfText, lineOfNumber);
  assert.equal(orders.columns.lineFor(both), lineOfNumber);
  assert.equal(orders.columns.lineFor(text), lineOfText);
  assert.equal(orders.columns.lineFor(both), lineOfText);
  assert.equal(orders.columns.lineFor(number), lineOfNumber);
  assert.deepEqual(orders.namesFor(number), ["id", "x", "y"]);
});

Deno.test("a clash is told once a column, with both types and the schema that has it", () => {
  using orders = topic();
  orders.columns.lineFor(writer(3, { id: "int" }));
  orders.columns.lineFor(writer(4, { id: "int", x: "string" }));
  orders.columns.lineFor(writer(5, { id: "int", y: "int" }));
  orders.columns.lineFor(writer(6, { id: "int", x: "boolean" }));
  orders.columns.lineFor(writer(7, { id: "string" }));
  closeLogging();
  orders.columns.lineFor(writer(8, { id: "int", x: { type: "array", items: "int" } }));
  assert.equal(orders.written.length, 2);
  assert.match(orders.written[1]!, /orders: column id is int32 in schema 6 and utf8 in schema 7: no file/);
  assert.match(
    orders.written[0]!,
    /warning orders: column x is utf8 in schema 4 and bool in schema 6: no file can hold both, so their records go into different files\n$/,
  );
});

Deno.test("a name that comes again with another meaning has a line of its own: nobody's values change columns", () => {
  using orders = topic();
  const renamed = { name: "b", type: "int", aliases: ["a"] };
  const [old, newer, both] = [
    fieldsOf(1, [{ name: "a", type: "int" }]),
    fieldsOf(2, [renamed]),
    fieldsOf(3, [renamed, { name: "a", type: "int" }]),
  ];
  const line = orders.columns.lineFor(old);
  assert.equal(orders.columns.lineFor(newer), line);
  const other = orders.columns.lineFor(both);
  assert.notEqual(other, line);
  assert.deepEqual(orders.namesFor(old), ["b"]);
  assert.deepEqual(orders.namesFor(both), ["b", "a"]);
  closeLogging();
  assert.match(orders.written.join(""), /records of schema 1 would change columns/);
});

Deno.test("a name whose column no longer takes it does not end the work", () => {
  using orders = topic();
  const [double, int, text] = [
    fieldsOf(1, [{ name: "d", type: "double", aliases: ["a"] }]),
    fieldsOf(2, [{ name: "a", type: "int" }]),
    fieldsOf(3, [{ name: "a", type: "string" }]),
  ];
  for (const one of [double, int, text, int]) {
    const { file } = orders.columns.lineFor(one);
    assert.doesNotThrow(() => compile(one.type, file, { separator: "." }));
  }
});

Deno.test("only so many lines are remembered: the one left the longest ago begins anew", () => {
  using orders = topic();
  const kinds = ["string", "int", "boolean"].flatMap((x) =>
    ["string", "int", "boolean"].map((y) => ({ x, y }))
  );
  const writers = kinds.map((fields, id) => writer(id, fields));
  const lines = writers.map((one) => orders.columns.lineFor(one));
  assert.equal(new Set(lines).size, 9);
  assert.equal(orders.columns.lineFor(writers[1]!), lines[1]);
  assert.notEqual(orders.columns.lineFor(writers[0]!), lines[0]);
});
