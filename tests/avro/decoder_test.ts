/** What the compiled decoder promises beyond types: good rows beside bad ones, limits, hostile schemas and bytes. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { compile, type EncodedValues, fileSchemaOf, parseSchema } from "../../src/avro/mod.ts";
import { Columns } from "../../src/columns/mod.ts";
import { UserError } from "../../src/errors.ts";
import { testRandom } from "../support/mod.ts";
import { encode, joinValues } from "./support/encode.ts";
import type { Schema } from "./support/random_schema.ts";
import { readParquetRows, readRows, toParquet } from "./support/read_rows.ts";

const OPTIONS = { separator: "." };

interface Result {
  readonly columns: Columns;
  readonly rows: Record<string, unknown>[];
  readonly bad: readonly (readonly [index: number, reason: string])[];
}

function decode(schema: Schema, input: EncodedValues, columnBytesMax?: number): Result {
  const writer = parseSchema(JSON.stringify(schema));
  const file = fileSchemaOf(writer, OPTIONS);
  const columns = new Columns(file, columnBytesMax === undefined ? {} : { columnBytesMax });
  const bad: [number, string][] = [];
  const appended = compile(writer, file, OPTIONS).decode(columns, input, (...args) => bad.push(args));
  assert.equal(appended, columns.rows);
  return { columns, rows: readRows(columns), bad };
}

function record(...fields: readonly (readonly [name: string, type: Schema])[]): Schema {
  return { type: "record", name: "Row", fields: fields.map(([name, type]) => ({ name, type })) };
}

function failOnBad(index: number, reason: string): void {
  throw new Error(`Value ${index}: ${reason}`);
}

function reasonOf(schema: Schema, ...bytes: number[]): string | undefined {
  return decode(schema, joinValues([Uint8Array.from(bytes)])).bad[0]?.[1];
}

Deno.test("bad values anywhere in many blocks are reported in order, and all others are kept", () => {
  const random = testRandom();
  const schema = record(["id", "long"], ["tags", { type: "array", items: ["null", "string"] }], ["flag", [
    "null",
    "boolean",
  ]]);
  const value = (id: number) =>
    encode(schema, {
      id: BigInt(id),
      tags: id % 3 === 0 ? [null] : [{ string: `t${id}` }],
      flag: id % 2 === 0 ? { boolean: true } : null,
    });
  const isBad = Array.from({ length: 3000 }, (_, id) => random.chance(id < 1500 ? 0.01 : 0.5));
  const values = isBad.map((bad, id) => bad ? value(id).slice(0, -1) : value(id));
  const { rows, bad, columns } = decode(schema, joinValues(values, 5));
  const good = isBad.flatMap((bad, id) => bad ? [] : [id]);
  assert.deepEqual(bad.map(([index]) => index), isBad.flatMap((bad, id) => bad ? [id] : []));
  assert.deepEqual(
    rows,
    good.map((id) => ({
      id: BigInt(id),
      tags: id % 3 === 0 ? [null] : [`t${id}`],
      flag: id % 2 === 0 ? true : null,
    })),
  );
  assert.equal(columns.rows, good.length);
});

Deno.test("a range of the values can be decoded, and a missing or short value is bad", () => {
  const input = joinValues([1n, 2n, 3n, 4n].map((value) => encode("long", value)), 5);
  input.starts[1] = -1;
  input.ends[2] = input.starts[2]! + 4;
  const { rows, bad } = decode("long", { ...input, from: 1, to: 4 });
  assert.deepEqual(rows, [{ value: 4n }]);
  assert.deepEqual(bad, [[1, "there is no value"], [
    2,
    "the value of 4 bytes is shorter than its header of 5",
  ]]);
});

for (
  const [what, schema, bytes, reason] of [
    ["a boolean of 2", record(["c", "boolean"]), [2], "c: the boolean is neither 0 nor 1"],
    [
      "an int above 32 bits",
      record(["c", "int"]),
      [0x80, 0x80, 0x80, 0x80, 0x10],
      "c: a varint is too large",
    ],
    [
      "an int of six bytes",
      record(["c", "int"]),
      [0x80, 0x80, 0x80, 0x80, 0x80, 0],
      "c: a varint is too large",
    ],
    ["a long above 64 bits", record(["c", "long"]), [...Array(9).fill(0xff), 2], "c: a varint is too large"],
    [
      "a string longer than the record",
      record(["c", "string"]),
      [4, 65],
      "c: a length runs past the end of the record",
    ],
    [
      "a string of negative length",
      record(["c", "string"]),
      [1, 65],
      "c: a length runs past the end of the record",
    ],
    [
      "a huge string",
      record(["c", "string"]),
      [0xfe, 0xff, 0xff, 0xff, 0x0f],
      "c: a length runs past the end of the record",
    ],
    ["a lone surrogate", record(["c", "string"]), [6, 0xed, 0xa0, 0x80], "c: the string is not UTF-8"],
    ["an overlong slash", record(["c", "string"]), [4, 0xc0, 0xaf], "c: the string is not UTF-8"],
    [
      "an enum index beyond",
      record(["c", { type: "enum", name: "E", symbols: ["A"] }]),
      [2],
      "c: there is no such symbol in the enum",
    ],
    ["a union branch beyond", record(["c", ["null", "int"]]), [4], "c: there is no such branch in the union"],
    [
      "a negative union branch",
      record(["c", ["null", "int", "string"]]),
      [1],
      "c: there is no such branch in the union",
    ],
    [
      "a fixed cut short",
      record(["c", { type: "fixed", name: "F", size: 4 }]),
      [1, 2, 3],
      "c: the record ends too early",
    ],
    ["a double cut short", record(["c", "double"]), [1, 2, 3, 4, 5, 6, 7], "c: the record ends too early"],
    ["a byte too many", record(["c", "int"]), [2, 0], "bytes are left over after the last field"],
    [
      "more items than bytes",
      record(["c", { type: "array", items: "int" }]),
      [20, 0, 0],
      "c: an item count runs past the end of the record",
    ],
    [
      "a huge item count",
      record(["c", { type: "array", items: "int" }]),
      [0xfe, 0xff, 0xff, 0xff, 0x0f],
      "c: an item count runs past the end of the record",
    ],
    ["the least item count", record(["c", { type: "array", items: "int" }]), [
      0xff,
      0xff,
      0xff,
      0xff,
      0x0f,
      2,
    ], "c: the size of a block does not match its items"],
    [
      "a block size too large",
      record(["c", { type: "array", items: "int" }]),
      [1, 4, 2, 0],
      "c: the size of a block does not match its items",
    ],
    [
      "a block size too small",
      record(["c", { type: "array", items: "int" }]),
      [3, 2, 2, 4, 0],
      "c: the size of a block does not match its items",
    ],
    ["a decimal of too many digits", record(["c", { type: "bytes", logicalType: "decimal", precision: 2 }]), [
      2,
      100,
    ], "c: the decimal has more digits than its precision"],
    ["a decimal below the least", record(["c", { type: "bytes", logicalType: "decimal", precision: 2 }]), [
      2,
      0x9c,
    ], "c: the decimal has more digits than its precision"],
    ["a decimal of 17 bytes", record(["c", { type: "bytes", logicalType: "decimal", precision: 38 }]), [
      34,
      1,
      ...Array(16).fill(0),
    ], "c: the decimal has more digits than its precision"],
    [
      "an item deep inside",
      record(["a", innerRecord("b", { type: "array", items: "boolean" })]),
      [2, 7, 0],
      "a.b[]: the boolean is neither 0 nor 1",
    ],
    ["nothing", record(["c", "int"]), [], "c: the record ends too early"],
  ] as const
) {
  Deno.test(`${what} is bad, and the message says where`, () => {
    assert.equal(reasonOf(schema, ...bytes), reason);
  });
}

function innerRecord(name: string, type: Schema): Schema {
  return { type: "record", name: "Inner", fields: [{ name, type }] };
}

Deno.test("blocks with a size, several blocks and padded varints are read", () => {
  const schema = record(["c", { type: "array", items: "int" }], ["d", ["null", "int"]]);
  const bytes = [3, 4, 2, 4, /* one more */ 2, 6, /* end */ 0x80, 0, /* branch 1 */ 0x82, 0x80, 0, 8];
  const { rows, bad } = decode(schema, joinValues([Uint8Array.from(bytes)]));
  assert.deepEqual([rows, bad], [[{ c: [1, 2, 3], d: 4 }], []]);
});

