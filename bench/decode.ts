/**
 * Nanoseconds a row from Avro bytes to columns, against avsc to objects. Run: deno run -A bench/decode.ts
 *
 * Each figure is the median of the second half of several rounds that alternate between the two: the first half warms
 * up.
 */
import avsc from "avsc";
import { RecordBatchStreamWriter } from "apache-arrow";
import { Buffer } from "node:buffer";
import { type AvroType, compile, fileSchemaOf, parseSchema } from "../src/avro/mod.ts";
import { Columns } from "../src/columns/mod.ts";

const ROWS = 100_000;
const ROWS_PER_BATCH = 2_000;
const ROUNDS = 10;
/** The compiler takes its time with 1,000 fields. */
const WIDE_ROUNDS = 100;
const STREAM_ROUNDS = 101;
const OPTIONS = { separator: "." };

const address = {
  type: "record",
  name: "Address",
  fields: [{ name: "street", type: "string" }, { name: "city", type: "string" }, {
    name: "country",
    type: "string",
  }],
};

const event = {
  type: "record",
  name: "CustomerEvent",
  namespace: "com.example",
  fields: [
    { name: "event_id", type: "string" },
    { name: "event_time", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "sequence", type: "long" },
    { name: "kind", type: { type: "enum", name: "Kind", symbols: ["VIEW", "CART", "ORDER", "RETURN"] } },
    {
      name: "customer",
      type: {
        type: "record",
        name: "Customer",
        fields: [
          { name: "id", type: "long" },
          { name: "name", type: "string" },
          { name: "email", type: ["null", "string"] },
          { name: "age", type: ["null", "int"] },
          { name: "premium", type: "boolean" },
          { name: "address", type: ["null", address] },
        ],
      },
    },
    { name: "amount", type: { type: "bytes", logicalType: "decimal", precision: 12, scale: 2 } },
    { name: "score", type: "double" },
    { name: "session", type: ["null", "string"] },
    { name: "user_agent", type: "string" },
    { name: "referrer", type: ["null", "string"] },
  ],
};

const withCollections = {
  ...event,
  fields: [
    ...event.fields,
    { name: "tags", type: { type: "array", items: "string" } },
    { name: "attributes", type: { type: "map", values: "string" } },
  ],
};

const wide = {
  type: "record",
  name: "Wide",
  fields: Array.from({ length: 1_000 }, (_, index) => ({
    name: `f${index}`,
    type: index % 4 === 0
      ? ["null", "double"]
      : index % 4 === 1
      ? "string"
      : index % 4 === 2
      ? "long"
      : "int",
  })),
};

function makeEvent(index: number): Record<string, unknown> {
  const hex = (index * 2654435761 >>> 0).toString(16).padStart(8, "0");
  return {
    event_id: `${hex}-8f2c-4b7e-9d1a-3c5e${hex}`,
    event_time: 1_760_000_000_000 + index * 37,
    sequence: index,
    kind: ["VIEW", "CART", "ORDER", "RETURN"][index & 3],
    customer: {
      id: 1_000_000 + index % 50_000,
      name: `Customer Number ${index % 50_000}`,
      email: index % 5 === 0 ? null : `customer${index % 50_000}@example.com`,
      age: index % 7 === 0 ? null : 18 + index % 60,
      premium: index % 3 === 0,
      address: index % 6 === 0
        ? null
        : { street: `${index % 900} Long Street`, city: "Springfield", country: "US" },
    },
    amount: Buffer.from([1 + index % 100, index & 255, 17]),
    score: index / 7,
    session: index % 4 === 0 ? null : `session-${hex}`,
    user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
    referrer: index % 2 === 0 ? null : "https://www.example.com/products/list",
    tags: ["new", "sale", `t${index % 10}`],
    attributes: { color: "blue", size: "XL" },
  };
}

function makeWide(index: number): Record<string, unknown> {
  const value = (field: number) =>
    [
      field % 8 === 0 ? null : index / 3,
      `text ${field}`,
      index * field,
      field - index,
    ][field % 4];
  return Object.fromEntries(Array.from({ length: 1_000 }, (_, field) => [`f${field}`, value(field)]));
}

