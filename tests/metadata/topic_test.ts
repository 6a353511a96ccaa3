/** Metadata beside values through a topic's archive: in line, whatever comes between the good records. */
import assert from "node:assert/strict";
import { UserError } from "../../src/errors.ts";
import { bytes } from "../kafka/batches.ts";
import { testRandom } from "../support/mod.ts";
import { fetchOf, type TestRecord } from "./fetch.ts";
import { type BenchFile, encoded, topicBench } from "./topic_bench.ts";

const record = (name: string, ...fields: readonly (readonly [string, unknown])[]) => ({
  type: "record",
  name,
  fields: fields.map(([name, type]) => ({ name, type })),
});

const ORDER = record("Order", ["id", "long"], ["note", ["null", "string"]], ["tags", {
  type: "array",
  items: "string",
}], ["isPaid", "boolean"]);
/** Goes with no file of orders. */
const OTHER = record("Order", ["id", "string"]);
const KEY = record("Key", ["id", "long"], ["region", "string"]);

const SCHEMAS = { 1: ORDER, 2: OTHER, 3: KEY, 4: "string", 5: "long" };

function order(id: number): Uint8Array {
  return encoded(1, ORDER, {
    id,
    note: id % 3 === 0 ? null : `n${id}`,
    tags: [`t${id}`],
    isPaid: id % 2 > 0,
  });
}

function made(offset: number, other: Partial<TestRecord> = {}): TestRecord {
  return { offset, timestamp: 1_000 + offset, key: null, value: order(offset), headers: [], ...other };
}

/** All rows of data files. */
function dataOf(files: readonly BenchFile[]): Record<string, unknown>[] {
  return files.filter(({ kind }) => kind === "data").flatMap(({ rows }) => [...rows]);
}

function deadOf(files: readonly BenchFile[]): Record<string, unknown>[] {
  return files.filter(({ kind }) => kind === "dead_letter").flatMap(({ rows }) => [...rows]);
}

function offsetsOf(rows: readonly Record<string, unknown>[], column = "_kafka.offset"): number[] {
  return rows.map((row) => Number(row[column]));
}

/** What a record of the random tests is meant to become. */
interface Made {
  readonly record: TestRecord;
  readonly is: "row" | "tombstone" | "dead";
  /** The key as its column shows it. */
  readonly key: unknown;
}

