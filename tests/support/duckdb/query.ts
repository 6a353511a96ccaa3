/**
 * Runs the SQL of its argument in a database of its own and prints the rows as JSON, BIGINT and all other values
 * that JSON does not have as `{"$bigint": "…"}`. A program with a configuration of its own: DuckDB takes 140 MB, which
 * would otherwise be downloaded with the program's own packages, before the first `deno task dev`.
 */
import { DuckDBInstance } from "@duckdb/node-api";

const instance = await DuckDBInstance.create(":memory:");
const connection = await instance.connect();
try {
  const reader = await connection.runAndReadAll(Deno.args[0]!);
  console.log(JSON.stringify(
    reader.getRowObjects(),
    (_, value) => typeof value === "bigint" ? { $bigint: value.toString() } : value,
  ));
} finally {
  connection.closeSync();
  instance.closeSync();
}
