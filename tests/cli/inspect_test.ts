/** `inspect` as a user meets it, on files that the program's own encoder wrote and on those of DuckDB. */
import assert from "node:assert/strict";
import type { FileSchema } from "../../src/columns/mod.ts";
import type { FooterContent } from "../../src/parquet/mod.ts";
import { duck, tempDir } from "../support/mod.ts";
import { writeParquetFile } from "../support/parquet_files.ts";
import { kafka2parquet, kafka2parquetToHead } from "./run_program.ts";

const SCHEMA: FileSchema = {
  columns: [
    { name: "id", type: { kind: "int64" }, nullable: false },
    { name: "customer.name", type: { kind: "utf8" }, nullable: true },
    { name: "amount", type: { kind: "decimal", precision: 38, scale: 2, byteWidth: 16 }, nullable: false },
    { name: "at", type: { kind: "timestamp", unit: "us", utc: true }, nullable: false },
    { name: "raw", type: { kind: "binary" }, nullable: true },
    {
      name: "tags",
      type: { kind: "list", item: { name: "element", type: { kind: "utf8" }, nullable: false } },
      nullable: false,
    },
  ],
};
const LARGE = 9_223_372_036_854_775_807n;
const ROWS = [
  [LARGE, 'Ada "A", Countess\nof Lovelace', -5n, 1_700_000_000_123_456n, new Uint8Array([0, 255]), [
    "a",
    "b",
  ]],
  [2n, null, 10n ** 37n, -1n, null, []],
  [3n, "", 0n, 0n, new Uint8Array(0), []],
];
const CSV = [
  "id,customer.name,amount,at,raw,tags",
  `9223372036854775807,"Ada ""A"", Countess\nof Lovelace",-0.05,2023-11-14T22:13:20.123456Z,AP8=,"[""a"",""b""]"`,
  `2,,${"1".padEnd(36, "0")}.00,1969-12-31T23:59:59.999999Z,,[]`,
  `3,"",0.00,1970-01-01T00:00:00.000000Z,"",[]`,
  "",
].join("\n");

function contentOf(
  partition: number,
  first: bigint,
  next: bigint,
  rest: Partial<FooterContent> = {},
): FooterContent {
  return {
    version: "1.2.3",
    kind: "data",
    cluster: "cluster-1",
    group: "4",
    topic: "orders",
    checkpoint: "c".repeat(32),
    ranges: [{
      topic: "orders",
      partition,
      first,
      next,
      rows: 3,
      deadLetters: { truncated: 1 },
      skipped: { tombstone: Number(next - first) - 4 },
    }],
    schemas: new Map([[7, `{"type":"long"}`]]),
    ...rest,
  };
}

async function ours(path: string, content: FooterContent = contentOf(0, 0n, 10n)): Promise<string> {
  await writeParquetFile(path, { schema: SCHEMA, rows: ROWS, content });
  return path;
}

