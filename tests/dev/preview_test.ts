import assert from "node:assert/strict";
import { previewTable } from "../../dev/preview.ts";
import { duck, tempDir } from "../support/mod.ts";

Deno.test("a file's preview names columns, types and values, and fits the width", async () => {
  await using folder = await tempDir();
  const path = `${folder.path}/a.parquet`;
  await duck(`
    COPY (
      SELECT 42::BIGINT AS "customer.id", 'Zürich 東京 ' || repeat('x', 100) AS "customer.city",
        12.34::DECIMAL(12, 2) AS amount, [{'sku': 'A', 'n': 1::INTEGER}] AS items, MAP {'k': 'v'} AS attributes,
        '\\xAA\\xBB'::BLOB AS raw, NULL::VARCHAR AS nothing, DATE '2026-01-02' AS day,
        'line one' || chr(10) || 'line two' || chr(27) || '[31m' AS evil
      FROM range(5)
    ) TO '${path}'`);
  for (const width of [60, 80, 120, 200]) {
    const lines = await previewTable(path, width);
    for (const line of lines) assert(displayWidth(line) <= width, `${width}: ${line}`);
    // A header, and one line a column: no value may break out of its line.
    assert.equal(lines.length, 10);
    assert.doesNotMatch(lines.join(""), /\p{Cc}/u);
  }
  const text = (await previewTable(path, 500)).map((line) => line.split(/ {2,}/).slice(0, 3));
  assert.deepEqual(text[0], ["COLUMN", "TYPE", "ROW 1"]);
  assert.deepEqual(text[1], ["customer.id", "int64", "42"]);
  assert.deepEqual(text[3], ["amount", "decimal128(12, 2)", "12.34"]);
  assert.deepEqual(text[4], ["items", "list<struct<sku: utf8, n: int32>>", '[{"sku":"A","n":1}]']);
  assert.deepEqual(text[5], ["attributes", "map<utf8, utf8>", '{"k":"v"}']);
  assert.deepEqual(text[6], ["raw", "binary", "0xaabb"]);
  assert.deepEqual(text[7], ["nothing", "utf8", "·"]);
  assert.deepEqual(text[8], ["day", "date32", "2026-01-02"]);
});

/** Counted without the preview's own function: the two ideographs of the test take two cells. */
function displayWidth(line: string): number {
  return Array.from(line).reduce((sum, letter) => sum + ("東京".includes(letter) ? 2 : 1), 0);
}
