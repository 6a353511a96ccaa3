/** Columns by themselves: appending values, going back, growing, and what Arrow and Parquet see of them. */
import assert from "node:assert/strict";
import { tableFromIPC } from "apache-arrow";
import {
  Columns,
  type ColumnSpec,
  type ColumnType,
  type FileSchema,
  StreamMemory,
} from "../../src/columns/mod.ts";
import { UserError } from "../../src/errors.ts";
import { testRandom } from "../support/mod.ts";
import { canonical, readParquetRows, readRows, roundDecimals, toParquet } from "../avro/support/read_rows.ts";

const utf8 = { kind: "utf8" } as const;

function column(name: string, type: ColumnType, nullable = true): ColumnSpec {
  return { name, type, nullable };
}

function schema(...columns: readonly ColumnSpec[]): FileSchema {
  return { columns };
}

/** What a dead letter needs: a list of structs among plain columns. */
const DEAD_LETTER = schema(
  column("topic", utf8, false),
  column("offset", { kind: "int64" }, false),
  column("timestamp", { kind: "timestamp", unit: "ms", utc: true }, false),
  column("key", { kind: "binary" }),
  column("headers", {
    kind: "list",
    item: column("element", {
      kind: "struct",
      fields: [column("key", utf8, false), column("value", { kind: "binary" })],
    }, false),
  }, false),
  column("schema_id", { kind: "int32" }),
);

const LETTERS: readonly (readonly unknown[])[] = [
  ["a", 1n, 1_700_000_000_000n, null, [], null],
  ["b", 2n ** 62n, 0n, Uint8Array.of(1, 2), [{ key: "k", value: null }, {
    key: "",
    value: new Uint8Array(3),
  }], 7],
  ["", -1n, -1n, new Uint8Array(0), [{ key: "ž", value: Uint8Array.of(255) }], -7],
];

function asRow(values: readonly unknown[], { columns }: FileSchema): Record<string, unknown> {
  return Object.fromEntries(columns.map(({ name }, index) => [name, values[index]]));
}

Deno.test("rows that were appended stand in the buffers and in the Parquet file", async () => {
  const columns = new Columns(DEAD_LETTER);
  for (const letter of LETTERS) columns.appendRow(letter);
  const expected = LETTERS.map((letter) => canonical(asRow(letter, DEAD_LETTER)));
  assert.deepEqual(readRows(columns).map(canonical), expected);
  assert.deepEqual((await readParquetRows(toParquet(columns))).map(canonical), expected);
});

Deno.test("every type takes its shape of value and comes back from Parquet", async () => {
  const cells: readonly (readonly [type: ColumnType, value: unknown, read?: unknown])[] = [
    [{ kind: "bool" }, true],
    [{ kind: "int32" }, -5],
    [{ kind: "int64" }, -(2n ** 63n)],
    [{ kind: "float32" }, 0.5],
    [{ kind: "float64" }, 1e300],
    [utf8, "héllo"],
    [{ kind: "binary" }, Uint8Array.of(0, 255)],
    [{ kind: "date32" }, 19_000],
    [{ kind: "time32ms" }, 86_399_999],
    [{ kind: "time64us" }, 86_399_999_999n],
    [{ kind: "fixed", byteWidth: 3 }, Uint8Array.of(1, 2, 3)],
    [{ kind: "timestamp", unit: "ns", utc: true }, 2n ** 62n + 1n],
    [{ kind: "decimal", precision: 20, scale: 2, byteWidth: 16 }, -12_345n, -12_345 * 10 ** -2],
    [{ kind: "decimal", precision: 76, scale: 0, byteWidth: 32 }, -(10n ** 70n), -1e70],
    [{ kind: "enum", symbols: ["A", "B"] }, "B"],
    [{ kind: "enum", symbols: ["A", "B"] }, 1, "B"],
    [{ kind: "list", item: column("element", utf8) }, ["a", null]],
    [{ kind: "map", value: column("value", { kind: "int32" }) }, new Map([["k", 1], ["l", null]])],
    [{ kind: "map", value: column("value", { kind: "int32" }) }, { k: 1 }, new Map([["k", 1]])],
    [{ kind: "struct", fields: [column("x", { kind: "int32" }), column("y", utf8)] }, { x: 1, y: null }],
  ];
  const all = schema(...cells.map(([type], index) => column(`c${index}`, type)));
  const columns = new Columns(all);
  columns.appendRow(cells.map(([, value]) => value));
  columns.appendRow(cells.map(() => null));
  columns.appendRow(cells.map(([, value]) => value));
  const rows = await readParquetRows(toParquet(columns));
  for (const [index, cell] of cells.entries()) {
    const [type, value] = cell;
    const read = cell.length > 2 ? cell[2] : value;
    const got = rows.map((row) => canonical(row[`c${index}`]));
    // A struct that is null is read as one of nulls by some readers.
    if (type.kind === "struct") got[1] = "null";
    assert.deepEqual(got, [canonical(read), "null", canonical(read)], JSON.stringify(type));
  }
});