Deno.test("items without bytes are bounded for a record, not for a file", () => {
  const schema = record(["c", { type: "array", items: { type: "array", items: "null" } }]);
  const inner = (count: number) => [...zigzag(count), 0];
  const value = (...counts: number[]) =>
    Uint8Array.from([...zigzag(counts.length), ...counts.flatMap(inner), 0]);
  const { rows, bad } = decode(schema, joinValues([value(40_000), value(40_000, 40_000), value(60_000)]));
  assert.deepEqual(rows.map(({ c }) => (c as unknown[][]).map((items) => items.length)), [[40_000], [
    60_000,
  ]]);
  assert.deepEqual(bad, [[1, "c[]: more than 65536 items without bytes"]]);
});

function zigzag(value: number): Uint8Array {
  return encode("long", BigInt(value));
}

Deno.test("a value of a recursive type may nest 400 deep, and one of 100,000 is bad, not a crash", () => {
  const schema: Schema = {
    type: "record",
    name: "Node",
    fields: [{ name: "v", type: "int" }, { name: "next", type: ["null", "Node"] }],
  };
  const nested = (depth: number) =>
    Uint8Array.from([...Array.from({ length: depth }, () => [2, 2]).flat(), 2, 0]);
  const { rows, bad } = decode(schema, joinValues([nested(400), nested(100_000)]));
  assert.equal((rows[0]!.next as string).length, `{"v":1,"next":}`.length * 400 + "null".length);
  assert.deepEqual(bad, [[1, "next: nested deeper than 1000 levels"]]);
});

