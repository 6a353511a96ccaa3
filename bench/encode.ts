/**
 * What a Parquet file costs after decoding, per row: the choices in src/parquet against what they replaced.
 *
 *     deno run -A bench/encode.ts
 */
import avsc from "avsc";
import { parquetMetadata } from "hyparquet";
import * as wasm from "parquet-wasm";
import { CUSTOMER_EVENT_SCHEMA, customerEvent } from "../dev/events.ts";
import { seededRandom } from "../dev/random.ts";
import { compile, fileSchemaOf, parseSchema } from "../src/avro/mod.ts";
import { Columns } from "../src/columns/mod.ts";
import { loadParquetEncoder } from "../src/parquet/mod.ts";
import { rowCountOf } from "../src/parquet/row_count.ts";

const ROWS = 24_000;
const ROUNDS = 7;

const separator = ".";
const avro = parseSchema(JSON.stringify(CUSTOMER_EVENT_SCHEMA));
const schema = fileSchemaOf(avro, { separator });
const decoder = compile(avro, schema, { separator });
const type = avsc.Type.forSchema(JSON.parse(JSON.stringify(CUSTOMER_EVENT_SCHEMA)));
const random = seededRandom(1);
const values = Array.from({ length: ROWS }, () => type.toBuffer(customerEvent(random, 1_750_000_000_000)));
const ends = new Int32Array(ROWS);
const starts = new Int32Array(ROWS);
const bytes = new Uint8Array(values.reduce((sum, value) => sum + value.length, 0));
for (let i = 0, at = 0; i < ROWS; i++) {
  starts[i] = at;
  bytes.set(values[i]!, at);
  ends[i] = at += values[i]!.length;
}

function streamOf(from: number, to: number): Uint8Array {
  const columns = new Columns(schema);
  decoder.decode(columns, { bytes, starts, ends, skip: 0, from, to }, (_, reason) => {
    throw new Error(reason);
  });
  return columns.toIPC();
}

const encoder = await loadParquetEncoder();
const options = { compression: "snappy", createdBy: "bench", metadata: new Map() } as const;

function plain(ipc: Uint8Array): Uint8Array {
  const properties = new wasm.WriterPropertiesBuilder().setCompression(wasm.Compression.SNAPPY).build();
  return wasm.writeParquet(wasm.Table.fromIPCStream(ipc), properties);
}

const VARIANTS: Record<string, (ipc: Uint8Array, rows: number) => Uint8Array> = {
  "parquet-wasm's defaults, footer parsed whole": (ipc) => {
    const file = plain(ipc);
    parquetMetadata(file);
    return file;
  },
  "parquet-wasm's defaults, row count read": (ipc) => {
    const file = plain(ipc);
    rowCountOf(file);
    return file;
  },
  "ours: dictionaries where they help": (ipc, rows) => encoder.encode({ ipc, rows, schema }, options),
};

function median(times: number[]): number {
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}

for (const rowsPerFile of [1200, ROWS]) {
  const streams = Array.from(
    { length: ROWS / rowsPerFile },
    (_, i) => streamOf(i * rowsPerFile, (i + 1) * rowsPerFile),
  );
  const results = Object.entries(VARIANTS).map(([name, variant]) => ({
    name,
    variant,
    times: [] as number[],
    size: 0,
  }));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const result of results) {
      const startMs = performance.now();
      result.size = streams.reduce((sum, ipc) => sum + result.variant(ipc, rowsPerFile).length, 0);
      // The first round warms up, and is where the encoder learns.
      if (round > 0) result.times.push(performance.now() - startMs);
    }
  }
  const base = median(results[0]!.times);
  console.log(`${rowsPerFile} rows a file`);
  for (const { name, times, size } of results) {
    const time = median(times);
    console.log(
      `  ${name.padEnd(46)} ${(time / ROWS * 1000).toFixed(2)} us a row  ${
        (time / base).toFixed(2)
      } of the first` +
        `  ${(size / ROWS).toFixed(1)} bytes a row`,
    );
  }
}