function jsonLines(text: string) {
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("inspect FILE: origin, columns and first rows, in lines of one screen", async () => {
  await using folder = await tempDir();
  const path = await ours(`${folder.path}/a.parquet`);
  const { code, stdout, stderr } = await kafka2parquet(["inspect", path]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  const lines = stdout.split("\n");
  assert.equal(lines[0], path);
  for (
    const fact of [
      /^ {2}rows +3 in 1 row group$/,
      /^ {2}written by +test version 1$/,
      /^ {2}topic +orders$/,
      /^ {2}group +4 on cluster cluster-1$/,
      /^ {2}schema ids +7$/,
      /^ {2}offsets +partition 0 \[0, 10\): 3 rows, 1 dead letter \(truncated\), 6 skipped \(tombstone\)$/,
      /^customer\.name +utf8 +yes +BYTE_ARRAY STRING +\S+ +\d+ B +\d+ B$/,
      /^amount +decimal128\(38, 2\) +no +FIXED_LEN_BYTE_ARRAY\(16\) DECIMAL\(38, 2\) /,
      /^tags +list<utf8> +no +LIST /,
      /^raw +0x00ff +· +0x$/,
      /^tags +\["a","b"\] +\[\] +\[\]$/,
    ]
  ) assert(lines.some((line) => fact.test(line)), `${fact} in\n${stdout}`);
  for (const line of lines) assert(line.length <= 110, line);
});

Deno.test("inspect --json: the same keys for ever, every digit, and the rows", async () => {
  await using folder = await tempDir();
  const path = await ours(`${folder.path}/a.parquet`);
  const { code, stdout, stderr } = await kafka2parquet(["inspect", path, "--json", "--rows", "1"]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  assert(stdout.includes(`"first_rows":[{"id":9223372036854775807,`), stdout);
  const [file, ...more] = jsonLines(stdout);
  assert.deepEqual(more, []);
  assert.deepEqual(Object.keys(file), [
    ...["kind", "path", "bytes", "footer_bytes", "rows", "created_by", "row_groups", "columns"],
    ...["kafka2parquet", "first_rows"],
  ]);
  assert.deepEqual(
    [file.kind, file.path, file.bytes, file.rows],
    ["file", path, (await Deno.stat(path)).size, 3],
  );
  assert.deepEqual(Object.keys(file.row_groups[0]), ["rows", "compressed_bytes", "uncompressed_bytes"]);
  const [, name, , , , tags] = file.columns;
  assert.deepEqual(Object.keys(name), [
    ...["name", "arrow_type", "parquet_type", "nullable", "nulls", "codecs", "encodings"],
    ...["compressed_bytes", "uncompressed_bytes"],
  ]);
  assert.deepEqual([name.nullable, name.nulls, name.codecs], [true, 1, ["SNAPPY"]]);
  assert.deepEqual(tags.leaves[0].path, ["tags", "list", "element"]);
  assert.deepEqual(file.kafka2parquet, {
    version: "1.2.3",
    kind: "data",
    cluster: "cluster-1",
    group: "4",
    topic: "orders",
    checkpoint: "c".repeat(32),
    schema_ids: [7],
    writer_schemas: { 7: `{"type":"long"}` },
    ranges: [{
      partition: 0,
      first: 0,
      next: 10,
      rows: 3,
      dead_letters: { truncated: 1 },
      skipped: { tombstone: 6 },
    }],
  });
  assert.deepEqual({ ...file.first_rows[0], id: 0 }, {
    id: 0,
    "customer.name": 'Ada "A", Countess\nof Lovelace',
    amount: "-0.05",
    at: "2023-11-14T22:13:20.123456Z",
    raw: "AP8=",
    tags: ["a", "b"],
  });
});

Deno.test("inspect --csv: only the rows, quoted where they must be, null apart from empty", async () => {
  await using folder = await tempDir();
  const path = await ours(`${folder.path}/a.parquet`);
  assert.deepEqual(await kafka2parquet(["inspect", "--csv", path]), { code: 0, stdout: CSV, stderr: "" });
  await Deno.writeTextFile(`${path}.csv`, CSV);
  const read = await duck(`SELECT id, "customer.name" AS name FROM read_csv('${path}.csv')`);
  assert.deepEqual(read[0], { id: LARGE, name: ROWS[0]![1] });
});

Deno.test("inspect --csv of several files: one header; a file with other columns is refused, not mixed in", async () => {
  await using folder = await tempDir();
  const first = await ours(`${folder.path}/a.parquet`);
  const second = await ours(`${folder.path}/b.parquet`);
  const other = `${folder.path}/c.parquet`;
  await writeParquetFile(other, { schema: { columns: SCHEMA.columns.slice(0, 1) }, rows: [[1n]] });
  for (const paths of [[first, second, other], [folder.path]]) {
    const { code, stdout, stderr } = await kafka2parquet(["inspect", "--csv", ...paths]);
    assert.equal(code, 1);
    assert.equal(stdout, CSV + CSV.slice(CSV.indexOf("\n") + 1));
    assert(stderr.startsWith(`error: ${other} has other columns than the files before it\n`), stderr);
  }
});

Deno.test("inspect --rows 0 reads no data, --rows all reads it all", async () => {
  await using folder = await tempDir();
  const path = `${folder.path}/a.parquet`;
  const rows = Array.from({ length: 12_000 }, (_, id) => [BigInt(id)]);
  await writeParquetFile(path, { schema: { columns: SCHEMA.columns.slice(0, 1) }, rows });
  const all = await kafka2parquet(["inspect", path, "--json", "--rows", "all"]);
  assert.deepEqual(
    jsonLines(all.stdout)[0].first_rows.map(({ id }: { id: number }) => id),
    rows.map(([id]) => Number(id)),
  );
  // A footer can be read where the data is gone.
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.fill(0xee, 4, 1_000));
  const none = await kafka2parquet(["inspect", path, "--json", "--rows", "0"]);
  assert.deepEqual([none.code, jsonLines(none.stdout)[0].rows], [0, 12_000]);
  assert.equal("first_rows" in jsonLines(none.stdout)[0], false);
  const some = await kafka2parquet(["inspect", path, "--json"]);
  assert.equal(some.code, 1);
  assert(some.stderr.startsWith(`error: Cannot read the rows of ${path}: `), some.stderr);
  // What went out before is still one line of JSON, and says that it is not all.
  assert.deepEqual(jsonLines(some.stdout).map(({ kind }) => kind), ["file", "error"]);
});

Deno.test("inspect DIR: a line a file, sums, and the offsets of each partition joined", async () => {
  await using folder = await tempDir();
  await Deno.mkdir(`${folder.path}/orders/deep`, { recursive: true });
  await ours(`${folder.path}/orders/b.parquet`, contentOf(0, 20n, 30n));
  await ours(`${folder.path}/orders/a.parquet`, contentOf(0, 10n, 20n));
  await ours(`${folder.path}/orders/deep/c.parquet`, contentOf(1, 5n, 9n));
  await ours(`${folder.path}/orders/deep/d.parquet`, contentOf(0, 40n, 50n, { kind: "dead_letter" }));
  await Deno.writeTextFile(`${folder.path}/orders/e.parquet.tmp`, "not there yet");
  await duck(`COPY (SELECT 1 AS x) TO '${folder.path}/foreign.parquet' (FORMAT parquet)`);

  const text = await kafka2parquet(["inspect", folder.path]);
  assert.deepEqual({ code: text.code, stderr: text.stderr }, { code: 0, stderr: "" });
  const cells = text.stdout.split("\n").map((line) => line.split(/ {2,}/));
  assert.deepEqual(cells.map(([first]) => first), [
    ...["FILE", "foreign.parquet", "orders/a.parquet", "orders/b.parquet", "orders/deep/c.parquet"],
    ...["orders/deep/d.parquet", "", cells[7]![0], "", "TOPIC", "orders", "orders", ""],
  ]);
  assert.deepEqual(cells[0], ["FILE", "ROWS", "SIZE", "CODEC", "SCHEMA", "OFFSETS", "TOPIC"]);
  assert.deepEqual(cells[2]!.slice(3), ["SNAPPY", "7", "0 [10, 20)", "orders"]);
  assert.deepEqual(cells[5]!.slice(5), ["0 [40, 50)", "orders, dead letters"]);
  assert.match(cells[7]![0]!, /^5 files, 13 rows, [\d.]+ KiB, 2 schemas$/);
  assert.deepEqual(cells[10], ["orders", "4", "0", "[10, 30) [40, 50)", "9", "3", "18"]);
  assert.deepEqual(cells[11], ["orders", "4", "1", "[5, 9)", "3", "1", "0"]);

  const json = await kafka2parquet(["inspect", folder.path, "--json"]);
  const lines = jsonLines(json.stdout);
  assert.deepEqual(lines.map(({ kind }) => kind), [...Array(5).fill("file"), "totals"]);
  assert.equal("kafka2parquet" in lines[0], false);
  assert.equal(lines.some((line) => "first_rows" in line), false);
  const { bytes, ...totals } = lines[5];
  assert.equal(bytes, lines.slice(0, 5).reduce((sum, file) => sum + file.bytes, 0));
  const partition = { cluster: "cluster-1", group: "4", topic: "orders", overlap: false };
  assert.deepEqual(totals, {
    kind: "totals",
    path: folder.path,
    files: 5,
    failed: 0,
    rows: 13,
    schemas: 2,
    partitions: [
      {
        ...partition,
        partition: 0,
        ranges: [{ first: 10, next: 30 }, { first: 40, next: 50 }],
        rows: 9,
        dead_letters: 3,
        skipped: 18,
      },
      { ...partition, partition: 1, ranges: [{ first: 5, next: 9 }], rows: 3, dead_letters: 1, skipped: 0 },
    ],
  });
});

Deno.test("inspect: a damaged or missing file is named and makes exit code 1, the others are shown", async () => {
  await using folder = await tempDir();
  await ours(`${folder.path}/a.parquet`);
  await Deno.writeTextFile(`${folder.path}/b.parquet`, "PAR1 and then nothing that ends well");
  await ours(`${folder.path}/c.parquet`, contentOf(0, 10n, 20n));
  const damaged = `error: ${folder.path}/b.parquet: not a whole Parquet file: it does not end in PAR1\n`;

  const all = await kafka2parquet(["inspect", folder.path]);
  assert.equal(all.code, 1);
  assert(all.stderr.startsWith(damaged), all.stderr);
  assert.match(
    all.stdout,
    /^a\.parquet .*\n(.*\n)*c\.parquet .*\n\n2 files, 6 rows, .*; 1 file could not be read$/m,
  );

  const paths = ["b", "A", "c"].map((name) => `${folder.path}/${name}.parquet`);
  const some = await kafka2parquet(["inspect", ...paths, "--json"]);
  assert.equal(some.code, 1);
  assert(some.stderr.includes(damaged), some.stderr);
  assert(some.stderr.includes(`error: Cannot read ${paths[1]}: no such file or folder\n`), some.stderr);
  assert(some.stderr.includes(`hint: Did you mean ${folder.path}/a.parquet?\n`), some.stderr);
  assert.deepEqual(jsonLines(some.stdout).map(({ kind, path }) => [kind, path]), [
    ["error", paths[0]],
    ["error", paths[1]],
    ["file", paths[2]],
  ]);
});

Deno.test("inspect DIR without files says so", async () => {
  await using folder = await tempDir();
  assert.deepEqual(await kafka2parquet(["inspect", folder.path]), {
    code: 0,
    stdout: `No Parquet file in ${folder.path}\n`,
    stderr: "",
  });
});

Deno.test("inspect into a pipe that is closed is no error", async () => {
  await using folder = await tempDir();
  const path = `${folder.path}/a.parquet`;
  const rows = Array.from({ length: 50_000 }, (_, id) => [BigInt(id)]);
  await writeParquetFile(path, { schema: { columns: SCHEMA.columns.slice(0, 1) }, rows });
  const { code, stdout, stderr } = await kafka2parquetToHead(["inspect", path, "--csv", "--rows", "all"]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  assert(stdout.startsWith("id\n0\n1\n"), stdout.slice(0, 50));
});