Deno.test("50 levels of nullable records, and lists in them, come out where the first null is", () => {
  const levels = 50;
  const schemaAt = (level: number): Schema => ({
    type: "record",
    name: `L${level}`,
    fields: [
      { name: "v", type: "int" },
      ...level < levels ? [{ name: "n", type: ["null", schemaAt(level + 1)] }] : [],
      { name: "l", type: { type: "array", items: "int" } },
    ],
  });
  const valueAt = (level: number, depth: number): unknown => ({
    v: level,
    n: level < depth ? { [`L${level + 1}`]: valueAt(level + 1, depth) } : null,
    l: [level],
  });
  const values = Array.from(
    { length: 600 },
    (_, index) => encode(schemaAt(0), valueAt(0, index % (levels + 1))),
  );
  const { rows } = decode(schemaAt(0), joinValues(values));
  for (const [index, row] of rows.entries()) {
    const depth = index % (levels + 1);
    for (let level = 0; level <= levels; level++) {
      const path = "n.".repeat(level);
      assert.equal(row[`${path}v`], level <= depth ? level : null);
      assert.deepEqual(row[`${path}l`], level <= depth ? [level] : null);
    }
  }
});

Deno.test("1,000 fields, unions among them, survive the seams between passes", async () => {
  const types: readonly Schema[] = ["long", ["null", "string"], ["null", "int", "string"], "boolean", {
    type: "map",
    values: "int",
  }];
  const fields = Array.from(
    { length: 1000 },
    (_, index) => [`f${index}`, types[index % types.length]!] as const,
  );
  const cell = (row: number, field: number) =>
    [BigInt(row * field), row % 2 === 0 ? null : { string: `${field}` }, { int: field }, row % 3 === 0, {
      a: row,
    }][field % 5];
  const schema = record(...fields);
  const values = Array.from(
    { length: 40 },
    (_, row) => encode(schema, Object.fromEntries(fields.map(([name], field) => [name, cell(row, field)]))),
  );
  const { rows, columns } = decode(schema, joinValues(values, 5));
  for (const [row, got] of rows.entries()) {
    for (let field = 0; field < 1000; field += 5) {
      assert.equal(got[`f${field}`], BigInt(row * field));
      assert.equal(got[`f${field + 1}`], row % 2 === 0 ? null : `${field + 1}`);
      assert.equal(got[`f${field + 2}.int`], field + 2);
      assert.equal(got[`f${field + 2}.string`], null);
      assert.equal(got[`f${field + 3}`], row % 3 === 0);
      assert.deepEqual(got[`f${field + 4}`], new Map([["a", row]]));
    }
  }
  assert.equal((await readParquetRows(toParquet(columns))).length, 40);
});

Deno.test("arrays of records with 100 fields and unions keep their items whole", () => {
  const types: readonly Schema[] = ["int", ["null", "string"], ["int", "string"]];
  const item: Schema = {
    type: "record",
    name: "Item",
    fields: Array.from({ length: 100 }, (_, index) => ({ name: `f${index}`, type: types[index % 3]! })),
  };
  const schema = record(["c", { type: "array", items: ["null", item] }]);
  const items = [0, 1, 2].map((seed) =>
    seed === 1 ? null : {
      Item: Object.fromEntries(Array.from({ length: 100 }, (_, field) => [
        `f${field}`,
        [field, (field + seed) % 2 === 0 ? null : { string: "s" }, { string: `${seed}` }][field % 3],
      ])),
    }
  );
  const { rows } = decode(schema, joinValues([encode(schema, { c: items }), encode(schema, { c: [] })]));
  const expected = [0, 1, 2].map((seed) =>
    seed === 1 ? null : Object.fromEntries(Array.from({ length: 100 }, (_, field) => [
      `f${field}`,
      [field, (field + seed) % 2 === 0 ? null : "s", { int: null, string: `${seed}` }][field % 3],
    ]))
  );
  assert.deepEqual(rows, [{ c: expected }, { c: [] }]);
});