interface Batch {
  readonly bytes: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** Values one behind the other with five bytes of header, as a consumer has them. */
function makeBatch(
  type: avsc.Type,
  { from, rows, make }: { from: number; rows: number; make: (i: number) => unknown },
): Batch {
  const parts = Array.from(
    { length: rows },
    (_, row) => Buffer.concat([Buffer.alloc(5), type.toBuffer(make(from + row))]),
  );
  const starts = new Int32Array(rows);
  const ends = new Int32Array(rows);
  let at = 0;
  for (const [row, part] of parts.entries()) {
    starts[row] = at;
    ends[row] = at += part.length;
  }
  return { bytes: new Uint8Array(Buffer.concat(parts)), starts, ends };
}

function failOnBad(index: number, reason: string): void {
  throw new Error(`Row ${index}: ${reason}`);
}

function decodeOurs(writer: AvroType, batches: readonly Batch[]): () => number {
  const file = fileSchemaOf(writer, OPTIONS);
  const decoder = compile(writer, file, OPTIONS);
  const columns = new Columns(file);
  return () => {
    columns.clear();
    for (const { bytes, starts, ends } of batches) {
      const input = { bytes, starts, ends, skip: 5, from: 0, to: starts.length };
      decoder.decode(columns, input, failOnBad);
    }
    return columns.rows;
  };
}

function decodeAvsc(type: avsc.Type, batches: readonly Batch[]): () => number {
  return () => {
    let rows = 0;
    for (const { bytes, starts, ends } of batches) {
      const buffer = Buffer.from(bytes.buffer);
      for (let row = 0; row < starts.length; row++) {
        if (type.fromBuffer(buffer.subarray(starts[row]! + 5, ends[row])) !== undefined) rows++;
      }
    }
    return rows;
  };
}

function warmMedian(values: readonly number[]): number {
  const warm = values.slice(values.length >> 1).sort((one, other) => one - other);
  return warm[warm.length >> 1]!;
}

function timePerRow(run: () => number): number {
  const start = performance.now();
  const rows = run();
  return 1e6 * (performance.now() - start) / rows;
}

function compare(
  name: string,
  schema: object,
  { rows, rounds = ROUNDS, make }: { rows: number; rounds?: number; make: (index: number) => unknown },
): void {
  const type = avsc.Type.forSchema(structuredClone(schema) as avsc.Schema);
  const batchRows = Math.min(rows, ROWS_PER_BATCH);
  const batches = Array.from(
    { length: rows / batchRows },
    (_, batch) => makeBatch(type, { from: batch * batchRows, rows: batchRows, make }),
  );
  const writer = parseSchema(JSON.stringify(schema));
  const ours = decodeOurs(writer, batches);
  const theirs = decodeAvsc(type, batches);
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    times[0].push(timePerRow(ours));
    if (round % (rounds / ROUNDS) < 1) times[1].push(timePerRow(theirs));
  }
  const [mine, other] = [warmMedian(times[0]), warmMedian(times[1])];
  const bytes = batches.reduce((sum, batch) => sum + batch.bytes.length, 0) / rows;
  const columns = fileSchemaOf(writer, OPTIONS).columns.length;
  console.log(
    `${name.padEnd(28)} ${String(columns).padStart(5)} columns ${
      bytes.toFixed(0).padStart(6)
    } bytes a row: ` +
      `columns ${mine.toFixed(0).padStart(6)} ns, ${(mine / columns).toFixed(1).padStart(5)} ns a field; ` +
      `avsc ${other.toFixed(0).padStart(7)} ns; ratio ${(other / mine).toFixed(1)}`,
  );
}

/** The Arrow stream of one file: ours, and by apache-arrow's writer. */
function compareStreams(rows: number): void {
  const type = avsc.Type.forSchema(structuredClone(event) as avsc.Schema);
  const batch = makeBatch(type, { from: 0, rows, make: makeEvent });
  const writer = parseSchema(JSON.stringify(event));
  const file = fileSchemaOf(writer, OPTIONS);
  const columns = new Columns(file);
  compile(writer, file, OPTIONS).decode(columns, { ...batch, skip: 5, from: 0, to: rows }, failOnBad);
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < STREAM_ROUNDS; round++) {
    times[0].push(timePerRow(() => columns.toIPC().length > 0 ? rows : 0));
    times[1].push(timePerRow(() => {
      const stream = RecordBatchStreamWriter.writeAll([columns.toRecordBatch()]).toUint8Array(true);
      return stream.length > 0 ? rows : 0;
    }));
  }
  const [mine, other] = [warmMedian(times[0]), warmMedian(times[1])];
  console.log(
    `${`Arrow stream of ${rows} rows`.padEnd(28)} ours ${mine.toFixed(0)} ns a row; ` +
      `apache-arrow ${other.toFixed(0)} ns; ratio ${(other / mine).toFixed(1)}`,
  );
}

compare("customer_events", event, { rows: ROWS, make: makeEvent });
compare("with an array and a map", withCollections, { rows: ROWS, make: makeEvent });
compare("1,000 fields", wide, { rows: 1_000, rounds: WIDE_ROUNDS, make: makeWide });
compareStreams(1_200);
compareStreams(100_000);