for (const form of ["key", "key:string", "key:avro"] as const) {
  Deno.test(`${form}: offset, key and headers stay with their values among random bad records`, async () => {
    const random = testRandom();
    const bench = await topicBench(SCHEMAS, { metadata: `all,${form}` });

    function keyOf(offset: number): { key: Uint8Array | null; read: unknown; isBad?: boolean } {
      const text = `key ${offset}`;
      if (random.chance(0.1)) return { key: null, read: null };
      if (form === "key") return { key: bytes(text), read: bytes(text) };
      const isBad = random.chance(0.05);
      if (form === "key:string") {
        return isBad ? { key: Uint8Array.of(0xff, 1), read: null, isBad } : { key: bytes(text), read: text };
      }
      const whole = encoded(3, KEY, { id: offset, region: text });
      const broken = random.pick([
        bytes("no header"),
        encoded(99, "string", "of nobody"),
        whole.subarray(0, whole.length - 2),
      ]);
      return isBad ? { key: broken, read: null, isBad } : { key: whole, read: { id: BigInt(offset), text } };
    }

    function make(offset: number): Made {
      const { key, read, isBad = false } = keyOf(offset);
      const headers: TestRecord["headers"] = random.chance(0.5) ? [["at", bytes(String(offset))]] : [];
      const kind = random.below(40);
      const good = order(offset);
      const value = kind === 0
        ? null
        : kind === 1
        ? good.subarray(0, good.length - 1)
        : kind === 2
        ? encoded(98, "string", "of nobody")
        : kind === 3
        ? bytes("no header")
        : kind === 4
        ? encoded(2, OTHER, { id: String(offset) })
        : good;
      const isDead = isBad || (kind > 0 && kind < 4);
      const is = isDead ? "dead" : kind === 0 ? "tombstone" : "row";
      return { record: made(offset, { key, value, headers }), is, key: read };
    }

    const all: { partition: number; made: Made }[] = [];
    const next = [0, 0, 0];
    for (let fetch = 0; fetch < 20; fetch++) {
      const partition = random.below(next.length);
      const records = Array.from({ length: 1 + random.below(200) }, (_, i) => make(next[partition]! + i));
      next[partition]! += records.length;
      all.push(...records.map((made) => ({ partition, made })));
      await bench.accept(
        fetchOf({ topic: bench.topic, partition }, records.map(({ record }) => record), {
          batchRecords: 50,
          codecs: ["none", "snappy"],
        }),
      );
    }
    const files = await bench.files();
    const at = (partition: unknown, offset: unknown) => `${Number(partition)}/${Number(offset)}`;

    const rows = new Map(
      dataOf(files).map((row) => [at(row["_kafka.partition"], row["_kafka.offset"]), row]),
    );
    const wanted = all.filter(({ made }) => made.is !== "dead");
    assert.equal(dataOf(files).length, wanted.length, "rows");
    for (const { partition, made: { record, is, key } } of wanted) {
      const row = rows.get(at(partition, record.offset));
      assert(row, `${at(partition, record.offset)} is in no file`);
      assert.equal(row["_kafka.topic"], bench.topic);
      assert.deepEqual(row["_kafka.timestamp"], new Date(record.timestamp));
      assert.deepEqual(
        row["_kafka.headers"],
        record.headers.map(([key, value]) => ({ key, value })),
      );
      assert.equal(row["id"] === null, is === "tombstone", "a tombstone, and no other, has no value");
      if (is === "row") assert.equal(Number(row["id"]), record.offset);
      if ("note" in row && is === "row") {
        assert.equal(row["note"], record.offset % 3 === 0 ? null : `n${record.offset}`);
        assert.deepEqual(row["tags"], [`t${record.offset}`]);
        assert.equal(row["isPaid"], record.offset % 2 > 0);
      }
      if (form === "key:avro") {
        const wantedKey = key as { id: bigint; text: string } | null;
        assert.deepEqual(row["_kafka.key.id"] ?? null, wantedKey?.id ?? null);
        assert.deepEqual(row["_kafka.key.region"] ?? null, wantedKey?.text ?? null);
      } else {
        assert.deepEqual(row["_kafka.key"], key);
      }
    }

    const dead = all.filter(({ made }) => made.is === "dead");
    assert.deepEqual(
      deadOf(files).map((row) => at(row["partition"], row["offset"])).sort(),
      dead.map(({ partition, made }) => at(partition, made.record.offset)).sort(),
    );
    for (const partition of next.keys()) {
      const ranges = files.flatMap(({ ranges }) => ranges.filter((range) => range.partition === partition));
      assert.equal(ranges.at(-1)?.next, BigInt(next[partition]!));
      const counted = ranges.reduce(
        (sum, range) =>
          sum + range.rows + Object.values(range.deadLetters).reduce((one, other) => one + other, 0),
        0,
      );
      assert.equal(counted, next[partition], "every record is a row or a dead letter");
      assert.deepEqual(ranges.flatMap(({ skipped }) => Object.keys(skipped)), []);
    }
  });
}

Deno.test("tombstones before the first value wait for its columns, and are rows of nulls in the same file", async () => {
  const bench = await topicBench(SCHEMAS, { metadata: "offset,key:string" });
  await bench.accept(fetchOf({ topic: bench.topic, partition: 0 }, [
    made(0, { value: null, key: bytes("a") }),
    made(1, { value: null }),
    made(2, { key: bytes("b") }),
    made(3, { value: null, key: bytes("c") }),
  ]));
  const [file, ...others] = await bench.files();
  assert.equal(others.length, 0);
  // That a list is null is `undefined` in this reader's words.
  const nulls = { id: null, note: null, tags: undefined, isPaid: null };
  assert.deepEqual(file!.rows, [
    { "_kafka.offset": 0n, "_kafka.key": "a", ...nulls },
    { "_kafka.offset": 1n, "_kafka.key": null, ...nulls },
    { "_kafka.offset": 2n, "_kafka.key": "b", id: 2n, note: "n2", tags: ["t2"], isPaid: false },
    { "_kafka.offset": 3n, "_kafka.key": "c", ...nulls },
  ]);
  assert.deepEqual(file!.ranges.map(({ rows, skipped }) => [rows, skipped]), [[4, {}]]);
});

