/** Every page of a file: what is found with checksums, and what without. */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { UserError } from "../../src/errors.ts";
import { checkPages, type FooterContent } from "../../src/parquet/mod.ts";
import { checkChunk } from "../../src/parquet/pages.ts";
import { COMPRESSIONS } from "../../src/config.ts";
import type { FileSchema } from "../../src/columns/mod.ts";
import { duck, tempDir, testRandom } from "../support/mod.ts";
import { writeParquetFile } from "../support/parquet_files.ts";

const SCHEMA: FileSchema = {
  columns: [
    { name: "id", type: { kind: "int64" }, nullable: false },
    { name: "name", type: { kind: "utf8" }, nullable: true },
    {
      name: "tags",
      type: { kind: "list", item: { name: "element", type: { kind: "utf8" }, nullable: false } },
      nullable: true,
    },
  ],
};
const ROWS = Array.from({ length: 1_000 }, (_, id) => [
  BigInt(id),
  id % 3 === 0 ? null : `name ${id}`,
  id % 4 === 0 ? null : Array.from({ length: id % 3 }, (_, tag) => `tag ${tag} of ${id}`),
]);
const CONTENT: FooterContent = {
  version: "1.2.3",
  kind: "data",
  cluster: "c",
  group: "4",
  topic: "orders",
  checkpoint: "c".repeat(32),
  ranges: [{
    topic: "orders",
    partition: 0,
    first: 0n,
    next: 6_000n,
    rows: 6_000,
    deadLetters: {},
    skipped: {},
  }],
  schemas: new Map(),
};

for (const compression of COMPRESSIONS) {
  Deno.test(`deep: a ${compression} file is whole; any byte of data that flips is found`, async () => {
    await using folder = await tempDir();
    const path = `${folder.path}/a.parquet`;
    await writeParquetFile(path, { schema: SCHEMA, rows: ROWS, content: CONTENT, compression });
    await checkPages(path);
    const bytes = await Deno.readFile(path);
    const dataBytes = bytes.length - 8 - new DataView(bytes.buffer).getUint32(bytes.length - 8, true);
    const random = testRandom();
    for (let round = 0; round < 20; round++) {
      const at = random.below(dataBytes);
      const damaged = bytes.slice();
      damaged[at]! ^= 1 << random.below(8);
      await Deno.writeFile(path, damaged);
      await assert.rejects(checkPages(path), (error) => {
        assert(error instanceof UserError && error.message.startsWith(`${path} is damaged`), String(error));
        return true;
      }, `byte ${at} of ${dataBytes}`);
    }
  });
}

Deno.test("deep: files of other programs are whole, without checksums", async () => {
  await using folder = await tempDir();
  const path = `${folder.path}/a.parquet`;
  await duck(
    `COPY (SELECT range AS id, ['a', 'b', NULL][: range % 4] AS tags, {'x': range / 3, 'y': NULL::INT} AS nested
      FROM range(5000)) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048, COMPRESSION zstd)`,
  );
  await checkPages(path);
  await writeParquetFile(path, { schema: SCHEMA, rows: ROWS });
  await checkPages(path);
});

Deno.test("deep: without checksums, pages that cannot be decoded or do not hold the rows are found", async () => {
  await using folder = await tempDir();
  const path = `${folder.path}/a.parquet`;
  await writeParquetFile(path, { schema: SCHEMA, rows: ROWS });
  const bytes = await Deno.readFile(path);
  // The magic is followed by the first column's first page.
  await Deno.writeFile(path, bytes.fill(0x11, 4, 200));
  await assert.rejects(checkPages(path), /is damaged: row group 0, column id: /);
});

function zigzag(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));; rest >>= 7n) {
    if (rest < 0x80n) return [...bytes, Number(rest)];
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
}

/** A data page with its header, in Thrift's compact protocol. */
function page(data: Uint8Array, { crc, values }: { crc: number; values: number }): number[] {
  const i32 = 0x15;
  return [
    ...[i32, ...zigzag(0), i32, ...zigzag(data.length), i32, ...zigzag(data.length), i32, ...zigzag(crc)],
    ...[0x1c, i32, ...zigzag(values), i32, ...zigzag(0), i32, ...zigzag(3), i32, ...zigzag(3), 0x00],
    ...[0x00, ...data],
  ];
}

Deno.test("deep: the checksum of a page, where it has one, is computed over its bytes", () => {
  const data = new TextEncoder().encode("123456789");
  // Signed, as Thrift has it.
  const crc = crc32(data) | 0;
  assert.equal(crc, 0xcbf43926 | 0);
  const good = new Uint8Array([...page(data, { crc, values: 3 }), ...page(data, { crc, values: 4 })]);
  assert.equal(checkChunk(good.buffer), 7);
  const second = page(data, { crc, values: 3 }).length;
  good[good.length - 1]! ^= 1;
  assert.throws(
    () => checkChunk(good.buffer),
    new RegExp(`page at byte ${second} does not have its checksum`),
  );
  assert.throws(() => checkChunk(good.slice(0, -1).buffer), new RegExp(`page at byte ${second} leads out`));
});
