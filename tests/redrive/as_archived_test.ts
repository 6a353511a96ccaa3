/** Redriven rows are those that archiving with the same options writes of the same records. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { parseMetadata } from "../../src/cli/metadata.ts";
import type { FileReport } from "../../src/redrive/mod.ts";
import { bytes } from "../kafka/batches.ts";
import { fetchOf, type TestRecord } from "../metadata/fetch.ts";
import { type BenchFile, type BenchSchemas, encoded, lookupIn, topicBench } from "../metadata/topic_bench.ts";
import { type ArchiveFile, readParquet, type Row, testRandom } from "../support/mod.ts";
import { makeStage, NAMES, type Stage } from "./stage.ts";

const record = (name: string, ...fields: readonly (readonly [string, unknown])[]) => ({
  ...{ type: "record", name },
  fields: fields.map(([name, type]) => ({ name, type })),
});

const ORDER = record("Order", ["id", "int"], ["secret", "string"]);
const NEWER = record("Order", ["id", "long"], ["note", ["null", "string"]]);
/** Goes with no file of the others. */
const OTHER = record("Order", ["id", "string"]);
const KEY = record("Key", ["customer", "long"]);
const NEWER_KEY = record("Key", ["customer", "long"], ["region", "string"]);
const SCHEMAS: BenchSchemas = { 1: ORDER, 2: NEWER, 3: OTHER, 4: KEY, 5: NEWER_KEY };

const value = {
  order: (id: number) => encoded(1, ORDER, { id, secret: `secret ${id}` }),
  newer: (id: number) => encoded(2, NEWER, { id, note: id % 3 === 0 ? null : `note ${id}` }),
  other: (id: number) => encoded(3, OTHER, { id: `${id}` }),
};
const key = {
  older: (customer: number) => encoded(4, KEY, { customer }),
  newer: (customer: number) => encoded(5, NEWER_KEY, { customer, region: `region ${customer}` }),
};

function made(offset: number, other: Partial<TestRecord> = {}): TestRecord {
  const headers: TestRecord["headers"] = offset % 2 === 0 ? [] : [["at", bytes(`${offset}`)], ["none", null]];
  return {
    ...{ offset, timestamp: 1_700_000_000_000 + offset, key: null, value: value.order(offset), headers },
    ...other,
  };
}