for (
  const [what, type, value, message] of [
    ["a number for text", utf8, 5, /Column "c" takes a string: got number/],
    ["a number for a long", { kind: "int64" }, 5, /takes a bigint: got number/],
    ["a long of 65 bits", { kind: "int64" }, 2n ** 63n, /takes 64 bits/],
    ["text for bytes", { kind: "binary" }, "x", /takes a Uint8Array: got string/],
    ["too many bytes", { kind: "fixed", byteWidth: 2 }, new Uint8Array(3), /takes 2 bytes: got 3/],
    ["an unknown symbol", { kind: "enum", symbols: ["A"] }, "B", /has no symbol B/],
    ["an object for a list", { kind: "list", item: column("element", utf8) }, {}, /takes an array/],
    [
      "a null item",
      { kind: "list", item: column("element", utf8, false) },
      ["a", null],
      /"element" takes no null/,
    ],
    ["a null", utf8, null, /Column "c" takes no null/],
  ] as const
) {
  Deno.test(`${what} is refused, and the row is not appended`, () => {
    const columns = new Columns(schema(column("id", { kind: "int32" }), column("c", type, false)));
    assert.throws(
      () => columns.appendRow([1, value]),
      (error) => error instanceof TypeError && message.test(error.message),
    );
    assert.equal(columns.rows, 0);
  });
}

Deno.test("a row needs a value for each column", () => {
  const columns = new Columns(schema(column("a", utf8), column("b", utf8)));
  assert.throws(() => columns.appendRow(["x"]), /Cannot append 1 values to 2 columns/);
});

Deno.test("truncating forgets rows, their text, items and null bits", () => {
  const random = testRandom();
  const columns = new Columns(schema(
    column("id", { kind: "int64" }, false),
    column("flag", { kind: "bool" }),
    column("text", utf8),
    column("items", { kind: "list", item: column("element", { kind: "bool" }) }),
  ));
  const make = (id: number) => [
    BigInt(id),
    random.pick([true, false, null]),
    random.chance(0.3) ? null : "x".repeat(random.below(50)),
    random.chance(0.3)
      ? null
      : Array.from({ length: random.below(5) }, () => random.pick([true, false, null])),
  ];
  const held: unknown[][] = [];
  for (let round = 0; round < 200; round++) {
    for (let count = random.below(40); count > 0; count--) {
      held.push(make(held.length));
      columns.appendRow(held.at(-1)!);
    }
    const keep = random.below(held.length + 1);
    if (random.chance(0.1)) columns.clear();
    else if (random.chance(0.5)) columns.truncate(keep);
    else continue;
    held.length = columns.rows;
  }
  assert.deepEqual(readRows(columns), held.map((row) => asRow(row, columns.schema)));
  assert.throws(() => columns.truncate(columns.rows + 1), RangeError);
  assert.throws(() => columns.truncate(-1), RangeError);
});

