/** The checksums in our footers. */
import assert from "node:assert/strict";
import { readChecksums, sealChecksums } from "../../src/parquet/checksum.ts";
import { type FooterContent, readFooter } from "../../src/parquet/mod.ts";
import { duck, tempDir, testRandom } from "../support/mod.ts";
import { writeParquetFile } from "../support/parquet_files.ts";

const SCHEMA = { columns: [{ name: "id", type: { kind: "int64" }, nullable: false }] } as const;
const CONTENT: FooterContent = {
  version: "1.2.3",
  kind: "data",
  cluster: "c",
  group: "4",
  topic: "kafka2parquet.crc32",
  checkpoint: "c".repeat(32),
  ranges: [{
    topic: "kafka2parquet.crc32",
    partition: 0,
    first: 0n,
    next: 3n,
    rows: 3,
    deadLetters: {},
    skipped: {},
  }],
  schemas: new Map([[1, `"kafka2parquet.crc32"`]]),
};

async function write(path: string): Promise<Uint8Array> {
  await writeParquetFile(path, { schema: SCHEMA, rows: [[1n], [2n], [3n]], content: CONTENT });
  return await Deno.readFile(path);
}

Deno.test("checksums: any byte that changes in the footer is noticed; other readers do not mind them", async () => {
  await using folder = await tempDir();
  const path = `${folder.path}/a.parquet`;
  const bytes = await write(path);
  assert.equal((await readFooter(path)).isIntact, true);
  assert.deepEqual(await duck(`SELECT sum(id)::BIGINT AS sum FROM '${path}'`), [{ sum: 6n }]);
  const end = bytes.length - 8;
  const footer = bytes.subarray(end - new DataView(bytes.buffer).getUint32(end, true), end);
  const before = readChecksums(footer);
  const random = testRandom();
  for (let round = 0; round < 500; round++) {
    const at = random.below(footer.length);
    const was = footer[at]!;
    footer[at] = was ^ (1 << random.below(8));
    const found = readChecksums(footer);
    assert.notDeepEqual(found, before, `byte ${at} of the footer`);
    assert(!found?.isFooterIntact, `byte ${at} of the footer`);
    footer[at] = was;
  }
  assert.deepEqual(readChecksums(footer), before);
});

Deno.test("checksums: a file of another program has none", async () => {
  await using folder = await tempDir();
  const path = `${folder.path}/a.parquet`;
  await writeParquetFile(path, { schema: SCHEMA, rows: [[1n]] });
  assert.equal((await readFooter(path)).isIntact, undefined);
  const bytes = await Deno.readFile(path);
  assert.throws(() => sealChecksums(bytes), RangeError);
});
