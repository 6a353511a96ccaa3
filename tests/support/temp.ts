/** Folders that a test has for itself. */

export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/** A new empty folder: `await using folder = await tempDir()` removes it at the end of the block. */
export async function tempDir(): Promise<TempDir> {
  const path = await Deno.makeTempDir({ prefix: "kafka2parquet-test-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