Deno.test("tombstones alone: the columns of the last value that there was, or metadata only", async () => {
  const bench = await topicBench(SCHEMAS, { metadata: "offset,key:avro", rows: 2 });
  const at = { topic: bench.topic, partition: 0 };
  const tombstone = (offset: number) => made(offset, { value: null });
  await bench.accept(fetchOf(at, [tombstone(0), tombstone(1)]));
  await bench.accept(
    fetchOf(at, [made(2, { key: encoded(4, "string", "k2") }), made(3), tombstone(4), tombstone(5)]),
  );
  const files = await bench.files();
  assert.deepEqual(files.map(({ rows }) => offsetsOf(rows)), [[0, 1], [2, 3], [4, 5]]);
  assert.deepEqual(files[0]!.rows[0], { "_kafka.offset": 0n, "_kafka.key": null });
  assert.equal(files[1]!.rows[0]!["_kafka.key"], "k2");
  assert.deepEqual(files[2]!.rows[0], {
    "_kafka.offset": 4n,
    "_kafka.key": null,
    id: null,
    note: null,
    tags: undefined,
    isPaid: null,
  });
});

Deno.test("without metadata a tombstone is counted and skipped", async () => {
  const bench = await topicBench(SCHEMAS, { metadata: "none" });
  const at = { topic: bench.topic, partition: 0 };
  await bench.accept(fetchOf(at, [made(0, { value: null }), made(1), made(2, { value: null })]));
  const [file] = await bench.files();
  assert.deepEqual(offsetsOf(file!.rows, "id"), [1]);
  assert.deepEqual(file!.ranges[0]!.skipped, { tombstone: 2 });
});

Deno.test("rows of tombstones close a file as others do", async () => {
  const bench = await topicBench(SCHEMAS, { metadata: "offset", rows: 10 });
  const records = Array.from({ length: 25 }, (_, offset) => made(offset, { value: null }));
  await bench.accept(fetchOf({ topic: bench.topic, partition: 0 }, records));
  assert.deepEqual((await bench.files()).map(({ rows }) => rows.length), [10, 10, 5]);
});

Deno.test("keys and headers count as bytes of a file, and of memory", async () => {
  const bench = await topicBench(SCHEMAS, { metadata: "key,headers", bytes: 10_000 });
  const large = bytes("x".repeat(600));
  const records = Array.from(
    { length: 20 },
    (_, offset) => made(offset, { value: null, key: large, headers: [["h", large]] }),
  );
  for (const one of records) {
    await bench.accept(fetchOf({ topic: bench.topic, partition: 0 }, [one]));
    assert(bench.archive.openBytes < 10_000);
  }
  assert.deepEqual((await bench.files()).map(({ rows }) => rows.length), [9, 9, 2]);
});

Deno.test("Avro keys of several schemas share a file; those that do not go together are in files of their own", async () => {
  const bench = await topicBench(SCHEMAS, { metadata: "key:avro,offset" });
  await bench.accept(fetchOf({ topic: bench.topic, partition: 0 }, [
    made(0),
    made(1, { key: encoded(4, "string", "text") }),
    made(2, { value: null }),
    made(3, { key: encoded(3, KEY, { id: 3, region: "eu" }) }),
    made(4, { key: encoded(5, "long", 4) }),
  ]));
  const files = await bench.files();
  const keys = files.map(({ rows }) =>
    rows.map((row) => Object.entries(row).filter(([name]) => /^_kafka\.(key|offset)/.test(name)))
  );
  const row = (offset: bigint, text: string | null, id: bigint | null, region: string | null) => [
    ["_kafka.offset", offset],
    ["_kafka.key", text],
    ["_kafka.key.id", id],
    ["_kafka.key.region", region],
  ];
  assert.deepEqual(keys, [
    [
      row(0n, null, null, null),
      row(1n, "text", null, null),
      row(2n, null, null, null),
      row(3n, null, 3n, "eu"),
    ],
    [[["_kafka.offset", 4n], ["_kafka.key", 4n]]],
  ]);
});

