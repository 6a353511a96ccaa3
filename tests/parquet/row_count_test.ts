import assert from "node:assert/strict";
import { parquetMetadata } from "hyparquet";
import { Columns, type ColumnSpec } from "../../src/columns/mod.ts";
import { loadParquetEncoder } from "../../src/parquet/mod.ts";
import { rowCountOf } from "../../src/parquet/row_count.ts";

async function fileOf(rows: number, columnCount: number): Promise<Uint8Array> {
  const columns: ColumnSpec[] = Array.from({ length: columnCount }, (_, i) => ({
    name: `column ${i}`,
    type: i % 3 === 0
      ? { kind: "decimal", precision: 12, scale: 2, byteWidth: 16 }
      : i % 3 === 1
      ? { kind: "timestamp", unit: "us", utc: true }
      : { kind: "list", item: { name: "element", type: { kind: "utf8" }, nullable: true } },
    nullable: true,
  }));
  const made = new Columns({ columns });
  for (let i = 0; i < rows; i++) made.appendRow(columns.map(() => null));
  const encoder = await loadParquetEncoder();
  return encoder.encode({ ipc: made.toIPC(), rows, schema: made.schema }, {
    compression: "none",
    createdBy: "t",
    metadata: new Map([["key", "value".repeat(100)]]),
  });
}

Deno.test("row count: agrees with another reader, for few and many rows and columns", async () => {
  for (const [rows, columns] of [[1, 1], [63, 3], [64, 20], [5000, 2], [300, 500]] as const) {
    const file = await fileOf(rows, columns);
    assert.equal(rowCountOf(file), rows);
    assert.equal(Number(parquetMetadata(file).num_rows), rows);
  }
});

Deno.test("row count: a file that is cut or ends otherwise is a RangeError", async () => {
  const file = await fileOf(10, 3);
  for (const length of [0, 3, 11, file.length - 1]) {
    assert.throws(() => rowCountOf(file.subarray(0, length)), RangeError);
  }
  const cut = new Uint8Array([...file.subarray(0, 4), ...file.subarray(file.length - 20)]);
  assert.throws(() => rowCountOf(cut), RangeError);
});

Deno.test("row count: a damaged footer gives a number or a RangeError, and ends", async () => {
  const file = await fileOf(10, 5);
  const footerStart = file.length - 8 - new DataView(file.buffer).getUint32(file.length - 8, true);
  for (let at = footerStart; at < file.length - 8; at++) {
    const damaged = file.slice();
    damaged[at] = damaged[at]! ^ 0xff;
    try {
      assert.equal(typeof rowCountOf(damaged), "number");
    } catch (error) {
      assert(error instanceof RangeError, String(error));
    }
  }
});
