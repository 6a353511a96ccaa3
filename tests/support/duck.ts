/** DuckDB, an independent reader, in a process and with a lock file of its own: see `duckdb/query.ts`. */
import { ROOT } from "./paths.ts";

/** The rows of a query in a database of its own: BIGINT as bigint. */
export async function duck(sql: string): Promise<Record<string, unknown>[]> {
  const folder = `${ROOT}/tests/support/duckdb`;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--frozen", `--config=${folder}/deno.json`, `${folder}/query.ts`, sql],
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`DuckDB: ${text.decode(stderr)}`);
  return JSON.parse(text.decode(stdout), (_, value) => isTaggedBigint(value) ? BigInt(value.$bigint) : value);
}

function isTaggedBigint(value: unknown): value is { readonly $bigint: string } {
  return typeof value === "object" && value !== null && "$bigint" in value;
}
