/** Schemas: names, references, errors that say where; the columns of a file and when two schemas share them. */
import assert from "node:assert/strict";
import { type AvroType, compile, fileSchemaOf, merge, parseSchema } from "../../src/avro/mod.ts";
import { Columns } from "../../src/columns/mod.ts";
import { UserError } from "../../src/errors.ts";
import { joinValues } from "./support/encode.ts";
import { readRows } from "./support/read_rows.ts";

const OPTIONS = { separator: "." };

function record(name: string, fields: Record<string, unknown>, rest: object = {}): object {
  return {
    type: "record",
    name,
    fields: Object.entries(fields).map(([name, type]) => ({ name, type })),
    ...rest,
  };
}

function parse(schema: unknown, ...references: unknown[]): AvroType {
  return parseSchema(JSON.stringify(schema), references.map((reference) => JSON.stringify(reference)));
}

function columnNames(schema: unknown, separator = "."): string[] {
  return fileSchemaOf(parse(schema), { separator }).columns.map(({ name }) => name);
}

Deno.test("names are resolved in the namespace around them, then as they stand", () => {
  const schema = record("Outer", {
    a: record("Inner", { x: "int" }),
    b: "Inner",
    c: "com.example.Inner",
    d: record("other.Thing", { e: { type: "enum", name: "Kind", symbols: ["K"] } }),
    f: ["null", "other.Kind", "Inner"],
  }, { namespace: "com.example" });
  assert.deepEqual(columnNames(schema), [
    "a.x",
    "b.x",
    "c.x",
    "d.e",
    "f.other.Kind",
    "f.com.example.Inner.x",
  ]);
});

Deno.test("an empty namespace ends the one around it", () => {
  const schema = record("Outer", {
    a: record("Inner", { x: ["null", "int", "Inner"] }, { namespace: "" }),
    b: ["int", "Inner"],
  }, {
    namespace: "com.example",
  });
  assert.deepEqual(columnNames(schema), [
    "a.x.int",
    "a.x.Inner",
    "b.int",
    "b.Inner.x.int",
    "b.Inner.x.Inner",
  ]);
});

Deno.test("references are types that the schema may name, in order of dependency", () => {
  const country = { type: "enum", name: "Country", namespace: "geo", symbols: ["CZ", "SK"] };
  const address = record("Address", { city: "string", country: "Country" }, { namespace: "geo" });
  const writer = parse(record("Event", { to: "geo.Address" }), country, address);
  const file = fileSchemaOf(writer, OPTIONS);
  const columns = new Columns(file);
  compile(writer, file, OPTIONS).decode(
    columns,
    joinValues([Uint8Array.of(2, 65, 2)]),
    (_, reason) => assert.fail(reason),
  );
  assert.deepEqual(readRows(columns), [{ "to.city": "A", "to.country": "SK" }]);
});

Deno.test("the bare name of a primitive is a schema, with quotes and without", () => {
  assert.deepEqual(parseSchema(`"string"`), { kind: "string" });
  assert.deepEqual(parseSchema("string"), { kind: "string" });
  assert.deepEqual(parse({ type: { type: "string" } }), { kind: "string" });
});