interface Flags {
  readonly metadata: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

const PARTITION = 3;

function archive(records: readonly TestRecord[], schemas: BenchSchemas, flags: Flags): Promise<BenchFile[]> {
  return topicBench(schemas, { ...flags, rows: 10_000, compression: "none" }).then(async (bench) => {
    await bench.accept(fetchOf({ topic: bench.topic, partition: PARTITION }, records));
    return await bench.files();
  });
}

/** Archives with a registry that does not know all, and redrives with one that does. */
async function archiveAndRedrive(
  stage: Stage,
  records: readonly TestRecord[],
  { known, flags }: { known: BenchSchemas; flags: Flags },
): Promise<FileReport[]> {
  for (const [index, { kind, bytes }] of (await archive(records, known, flags)).entries()) {
    const folder = kind === "data" ? stage.output : stage.deadLetter;
    await Deno.writeFile(`${folder}/archived${index}.parquet`, bytes);
  }
  const reports = await stage.redrive([], {
    ...{ include: [], exclude: [], compression: "none", rows: 10_000 },
    ...flags,
    metadata: parseMetadata([flags.metadata]),
    lookup: lookupIn(SCHEMAS),
  });
  return reports.map((report) => {
    assert(report.kind === "file", JSON.stringify(report));
    return report;
  });
}

/** The archive's files that came with a redrive. */
async function redriven(stage: Stage): Promise<ArchiveFile[]> {
  return (await stage.rows()).files.filter(({ path }) => !path.includes("archived"));
}

/**
 * Each row by what it says, whatever file it is in: a column that a file does not have is null in its rows, and one that
 * was widened there holds the same numbers.
 */
function texts(rows: readonly Row[]): string[] {
  const textOf = (_: string, value: unknown) => typeof value === "bigint" ? Number(value) : value;
  return rows.map((row) => {
    const cells = Object.entries(row).filter(([, cell]) => cell !== null && cell !== undefined);
    return JSON.stringify(cells.sort(([a], [b]) => a < b ? -1 : 1), textOf);
  }).sort();
}

function rowsOf(files: readonly BenchFile[], kind: BenchFile["kind"]): Row[] {
  return files.filter((file) => file.kind === kind).flatMap(({ rows }) => rows);
}

/** The columns of a file as its schema has them. */
async function columnsOf(file: BenchFile): Promise<ArchiveFile["metadata"]["schema"]> {
  const path = await Deno.makeTempFile({ suffix: ".parquet" });
  try {
    await Deno.writeFile(path, file.bytes);
    return (await readParquet(path)).metadata.schema;
  } finally {
    await Deno.remove(path);
  }
}

const FLAGS: readonly Flags[] = [
  { metadata: "none" },
  { metadata: "offset,timestamp" },
  { metadata: "all" },
  { metadata: "all,key:string" },
  { metadata: "all,key:avro" },
  { metadata: "key:avro", exclude: ["secret"] },
  { metadata: "none", include: ["id", "n*"] },
];

for (const flags of FLAGS) {
  Deno.test(`redrive: ${JSON.stringify(flags)}: one file of two versions, column by column as archived`, async () => {
    await using stage = await makeStage();
    const records = [
      made(0),
      made(1, { key: key.older(1) }),
      made(2, { value: value.newer(2), key: key.newer(2) }),
      made(4, { value: value.newer(4), key: key.older(4) }),
      made(9, { value: value.order(9), key: key.newer(9) }),
      made(10, {
        key: key.newer(10),
        timestamp: -1,
        headers: [["\ufeffmark", null], ["", new Uint8Array()]],
      }),
    ];
    const wanted = await archive(records, SCHEMAS, flags);
    assert.equal(wanted.length, 1);
    const [report] = await archiveAndRedrive(stage, records, { known: {}, flags });
    assert.deepEqual([report?.records, report?.redriven], [6, 6]);
    const [file, ...others] = await redriven(stage);
    assert.equal(others.length, 0);
    assert.deepEqual(file!.metadata.schema, await columnsOf(wanted[0]!));
    assert.deepEqual(file!.rows, wanted[0]!.rows);
  });

  Deno.test(`redrive: ${JSON.stringify(flags)}: random records are rows and dead letters as archived`, async () => {
    const random = testRandom();
    for (let round = 0; round < 5; round++) {
      await using stage = await makeStage();
      const cut = (whole: Uint8Array) => whole.subarray(0, whole.length - 1);
      const records = Array.from({ length: random.below(60) + 1 }, (_, offset) => {
        const valueOf = random.pick([
          ...[value.order, value.newer, value.order, value.newer, value.other, () => null, () => null],
          ...[(id: number) => cut(value.newer(id)), () => bytes("no header"), () => encoded(9, "long", 1)],
        ]);
        const keyOf = random.pick([
          ...[key.older, key.newer, key.older, key.newer, () => null, () => Uint8Array.of(0xff)],
          ...[(id: number) => cut(key.newer(id)), () => new Uint8Array()],
        ]);
        return made(2 * offset, { value: valueOf(offset), key: keyOf(offset) });
      });
      const known = Object.fromEntries(Object.entries(SCHEMAS).filter(() => random.chance(0.5)));
      const wanted = await archive(records, SCHEMAS, flags);
      await archiveAndRedrive(stage, records, { known, flags });
      const what = `round ${round}, known at first: ${Object.keys(known)}`;
      assert.deepEqual(texts((await stage.rows()).rows), texts(rowsOf(wanted, "data")), what);
      const dead = (await stage.dead()).rows.map(({ error: _, ...row }) => row);
      const wantedDead = rowsOf(wanted, "dead_letter").map(({ error: _, ...row }) => row);
      assert.deepEqual(texts(dead), texts(wantedDead), what);
    }
  });
}

Deno.test("redrive: of a column that is excluded no byte reaches a data file", async () => {
  const holds = async (path: string) => Buffer.from(await Deno.readFile(path)).includes("secret 1");
  for (const flags of [{ exclude: ["secret"] }, { include: ["id"] }, {}]) {
    await using stage = await makeStage();
    const records = [made(0), made(1), made(2)];
    await archiveAndRedrive(stage, records, { known: {}, flags: { metadata: "all", ...flags } });
    const files = await redriven(stage);
    assert.equal(files[0]?.rows.length, 3);
    // The search finds what is there.
    assert.equal(await holds(files[0]!.path), Object.keys(flags).length === 0, JSON.stringify(flags));
  }
});

Deno.test("redrive: a header of any size is kept", async () => {
  await using stage = await makeStage();
  const big = new Uint8Array(300_000).fill(7);
  const records = [made(0, { headers: [["big", big]] })];
  await archiveAndRedrive(stage, records, { known: {}, flags: { metadata: "headers" } });
  const headers = (await redriven(stage))[0]!.rows[0]!["_kafka.headers"] as { value: Uint8Array }[];
  // Not compared as such: the difference of two would take minutes to print.
  assert(Buffer.from(headers[0]!.value).equals(big));
});

Deno.test("redrive: only schemas that no file can hold together are apart, each with all of its versions", async () => {
  await using stage = await makeStage();
  const values = [value.order, value.other, value.newer, value.other, value.order];
  const records = values.map((valueOf, offset) => made(offset, { value: valueOf(offset) }));
  await archiveAndRedrive(stage, records, { known: {}, flags: { metadata: "offset" } });
  const offsets = (await redriven(stage)).map(({ rows }) => rows.map((row) => Number(row["_kafka.offset"])));
  assert.deepEqual(offsets.sort(), [[0, 2, 4], [1, 3]]);
});

Deno.test("redrive: a key that nothing mends keeps the record a dead letter, and says why", async () => {
  await using stage = await makeStage();
  const records = [
    made(0, { key: bytes("no header") }),
    made(1, { key: key.newer(1).subarray(0, 7) }),
    made(2, { key: key.older(2) }),
    made(3, { key: encoded(9, "long", 1) }),
  ];
  const flags = { metadata: "key:avro,offset" };
  const [report] = await archiveAndRedrive(stage, records, { known: { 1: ORDER }, flags });
  assert.deepEqual([...report!.reasons], [["bad-key", { records: 4, redriven: 1 }]]);
  const dead = (await stage.dead()).rows;
  assert.deepEqual(dead.map(({ offset, schema_id }) => [offset, schema_id]), [[0n, 1], [1n, 1], [3n, 1]]);
  const errors = dead.map(({ error }) => String(error));
  assert.match(errors[0]!, /^the key: no wire header: the first byte is 110/);
  assert.match(errors[1]!, /^the key: /);
  assert.match(errors[2]!, /^the key: schema 9 is not in the registry/);
});

Deno.test("redrive: a tombstone whose key is known by now is a row, with the columns that values have", async () => {
  const records = [
    made(0, { value: null, key: key.older(0) }),
    made(1, { key: key.older(1) }),
    made(2, { value: null, key: key.older(2) }),
  ];
  const flags = { metadata: "key:avro,offset" };
  {
    await using stage = await makeStage();
    const [report] = await archiveAndRedrive(stage, records, { known: { 1: ORDER }, flags });
    assert.deepEqual([report!.records, report!.redriven], [3, 3]);
    assert.deepEqual((await redriven(stage))[0]!.rows, [
      { "_kafka.offset": 0n, "_kafka.key.customer": 0n, id: null, secret: null },
      { "_kafka.offset": 1n, "_kafka.key.customer": 1n, id: 1, secret: "secret 1" },
      { "_kafka.offset": 2n, "_kafka.key.customer": 2n, id: null, secret: null },
    ]);
  }
  // Without metadata there is nothing that it could be a row of.
  await using stage = await makeStage();
  for (const { kind, bytes } of await archive(records, { 1: ORDER }, flags)) {
    if (kind === "dead_letter") await Deno.writeFile(`${stage.deadLetter}/letters.parquet`, bytes);
  }
  const [report] = await stage.redrive([], { lookup: lookupIn(SCHEMAS) });
  assert(report?.kind === "file");
  assert.equal(report.topic, NAMES.topic);
  assert.deepEqual([...report.remaining], [["there is no value, which makes a row with --metadata only", 2]]);
});
