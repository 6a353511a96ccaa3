/**
 * What metadata columns cost: records of a fetch to the bytes of Parquet files, with none, some and all of them.
 *
 *     deno run -A bench/metadata.ts
 */
import avsc from "avsc";
import { CUSTOMER_EVENT_SCHEMA, customerEvent } from "../dev/events.ts";
import { seededRandom } from "../dev/random.ts";
import { onTheWire, WIRE_HEADER_BYTES } from "../dev/wire.ts";
import { OpenFile } from "../src/archiver/open_file.ts";
import { appendRows } from "../src/archiver/rows.ts";
import { compile, fileSchemaOf, parseSchema } from "../src/avro/mod.ts";
import { parseMetadata } from "../src/cli/metadata.ts";
import { StreamMemory } from "../src/columns/mod.ts";
import { MetadataLayout } from "../src/metadata/mod.ts";
import { loadParquetEncoder } from "../src/parquet/mod.ts";
import { fetchOf } from "../tests/metadata/fetch.ts";

const ROWS = 24_000;
const DECODE_ROWS = 1024;
const ROUNDS = 9;
const LISTS = ["none", "offset,timestamp", "all", "all,key:string"];

const random = seededRandom(1);
const type = avsc.Type.forSchema(JSON.parse(JSON.stringify(CUSTOMER_EVENT_SCHEMA)));
const writer = parseSchema(JSON.stringify(CUSTOMER_EVENT_SCHEMA));
const encoder = await loadParquetEncoder();
const text = new TextEncoder();
const fetched = fetchOf(
  { topic: "customer_events", partition: 3 },
  Array.from({ length: ROWS }, (_, offset) => ({
    offset,
    timestamp: 1_750_000_000_000 + 3 * offset,
    key: text.encode(`customer-${random.below(5000)}`),
    value: new Uint8Array(onTheWire(1, type.toBuffer(customerEvent(random, 1_750_000_000_000 + offset)))),
    headers: [["traceparent", text.encode(random.hex(32))]],
  })),
  { batchRecords: 500 },
);

interface Case {
  readonly name: string;
  /** Milliseconds for all rows. */
  readonly run: (part: "columns" | "files") => number;
}

function caseOf(list: string, rowsPerFile: number): Case {
  const metadata = parseMetadata([list]);
  const hasMetadata = metadata.fields.length > 0;
  const options = { separator: ".", nullable: hasMetadata };
  const schema = fileSchemaOf(writer, options);
  const decoder = compile(writer, schema, options);
  const layout = new MetadataLayout({ metadata, topic: fetched.topic, separator: "." });
  const file = new OpenFile(hasMetadata ? layout : undefined);
  const memory = new StreamMemory();
  const { bytes } = fetched.runs[0]!;

  function close(part: "columns" | "files"): void {
    const contents = file.contents();
    if (part === "files") {
      encoder.encode({
        ipc: contents.toIPC({ memory }),
        rows: contents.rows,
        schema: contents.schema,
        head: (rows) => contents.toIPC({ rows }),
      }, { compression: "snappy", createdBy: "bench", metadata: new Map() });
    }
    file.reset();
  }

  return {
    name: list,
    run(part) {
      const startMs = performance.now();
      for (let from = 0; from < ROWS;) {
        const to = Math.min(ROWS, from + DECODE_ROWS, from + rowsPerFile - file.rows);
        const values = { decoder, columns: file.columnsFor(schema), skip: WIRE_HEADER_BYTES };
        appendRows(file, { fetched, bytes, from, to }, { values, keys: undefined });
        if (file.rows === rowsPerFile) close(part);
        from = to;
      }
      return performance.now() - startMs;
    },
  };
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

for (const rowsPerFile of [1200, ROWS]) {
  const cases = LISTS.map((list) => caseOf(list, rowsPerFile));
  for (const part of ["columns", "files"] as const) {
    const times = cases.map((): number[] => []);
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [index, { run }] of cases.entries()) {
        const timeMs = run(part);
        // The first round warms up, and is where the encoder learns.
        if (round > 0) times[index]!.push(timeMs);
      }
    }
    console.log(`${rowsPerFile} rows a file, up to ${part}`);
    const base = median(times[0]!);
    for (const [index, { name }] of cases.entries()) {
      const timeMs = median(times[index]!);
      console.log(
        `  ${name.padEnd(18)} ${(1e6 * timeMs / ROWS).toFixed(0).padStart(5)} ns a row  ` +
          `${(ROWS / timeMs).toFixed(0).padStart(5)}k rows/s  ${
            (base / timeMs).toFixed(2)
          } of the speed without`,
      );
    }
  }
}
