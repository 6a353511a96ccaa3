/** Rows of nulls in bulk, and columns of several writers in one stream. */
import assert from "node:assert/strict";
import { tableFromIPC } from "apache-arrow";
import { Columns, type ColumnSpec, type ColumnType, StreamWriter } from "../../src/columns/mod.ts";
import { testRandom } from "../support/mod.ts";
import { canonical, readParquetRows, readRows, toParquet } from "../avro/support/read_rows.ts";

const column = (name: string, type: ColumnType, nullable = true): ColumnSpec => ({ name, type, nullable });

const ITEM = column("element", { kind: "int32" });
const SCHEMA = {
  columns: [
    column("bool", { kind: "bool" }),
    column("int", { kind: "int32" }),
    column("long", { kind: "int64" }),
    column("text", { kind: "utf8" }),
    column("list", { kind: "list", item: ITEM }),
    column("map", { kind: "map", value: column("value", { kind: "utf8" }) }),
    column("struct", { kind: "struct", fields: [column("x", { kind: "bool" })] }),
    column("enum", { kind: "enum", symbols: ["A", "B"] }),
    column("fixed", { kind: "fixed", byteWidth: 3 }),
  ],
};

const VALUES = [
  true,
  5,
  -1n,
  "text",
  [1, null],
  new Map([["k", "v"]]),
  { x: true },
  "B",
  Uint8Array.of(1, 2, 3),
];

Deno.test("rows of nulls stand where they were appended, between rows of values", async () => {
  const random = testRandom();
  const columns = new Columns(SCHEMA);
  const isNull: boolean[] = [];
  for (let part = 0; part < 60; part++) {
    const count = random.below(20);
    const areNull = random.chance(0.5);
    if (areNull) columns.appendNulls(count);
    else for (let row = 0; row < count; row++) columns.appendRow(VALUES);
    isNull.push(...Array.from({ length: count }, () => areNull));
    if (random.chance(0.2)) {
      isNull.length = random.below(isNull.length + 1);
      columns.truncate(isNull.length);
    }
  }
  const names = SCHEMA.columns.map(({ name }) => name);
  const wanted = isNull.map((isNull) =>
    canonical(Object.fromEntries(names.map((name, index) => [name, isNull ? null : VALUES[index]])))
  );
  assert.deepEqual(readRows(columns).map(canonical), wanted);
  const rows = await readParquetRows(toParquet(columns));
  // A struct that is null is read as one of nulls by some readers.
  const mended = rows.map((row, index) => isNull[index] ? { ...row, struct: null } : row);
  assert.deepEqual(mended.map(canonical), wanted);
});

Deno.test("a column that takes no null is named", () => {
  const columns = new Columns({ columns: [column("id", { kind: "int64" }, false)] });
  assert.throws(() => columns.appendNulls(1), /Column "id" takes no null/);
});

Deno.test("columns without columns hold rows of nothing", () => {
  const columns = new Columns({ columns: [] });
  columns.appendNulls(3);
  assert.equal(columns.rows, 3);
});

Deno.test("columns of two writers make one stream, again and again", () => {
  const left = new Columns({ columns: [column("a", { kind: "utf8" }, false)] });
  const right = new Columns({ columns: [column("b", { kind: "enum", symbols: ["X", "Y"] })] });
  const writer = new StreamWriter({ columns: [...right.schema.columns, ...left.schema.columns] });
  const buffers = [...right.buffers, ...left.buffers];
  for (const rows of [0, 3, 1]) {
    left.clear();
    right.clear();
    for (let row = 0; row < rows; row++) left.appendRow([`a${row}`]);
    for (let row = 0; row < rows; row++) right.appendRow([row % 2 === 0 ? "X" : null]);
    const table = tableFromIPC(writer.write(buffers, { rows }));
    assert.deepEqual(table.schema.names, ["b", "a"]);
    assert.deepEqual(
      table.toArray().map((row) => [row["b"], row["a"]]),
      Array.from({ length: rows }, (_, row) => [row % 2 === 0 ? "X" : null, `a${row}`]),
    );
  }
  assert.throws(() => writer.write(left.buffers, { rows: 1 }), /Cannot write 1 columns as 2/);
});