Deno.test("an Avro key whose schema a record header names begins at its first byte", async () => {
  const bench = await topicBench(SCHEMAS, { metadata: "key:avro" });
  const key = encoded(4, "string", "text");
  const header = ["__key_schema_id", key.subarray(0, 5)] as const;
  await bench.accept(fetchOf({ topic: bench.topic, partition: 0 }, [
    made(0, { key }),
    made(1, { key: key.subarray(5), headers: [header] }),
    made(2, { key: key.subarray(5), headers: [["__value_schema_id", key.subarray(0, 3)], header] }),
  ]));
  const files = await bench.files();
  assert.deepEqual(dataOf(files).map((row) => [Number(row["id"]), row["_kafka.key"]]), [[0, "text"], [
    1,
    "text",
  ]]);
  assert.deepEqual(offsetsOf(deadOf(files), "offset"), [2]);
});

Deno.test("a dead letter says what is wrong with its key, and holds its value", async () => {
  const bench = await topicBench(SCHEMAS, { metadata: "key:avro" });
  const cut = encoded(3, KEY, { id: 1, region: "eu" }).subarray(0, 7);
  await bench.accept(fetchOf({ topic: bench.topic, partition: 0 }, [
    made(0, { key: bytes("k") }),
    made(1, { key: bytes("no header") }),
    made(2, { key: encoded(77, "string", "x") }),
    made(3, { key: cut }),
    made(4, { key: bytes("k"), value: null }),
  ]));
  const files = await bench.files();
  assert.deepEqual(deadOf(files).map(({ error, schema_id, value }) => [error, schema_id, value]), [
    ["the key: no wire header: the key has 1 byte, at least 5 are needed", 1, order(0)],
    ["the key: no wire header: the first byte is 110, not the magic byte 0 or 1", 1, order(1)],
    ["the key: schema 77 is not in the registry", 1, order(2)],
    ["the key: _kafka.key.region: a length runs past the end of the record", 1, order(3)],
    ["the key: no wire header: the key has 1 byte, at least 5 are needed", null, null],
  ]);
  assert.deepEqual(files[0]!.ranges[0]!.deadLetters, { "bad-key": 5 });
});

for (const metadata of ["offset,key:string", "offset,key:avro"]) {
  Deno.test(`--on-error stop with ${metadata} keeps what is before the bad one, in line`, async () => {
    const bench = await topicBench(SCHEMAS, { metadata, onError: "stop" });
    const isText = metadata.endsWith("string");
    const key = (offset: number) => isText ? bytes(`k${offset}`) : encoded(4, "string", `k${offset}`);
    const bad = isText ? Uint8Array.of(0xff) : encoded(4, "string", "long").subarray(0, 7);
    const records = Array.from({ length: 40 }, (_, offset) => made(offset, { key: key(offset) }));
    records[30] = made(30, { key: bad });
    records[20] = made(20, { key: key(20), value: order(20).subarray(0, 6) });
    const fetched = fetchOf({ topic: bench.topic, partition: 0 }, records);
    await assert.rejects(bench.accept(fetched), (error) => {
      assert(error instanceof UserError);
      assert.match(error.message, /offset 20 cannot be decoded/);
      return true;
    });
    assert.equal(bench.state(0).position, 20n);
    await assert.rejects(
      bench.accept(fetchOf({ topic: bench.topic, partition: 0 }, records.slice(21))),
      /offset 30 cannot be decoded: the key/,
    );
    assert.equal(bench.state(0).position, 30n);
    const rows = dataOf(await bench.files());
    const wanted = records.slice(0, 30).map(({ offset }) => offset).filter((offset) => offset !== 20);
    assert.deepEqual(offsetsOf(rows), wanted);
    assert.deepEqual(offsetsOf(rows, "id"), wanted);
    assert.deepEqual(rows.map((row) => row["_kafka.key"]), wanted.map((offset) => `k${offset}`));
  });
}

