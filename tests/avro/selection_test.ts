/** `--include` and `--exclude`: which columns there are, and that what is left out is stepped over rightly. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  Clash,
  ColumnSelection,
  compile,
  describeColumns,
  fileSchemaOf,
  merge,
  unmatchedPatterns,
} from "../../src/avro/mod.ts";
import { Columns } from "../../src/columns/mod.ts";
import { UserError } from "../../src/errors.ts";
import { testRandom } from "../support/mod.ts";
import { avscType, encode, joinValues } from "./support/encode.ts";
import { parse } from "./support/evolving_file.ts";
import { RandomSchemas, type Schema } from "./support/random_schema.ts";
import { RandomValues } from "./support/random_value.ts";
import { canonical, readRows } from "./support/read_rows.ts";
import { Reference, type Row } from "./support/reference.ts";
import { fixed } from "./support/type_cases.ts";

const SCHEMAS = 200;
const ROWS = 12;

function options(include: readonly string[], exclude: readonly string[] = [], separator = ".") {
  return { separator, selection: new ColumnSelection({ include, exclude }) };
}

function record(name: string, fields: Readonly<Record<string, Schema>>): Schema {
  return { type: "record", name, fields: Object.entries(fields).map(([name, type]) => ({ name, type })) };
}

const CUSTOMER = record("Order", {
  id: "long",
  customer: record("Customer", {
    name: "string",
    address: ["null", record("Address", { city: "string", zip: "int" })],
  }),
  items: { type: "array", items: record("Item", { sku: "string" }) },
  took: fixed(12, { logicalType: "duration" }),
});
const ALL = [
  "id",
  "customer.name",
  "customer.address.city",
  "customer.address.zip",
  "items",
  "took.months",
  "took.days",
  "took.millis",
];

for (
  const [include, exclude, left] of [
    [[], ["customer.*"], ["id", "items", "took.months", "took.days", "took.millis"]],
    [["customer.*"], [], ["customer.name", "customer.address.city", "customer.address.zip"]],
    [["customer.*"], ["*.zip", "id"], ["customer.name", "customer.address.city"]],
    [["*"], ["items", "took.*"], ["id", "customer.name", "customer.address.city", "customer.address.zip"]],
    [["i*"], [], ["id", "items"]],
    [["*city*", "took.days"], [], ["customer.address.city", "took.days"]],
    [[], ["customer", "customer?address.city", "i.*", "ID", "(.*)"], ALL],
  ] as const
) {
  Deno.test(`include [${include}] and exclude [${exclude}] leave [${left}]`, () => {
    const { columns } = fileSchemaOf(parse(CUSTOMER), options(include, exclude));
    assert.deepEqual(columns.map(({ name }) => name), left);
    const described = describeColumns(parse(CUSTOMER), options(include, exclude));
    assert.deepEqual(described.map(({ column }) => column), columns);
  });
}

Deno.test("patterns are of the names with the separator that there is", () => {
  const { columns } = fileSchemaOf(parse(CUSTOMER), options(["customer__address__*"], [], "__"));
  assert.deepEqual(columns.map(({ name }) => name), ["customer__address__city", "customer__address__zip"]);
});

Deno.test("a selection that leaves no column is an error", () => {
  for (const none of [options(["other.*"]), options([], ["*"])]) {
    assert.throws(() => fileSchemaOf(parse(CUSTOMER), none), (error) => {
      assert(error instanceof UserError);
      assert.match(error.message, /leave no column/);
      return true;
    });
  }
});

Deno.test("a pattern that matches nothing is told with what may have been meant", () => {
  const patterns = options(["customer", "idd", "*"], [
    "custmer.*",
    "customer.nme",
    "nothing like it",
    "items",
  ]);
  assert.deepEqual(unmatchedPatterns(parse(CUSTOMER), patterns), [
    { pattern: "customer", meant: "customer.*" },
    { pattern: "idd", meant: "id" },
    { pattern: "custmer.*", meant: "customer.*" },
    { pattern: "customer.nme", meant: "customer.name" },
    { pattern: "nothing like it", meant: undefined },
  ]);
});

Deno.test("what is left out collides with nothing", () => {
  const schema = record("R", { a: record("I", { c: "int" }), "a.c": "string" });
  assert.throws(() => fileSchemaOf(parse(schema), options([])), /Two fields would both be the column "a\.c"/);
  const other = record("R", { a: record("I", { c: "int" }), a__c: "string", x: "int" });
  assert.throws(
    () => fileSchemaOf(parse(other), options([], ["x"], "__")),
    /Two fields would both be the column "a__c": a\.c and a__c/,
  );
  assert.deepEqual(fileSchemaOf(parse(other), options([], ["a__*"], "__")).columns.map(({ name }) => name), [
    "x",
  ]);
});

Deno.test("a field is also known by its aliases, so that renaming it discloses nothing", () => {
  const older = record("R", { id: "int", mail: "string" });
  const newer: Schema = {
    type: "record",
    name: "R",
    fields: [{ name: "id", type: "int" }, { name: "email", aliases: ["mail"], type: "string" }],
  };
  const selected = options([], ["mail"]);
  const file = fileSchemaOf(parse(older), selected);
  assert.deepEqual(file.columns.map(({ name }) => name), ["id"]);
  assert.equal(merge(file, parse(newer), selected), file);
});

Deno.test("what is left out clashes with nothing", () => {
  const file = fileSchemaOf(parse(record("R", { id: "int", x: "int" })), options([], ["x"]));
  const text = parse(record("R", { id: "int", x: "string" }));
  assert.equal(merge(file, text, options([], ["x"])), file);
  assert(
    merge(
      fileSchemaOf(parse(record("R", { id: "int", x: "int" })), options([])),
      text,
      options([]),
    ) instanceof Clash,
  );
});

Deno.test("random columns of random schemas are left out, and the others come as without that", () => {
  const random = testRandom();
  const schemas = new RandomSchemas(random, { depth: 4 });
  let left = 0;
  for (let round = 0; round < SCHEMAS; round++) {
    const schema = schemas.next();
    const names = fileSchemaOf(parse(schema), { separator: "." }).columns.map(({ name }) => name);
    const exclude = names.filter(() => random.chance(0.5));
    if (exclude.length === names.length) continue;
    left += exclude.length;
    const selected = options([], exclude);
    const where = `round ${round}: ${JSON.stringify(schema)} without ${exclude}`;
    const writer = parse(schema);
    const file = fileSchemaOf(writer, selected);
    const decoder = compile(writer, file, selected);
    const type = avscType(schema);
    const reference = new Reference(schema);
    const make = new RandomValues(random, schema);
    const values = Array.from({ length: ROWS }, () => make.next(schema));
    const encoded = values.map((value) => new Uint8Array(type.toBuffer(value)));
    const kept = (row: Row) => Object.fromEntries(file.columns.map(({ name }) => [name, row[name]]));
    const expected = values.map((value) => canonical(kept(reference.row(value))));
    const columns = new Columns(file);
    decoder.decode(
      columns,
      joinValues(encoded, 5),
      (index, reason) => assert.fail(`${where}, ${index}: ${reason}`),
    );
    assert.deepEqual(readRows(columns).map(canonical), expected, where);
    // A record that is cut is bad, wherever it is cut, and one that is too long as well.
    const whole = encoded[0]!;
    const longer = new Uint8Array([...whole, 0]);
    const cut = Array.from(
      { length: Math.min(whole.length, 40) },
      (_, index) => whole.subarray(0, whole.length - 1 - index),
    );
    columns.clear();
    const bad: number[] = [];
    decoder.decode(columns, joinValues([whole, ...cut, longer, whole], 5), (index) => bad.push(index));
    assert.deepEqual(bad, Array.from({ length: cut.length + 1 }, (_, index) => 1 + index), where);
    assert.deepEqual(readRows(columns).map(canonical), [expected[0], expected[0]], where);
  }
  assert(left > SCHEMAS, "hardly anything was left out");
});

for (
  const [what, type, bytes, reason] of [
    ["a block with its size", { type: "array", items: "string" }, [3, 8, 2, 65, 2, 66, 0], undefined],
    ["a block size beyond the record", { type: "array", items: "string" }, [3, 60, 2, 65, 2, 66, 0], /block/],
    ["a huge count", { type: "array", items: "int" }, [0xfe, 0xff, 0xff, 0xff, 0x0f], /item count/],
    [
      "endless items without bytes",
      { type: "array", items: "null" },
      [0xfe, 0xff, 0xff, 0xff, 0x0f, 0],
      /items without/,
    ],
    ["a string too long", "string", [0xfe, 0xff, 0xff, 0xff, 0x0f], /length/],
    ["a string of negative length", "string", [1], /length/],
    ["a long of eleven bytes", "long", [...Array(10).fill(0xff), 1], /varint/],
    ["a long of ten bytes", "long", [...Array(9).fill(0xff), 1], undefined],
    ["a branch that there is not", ["null", "int", "string"], [6], /branch/],
    ["a branch beyond null and one", ["null", "int"], [4], /branch/],
  ] as const
) {
  Deno.test(`left out: ${what} is ${reason === undefined ? "stepped over" : "bad"}`, () => {
    const schema = record("R", { a: "int", c: type as Schema, z: "string" });
    const selected = options([], ["c*"]);
    const file = fileSchemaOf(parse(schema), selected);
    const columns = new Columns(file);
    const value = Uint8Array.from([2, ...bytes, 2, 90]);
    const good = encode(schema, { a: 7, c: sample(type as Schema), z: "y" });
    const bad: string[] = [];
    compile(parse(schema), file, selected).decode(
      columns,
      joinValues([value, good]),
      (_, why) => bad.push(why),
    );
    const rows = readRows(columns);
    if (reason === undefined) {
      assert.deepEqual(rows, [{ a: 1, z: "Z" }, { a: 7, z: "y" }]);
    } else {
      assert.match(bad[0] ?? "", reason);
      assert.deepEqual(rows, [{ a: 7, z: "y" }]);
    }
  });
}

function sample(type: Schema): unknown {
  if (typeof type !== "string") return Array.isArray(type) ? null : [];
  return type === "string" ? "s" : 5n;
}

Deno.test("what is left out need not be valid within its length, and stands nowhere in the columns", () => {
  const schema = record("R", { a: "int", c: "string" });
  const selected = options(["a"]);
  const file = fileSchemaOf(parse(schema), selected);
  const columns = new Columns(file);
  const secret = Buffer.from("a secret that nobody may see");
  const values = [Uint8Array.from([2, 2 * secret.length, ...secret]), Uint8Array.from([4, 2, 0xff])];
  compile(parse(schema), file, selected).decode(columns, joinValues(values), (_, why) => assert.fail(why));
  assert.deepEqual(readRows(columns), [{ a: 1 }, { a: 2 }]);
  assert(!Buffer.from(columns.toIPC()).includes(secret));
});