for (
  const [what, schema, message] of [
    [
      "a name that is not defined",
      record("A", { x: "Missing" }),
      /at \$\.fields\[0\]\.type: type "Missing" is not defined/,
    ],
    [
      "a type that is none",
      record("A", { x: 5 }),
      /at \$\.fields\[0\]\.type: a type is a name, an array or an object: got 5/,
    ],
    ["no type at all", record("A", { x: undefined }), /at \$\.fields\[0\]\.type: .* got nothing/],
    ["no fields", { type: "record", name: "A" }, /at \$: a record's "fields" is an array/],
    ["no name", { type: "record", fields: [] }, /at \$: a record has a name/],
    [
      "a field without a name",
      { type: "record", name: "A", fields: [{ type: "int" }] },
      /at \$\.fields\[0\]: a field has a name/,
    ],
    ["a field twice", {
      type: "record",
      name: "A",
      fields: [{ name: "x", type: "int" }, { name: "x", type: "int" }],
    }, /field name "x" stands twice/],
    [
      "a type defined twice",
      record("A", { x: record("B", {}), y: record("B", {}) }),
      /at \$\.fields\[1\]\.type: type "B" is defined twice/,
    ],
    ["a union in a union", [["int"], "null"], /at \$: a union may not hold a union directly/],
    ["an empty union", [], /at \$: a union has no branch/],
    [
      "a branch twice",
      ["int", { type: "int", logicalType: "date" }],
      /at \$: a union has the branch "int" twice/,
    ],
    [
      "symbols that are no strings",
      { type: "enum", name: "E", symbols: [1] },
      /an enum's "symbols" is an array of strings: got \[1\]/,
    ],
    [
      "a size that is no number",
      { type: "fixed", name: "F", size: -1 },
      /a fixed's "size" is a number of bytes: got -1/,
    ],
    ["an array without items", { type: "array" }, /at \$\.items: /],
  ] as const
) {
  Deno.test(`${what} is an error that says where`, () => {
    assert.throws(() => parse(schema), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("text that is no JSON is an error", () => {
  assert.throws(() => parseSchema("{"), /The Avro schema is not JSON/);
  assert.throws(() => parseSchema(`"int"`, ["{"]), /The Avro reference 1 is not JSON/);
});

Deno.test("nesting without end is an error, not a crash", () => {
  const deep = (levels: number) => `${`{"type":"array","items":`.repeat(levels)}"int"${"}".repeat(levels)}`;
  assert.equal(fileSchemaOf(parseSchema(deep(200)), OPTIONS).columns.length, 1);
  assert.throws(() => parseSchema(deep(100_000)), /nested deeper than 500 levels/);
  const chain = Array.from(
    { length: 2000 },
    (_, index) => record(`R${index}`, { x: index === 0 ? "int" : `R${index - 1}` }),
  );
  assert.throws(() => fileSchemaOf(parse("R1999", ...chain), OPTIONS), /nests deeper than 500 levels/);
});

Deno.test("a schema that doubles at each level is an error before it fills the memory", () => {
  const levels = Array.from(
    { length: 40 },
    (_, index) =>
      record(`R${index}`, index === 0 ? { x: "int" } : { a: `R${index - 1}`, b: `R${index - 1}` }),
  );
  assert.throws(() => fileSchemaOf(parse("R39", ...levels), OPTIONS), /more than 20000 columns/);
});

Deno.test("nested names are joined by the separator, in schema order", () => {
  const schema = record("A", {
    z: "int",
    a: record("B", { y: "int", c: record("C", { x: ["null", "int", "string"] }) }),
    m: "int",
  });
  assert.deepEqual(columnNames(schema, "__"), ["z", "a__y", "a__c__x__int", "a__c__x__string", "m"]);
});

Deno.test("two fields that become the same column are an error that names both", () => {
  const schema = record("A", { "a.b": "int", a: record("B", { b: "string" }) });
  assert.throws(() => fileSchemaOf(parse(schema), OPTIONS), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.message, `Two fields would both be the column "a.b": ["a.b"] and a.b`);
    assert.equal(
      error.hint,
      "Choose another --separator, for instance __ or /, or leave one out with --exclude",
    );
    return true;
  });
  assert.deepEqual(columnNames(schema, "/"), ["a.b", "a/b"]);
});

Deno.test("the separator that made two columns one is not advised", () => {
  const schema = parse(record("A", { "a__b": "int", a: record("B", { b: "string" }) }));
  assert.throws(() => fileSchemaOf(schema, { separator: "__" }), {
    name: "UserError",
    hint: "Choose another --separator, for instance / or ::, or leave one out with --exclude",
  });
});

Deno.test("a schema with the same columns shares the file, in whatever order its fields stand", () => {
  const one = parse(record("A", { x: "int", y: ["null", "string"], z: record("B", { v: "long" }) }));
  const other = parse(
    record("C", { z: record("D", { v: "long" }, { doc: "new" }), y: ["string", "null"], x: "int" }),
  );
  const file = fileSchemaOf(one, OPTIONS);
  assert.equal(merge(file, other, OPTIONS), file);
  const columns = new Columns(file);
  const fail = (_: number, reason: string) => assert.fail(reason);
  compile(one, file, OPTIONS).decode(columns, joinValues([Uint8Array.of(2, 2, 2, 65, 4)]), fail);
  compile(other, file, OPTIONS).decode(columns, joinValues([Uint8Array.of(6, 0, 2, 66, 8)]), fail);
  assert.deepEqual(readRows(columns), [{ x: 1, y: "A", "z.v": 2n }, { x: 4, y: "B", "z.v": 3n }]);
});