Deno.test("where a bad record cannot be kept aside, rows behind it are not saved: they come again", async () => {
  const bench = await topicBench(SCHEMAS, { metadata: "offset,key:avro", onError: "skip" });
  const { totals } = bench;
  const skip = totals.skip.bind(totals);
  const full = new Error("no memory");
  totals.skip = (reason) => {
    if (totals.skipped > 0) throw full;
    skip(reason);
  };
  const records = Array.from({ length: 40 }, (_, offset) =>
    made(offset, {
      key: encoded(4, "string", `k${offset}`),
      ...([20, 30, 35].includes(offset) && { value: order(offset).subarray(0, 6) }),
    }));
  await assert.rejects(
    bench.accept(fetchOf({ topic: bench.topic, partition: 0 }, records)),
    (error) => error === full,
  );
  assert.equal(bench.state(0).position, 30n);
  const rows = dataOf(await bench.files());
  const wanted = records.slice(0, 30).map(({ offset }) => offset).filter((offset) => offset !== 20);
  assert.deepEqual(offsetsOf(rows), wanted);
  assert.deepEqual(offsetsOf(rows, "id"), wanted);
});

Deno.test("--max-errors ends before the one that is too many, with metadata in line", async () => {
  const bench = await topicBench(SCHEMAS, {
    metadata: "offset,key:avro",
    maxErrors: { kind: "count", records: 1 },
  });
  const records = Array.from({ length: 40 }, (_, offset) =>
    made(offset, {
      key: encoded(4, "string", `k${offset}`),
      ...([20, 30].includes(offset) && { value: order(offset).subarray(0, 6) }),
    }));
  await assert.rejects(
    bench.accept(fetchOf({ topic: bench.topic, partition: 0 }, records)),
    /offset 30 cannot be decoded, and is one too many of orders \(2 since the start\)/,
  );
  assert.equal(bench.state(0).position, 30n);
  const files = await bench.files();
  const wanted = records.slice(0, 30).map(({ offset }) => offset).filter((offset) => offset !== 20);
  const rows = dataOf(files);
  assert.deepEqual(offsetsOf(rows), wanted);
  assert.deepEqual(offsetsOf(rows, "id"), wanted);
  assert.deepEqual(rows.map((row) => row["_kafka.key"]), wanted.map((offset) => `k${offset}`));
  assert.deepEqual(deadOf(files).map(({ offset }) => Number(offset)), [20]);
});

for (
  const [metadata, field, column] of [
    ["offset", "offset", "_kafka.offset"],
    ["all", "headers", "_kafka.headers"],
    ["key:avro", "key.id", "_kafka.key.id"],
  ] as const
) {
  Deno.test(`a value's column ${column} is refused beside --metadata ${metadata}, and named`, async () => {
    const [outer, inner] = field.split(".") as [string, string?];
    const innermost = inner === undefined ? "long" : record("Inner", [inner, "long"]);
    const schema = record("Clash", ["_kafka", record("Meta", [outer, innermost])]);
    const bench = await topicBench({ 1: schema }, { metadata });
    const value = encoded(1, schema, { _kafka: { [outer]: inner === undefined ? 1 : { [inner]: 1 } } });
    await assert.rejects(
      bench.accept(fetchOf({ topic: bench.topic, partition: 0 }, [made(0, { value })])),
      (error) => {
        assert(error instanceof UserError);
        assert.equal(
          error.message,
          `Schema 1 of the registry cannot become columns: The field _kafka.${field} and --metadata ${outer} ` +
            `would both be the column "${column}"`,
        );
        assert.match(error.hint ?? "", /Leave (offset|headers|key) out of --metadata, or .* --separator/);
        return true;
      },
    );
    const none = await topicBench({ 1: schema }, { metadata: "partition" });
    await none.accept(fetchOf({ topic: none.topic, partition: 0 }, [made(0, { value })]));
    assert.deepEqual(Object.keys((await none.files())[0]!.rows[0]!), ["_kafka.partition", column]);
  });
}