/** Every pair of types that `widen` knows, with a value and what it is then. */
const WIDENED: readonly (readonly [from: ColumnType, to: ColumnType, value: unknown, wide: unknown])[] = [
  [{ kind: "bool", absent: true }, utf8, null, null],
  [{ kind: "int32" }, { kind: "int64" }, -5, -5n],
  [{ kind: "int32" }, { kind: "float64" }, -(2 ** 31), -(2 ** 31)],
  [{ kind: "int64" }, { kind: "float64" }, -(2n ** 53n) - 2n, -(2 ** 53) - 2],
  [{ kind: "float32" }, { kind: "float64" }, 0.5, 0.5],
  [
    { kind: "decimal", precision: 5, scale: 1, byteWidth: 16 },
    { kind: "decimal", precision: 57, scale: 1, byteWidth: 32 },
    -(10n ** 4n),
    -(10n ** 4n),
  ],
  [{ kind: "enum", symbols: ["A", "BCD"] }, { kind: "enum", symbols: ["A", "BCD", "E"] }, "BCD", "BCD"],
  [{ kind: "enum", symbols: ["A", "BCD"] }, utf8, "BCD", "BCD"],
  [{ kind: "enum", symbols: ["A", "BCD"] }, { kind: "binary" }, "BCD", new TextEncoder().encode("BCD")],
  [utf8, { kind: "binary" }, "ž", new TextEncoder().encode("ž")],
  [{ kind: "fixed", byteWidth: 2 }, { kind: "binary" }, Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
  [
    { kind: "list", item: column("element", { kind: "struct", fields: [column("x", { kind: "int32" })] }) },
    {
      kind: "list",
      item: column("element", {
        kind: "struct",
        fields: [column("x", { kind: "int64" }), column("y", utf8)],
      }),
    },
    [{ x: 1 }, null, { x: null }],
    [{ x: 1n, y: null }, null, { x: null, y: null }],
  ],
  [
    { kind: "map", value: column("value", { kind: "int32" }, false) },
    { kind: "map", value: column("value", { kind: "int64" }) },
    new Map([["k", 1]]),
    new Map([["k", 1n]]),
  ],
];

Deno.test("columns with rows take wider types and more columns, and go on", async () => {
  const { below } = testRandom();
  const columns = new Columns(schema(...WIDENED.map(([type], index) => column(`c${index}`, type))));
  // Values and nulls, past several bytes of bits.
  const isNull = Array.from({ length: 100 + below(50) }, () => below(3) === 0);
  for (const none of isNull) columns.appendRow(WIDENED.map(([, , value]) => none ? null : value));
  const wider = schema(
    ...WIDENED.map(([, type], index) => column(`d${index}`, type)),
    column("added", utf8),
    column("list", { kind: "list", item: column("element", { kind: "bool" }, false) }),
  );
  // What was learnt for streams of the old columns is of no use any more.
  columns.toIPC();
  columns.widen(wider);
  assert.equal(columns.schema, wider);
  columns.appendRow([...WIDENED.map(([, , , wide]) => wide), "new", [true]]);
  const before = isNull.map((none) => [...WIDENED.map(([, , , wide]) => none ? null : wide), null, null]);
  const expected = [...before, [...WIDENED.map(([, , , wide]) => wide), "new", [true]]]
    .map((values) => asRow(values, wider));
  assert.deepEqual(readRows(columns).map(canonical), expected.map(canonical));
  assert.deepEqual(
    (await readParquetRows(toParquet(columns))).map(canonical),
    roundDecimals(expected, wider).map(canonical),
  );
  const same = new Columns(wider);
  for (const row of expected) same.appendRow(Object.values(row));
  assert.equal(columns.byteLength, same.byteLength);
});

Deno.test("a column that was never null may be so once it is widened", () => {
  const columns = new Columns(schema(column("a", utf8, false)));
  for (let row = 0; row < 70; row++) columns.appendRow([`${row}`]);
  columns.widen(schema(column("a", utf8)));
  columns.appendRow([null]);
  assert.deepEqual(readRows(columns).map(({ a }) => a), [
    ...Array.from({ length: 70 }, (_, row) => `${row}`),
    null,
  ]);
});

Deno.test("where one column cannot be widened, none is", () => {
  const long = "x".repeat(40);
  const narrow = schema(column("n", { kind: "int32" }), column("e", { kind: "enum", symbols: [long] }));
  const columns = new Columns(narrow, { columnBytesMax: 200 });
  for (let row = 0; row < 6; row++) columns.appendRow([row, 0]);
  const { byteLength } = columns;
  const wider = schema(column("n", { kind: "int64" }), column("e", utf8));
  assert.throws(() => columns.widen(wider), (error) => {
    assert(error instanceof UserError);
    assert.match(error.message, /Column "e" would hold 240 bytes/);
    return true;
  });
  assert.equal(columns.schema, narrow);
  assert.equal(columns.byteLength, byteLength);
  columns.appendRow([6, 0]);
  assert.deepEqual(
    readRows(columns).map(({ n, e }) => [n, e]),
    Array.from({ length: 7 }, (_, row) => [row, long]),
  );
});

Deno.test("rows must be reserved before they count", () => {
  const columns = new Columns(schema(column("a", utf8)));
  assert.throws(() => columns.advance(1), RangeError);
  columns.reserve(1);
  columns.advance(1);
  assert.equal(columns.rows, 1);
});

Deno.test("byteLength follows what is held, and falls back when cleared", () => {
  const columns = new Columns(
    schema(column("text", utf8), column("list", { kind: "list", item: column("element", utf8) })),
  );
  const empty = columns.byteLength;
  columns.appendRow(["x".repeat(1000), ["y".repeat(2000)]]);
  const one = columns.byteLength;
  assert.ok(one >= empty + 3000 && one < empty + 3100, `${one}`);
  for (let row = 1; row < 1000; row++) columns.appendRow(["x".repeat(1000), ["y".repeat(2000)]]);
  assert.ok(Math.abs(columns.byteLength / 1000 - 3020) < 20, `${columns.byteLength}`);
  columns.truncate(1);
  assert.equal(columns.byteLength, one);
  columns.clear();
  assert.equal(columns.byteLength, empty);
});

Deno.test("after a very large file, cleared columns give the memory back and go on working", () => {
  const columns = new Columns(
    schema(column("text", utf8), column("list", { kind: "list", item: column("element", utf8) })),
  );
  const text = "z".repeat(1024 * 1024);
  for (let row = 0; row < 40; row++) columns.appendRow([text, [text]]);
  columns.clear();
  const allocated = columns.allBuffers.reduce((bytes, { data }) => bytes + data.byteLength, 0);
  assert.ok(allocated < 1024 * 1024, `${allocated} bytes are still held`);
  columns.appendRow(["a", ["b", null]]);
  assert.deepEqual(readRows(columns), [{ text: "a", list: ["b", null] }]);
});

Deno.test("a column beyond its limit is a clear error, and the row is not appended", () => {
  const columns = new Columns(schema(column("text", utf8)), { columnBytesMax: 100 });
  columns.appendRow(["x".repeat(60)]);
  assert.throws(() => columns.appendRow(["x".repeat(41)]), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.message, `Column "text" would hold 101 bytes: one file takes at most 100`);
    return true;
  });
  columns.appendRow(["x".repeat(40)]);
  assert.equal(columns.rows, 2);
});