Deno.test("names with quotes, newlines, code and the names of Object's own are only names", async () => {
  const names = [
    '"',
    "'",
    "`${1}`",
    "\n",
    "\u2028",
    "*/",
    "__proto__",
    "constructor",
    "toString",
    "a b",
    "x;throw 1",
    "\\",
    "😀",
  ];
  const schema = record(...names.map((name) => [name, ["null", "string"]] as const));
  const bytes = Uint8Array.from(names.flatMap((_, index) => [2, 2, 65 + index]));
  const { columns, bad } = decode(schema, joinValues([bytes]));
  assert.deepEqual(bad, []);
  assert.deepEqual(columns.schema.columns.map(({ name }) => name), names);
  const { parquetMetadata } = await import("hyparquet");
  const metadata = parquetMetadata(toParquet(columns).slice().buffer);
  assert.deepEqual(metadata.schema.slice(1).map(({ name }) => name), names);
  const texts = columns.buffers.map((column) => String.fromCharCode(column.data[0]!));
  assert.deepEqual(texts, names.map((_, index) => String.fromCharCode(65 + index)));
});

Deno.test("strings of every length at the very end of the buffer are copied whole", () => {
  const schema = record(["c", "string"]);
  for (let length = 0; length < 450; length++) {
    for (const text of ["a".repeat(length), "é".repeat(length >> 1), `${"b".repeat(length)}ü`]) {
      const { rows, bad } = decode(schema, joinValues([encode(schema, { c: text })]));
      assert.deepEqual([rows, bad], [[{ c: text }], []]);
    }
  }
});

Deno.test("one wrong byte anywhere in a string makes it bad, in rows and in items", () => {
  const schemas = [record(["c", "string"]), record(["c", { type: "array", items: "string" }])];
  for (const [isItem, schema] of schemas.entries()) {
    for (let length = 1; length < 40; length++) {
      for (let at = 0; at < length; at++) {
        const text = new Uint8Array(length).fill(0x61);
        text[at] = 0xff;
        const bytes = Uint8Array.from(isItem ? [2, 2 * length, ...text, 0] : [2 * length, ...text]);
        const { bad } = decode(schema, joinValues([bytes, bytes]));
        const reason = `${isItem ? "c[]" : "c"}: the string is not UTF-8`;
        assert.deepEqual(bad, [[0, reason], [1, reason]]);
      }
    }
  }
});

Deno.test("bytes behind a string, whatever they are, do not make it bad or part of it", () => {
  const schema = record(["c", "string"], ["d", { type: "fixed", name: "F", size: 9 }]);
  for (let length = 0; length < 40; length++) {
    const c = "x".repeat(length);
    const { rows } = decode(schema, joinValues([encode(schema, { c, d: Buffer.alloc(9, 0xff) })]));
    assert.deepEqual(rows, [{ c, d: new Uint8Array(9).fill(0xff) }]);
  }
});

Deno.test("the bytes may be a part of a larger buffer", () => {
  const { bytes, ...input } = joinValues([encode("string", "hello")], 5);
  const buffer = new Uint8Array(100).fill(0xff);
  buffer.set(bytes, 13);
  const { rows } = decode("string", { ...input, bytes: buffer.subarray(13, 13 + bytes.length) });
  assert.deepEqual(rows, [{ value: "hello" }]);
});

Deno.test("a full column stops the decoder with a hint, and leaves the rows of earlier calls", () => {
  const writer = parseSchema(`"string"`);
  const file = fileSchemaOf(writer, OPTIONS);
  const columns = new Columns(file, { columnBytesMax: 60_000 });
  const decoder = compile(writer, file, OPTIONS);
  const values = (count: number) =>
    joinValues(Array.from({ length: count }, () => encode("string", "x".repeat(100))));
  assert.equal(decoder.decode(columns, values(40), failOnBad), 40);
  assert.throws(() => decoder.decode(columns, values(600), failOnBad), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /Column "value" would hold 60100 bytes/);
    assert.match(error.hint ?? "", /--bytes/);
    return true;
  });
  assert.equal(columns.rows, 40);
  assert.equal(decoder.decode(columns, values(10), failOnBad), 10);
});

Deno.test("a decoder refuses columns of another schema", () => {
  const writer = parseSchema(`"string"`);
  const file = fileSchemaOf(writer, OPTIONS);
  const other = fileSchemaOf(parseSchema(`"int"`), OPTIONS);
  assert.throws(() => compile(writer, other, OPTIONS), /Cannot decode into columns/);
  const decoder = compile(writer, file, OPTIONS);
  assert.throws(() => decoder.decode(new Columns(other), joinValues([]), failOnBad), /another file schema/);
});
