import assert from "node:assert/strict";
import { type ColumnSpec, sameButForCase } from "../../src/columns/mod.ts";

Deno.test("columns that differ only in case are told with the one before", () => {
  const columns = (...names: string[]): ColumnSpec[] =>
    names.map((name) => ({ name, type: { kind: "utf8" }, nullable: false }));
  assert.deepEqual(sameButForCase(columns("id", "customer.Id", "idx", "Größe")), []);
  assert.deepEqual(sameButForCase(columns("id", "größe", "Id", "GRÖSSE", "GRÖßE", "ID")), [
    { first: "id", second: "Id" },
    { first: "größe", second: "GRÖßE" },
    { first: "id", second: "ID" },
  ]);
});