Deno.test("Arrow's own reader takes the stream, with enums as dictionaries and uuids named", () => {
  const columns = new Columns(schema(
    column("e", { kind: "enum", symbols: ["A", "B"] }),
    column("u", { kind: "fixed", byteWidth: 16, uuid: true }),
    column("l", { kind: "list", item: column("element", { kind: "enum", symbols: ["X"] }) }),
  ));
  for (let row = 0; row < 100; row++) {
    columns.appendRow(["AB"[row % 2], new Uint8Array(16), row % 3 === 0 ? null : ["X"]]);
  }
  const first = tableFromIPC(columns.toIPC());
  columns.appendRow(["A", null, ["X", null]]);
  const table = tableFromIPC(columns.toIPC());
  assert.equal(first.numRows, 100);
  assert.equal(table.numRows, 101);
  assert.deepEqual(table.get(100)!.toJSON()["u"], null);
  assert.equal(String(table.schema), String(first.schema));
  assert.equal(String(table.schema.fields[0]!.type), "Dictionary<Int32, Utf8>");
  assert.equal(table.schema.fields[1]!.metadata.get("ARROW:extension:name"), "arrow.uuid");
  assert.deepEqual([0, 1, 2].map((row) => table.get(row)!["e"]), ["A", "B", "A"]);
  assert.equal(table.getChild("l")!.nullCount, 34);
});

Deno.test("streams written into the same memory one after the other are those that arrays of their own hold", () => {
  const memory = new StreamMemory();
  const columns = new Columns(DEAD_LETTER);
  for (const length of [5000, 3, 0, 300_000]) {
    columns.clear();
    for (let row = 0; row < 20; row++) {
      columns.appendRow(["x".repeat(length + row), ...LETTERS[row % 3]!.slice(1)]);
    }
    const [stream, own] = [columns.toIPC({ memory }), columns.toIPC()];
    const read = tableFromIPC(stream);
    assert.deepEqual(read.toArray().map(String), tableFromIPC(own).toArray().map(String));
    assert.deepEqual(stream.slice(-8), own.slice(-8), "the end of the stream");
    assert.equal(String(read.get(7)!["topic"]).length, length + 7);
  }
});

Deno.test("a stream of the first rows holds these and nothing of the others", () => {
  const columns = new Columns(DEAD_LETTER);
  for (let row = 0; row < 20; row++) columns.appendRow(LETTERS[row % 3]!);
  const head = tableFromIPC(columns.toIPC({ rows: 7 }));
  assert.deepEqual(
    head.toArray().map(String),
    tableFromIPC(columns.toIPC()).toArray().slice(0, 7).map(String),
  );
  assert.ok(columns.toIPC({ rows: 7 }).length < columns.toIPC().length);
  assert.throws(() => columns.toIPC({ rows: 21 }), RangeError);
});

Deno.test("no rows make a stream of no rows, first and later", async () => {
  const columns = new Columns(DEAD_LETTER);
  assert.equal(tableFromIPC(columns.toIPC()).numRows, 0);
  columns.appendRow(LETTERS[0]!);
  assert.equal(tableFromIPC(columns.toIPC()).numRows, 1);
  columns.clear();
  assert.equal(tableFromIPC(columns.toIPC()).numRows, 0);
  assert.deepEqual(await readParquetRows(toParquet(columns)), []);
});
