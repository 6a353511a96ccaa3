/** Decoding alone, and decoding with writing, in this process and without Kafka. */
import avsc from "avsc";
import type { Buffer } from "node:buffer";
import { CUSTOMER_EVENT_SCHEMA, customerEvent, NEWER_EVENT_SCHEMA, newerEvent } from "../dev/events.ts";
import { seededRandom } from "../dev/random.ts";
import { onTheWire, WIRE_HEADER_BYTES } from "../dev/wire.ts";
import { Clash, compile, type EncodedValues, fileSchemaOf, merge, parseSchema } from "../src/avro/mod.ts";
import { Columns } from "../src/columns/mod.ts";
import { loadParquetEncoder } from "../src/parquet/mod.ts";
import { FileBuilder } from "./javascript/pipeline.ts";
import { measureHere, type Run } from "./measure.ts";
import type { Line } from "./table.ts";

const EVENTS = 100_000;
/** About what one fetched batch holds; the archiver decodes no more at a time. */
const DECODE_ROWS = 1_000;
const SCHEMA_ID = 1;
const SEED = 1;
const OPTIONS = { separator: "." };

/** The same events in the two shapes in which consumers have them. */
interface Events {
  readonly values: readonly Buffer[];
  /** Values one behind the other, as in a fetched batch. */
  readonly batch: Pick<EncodedValues, "bytes" | "starts" | "ends">;
}

interface Case {
  readonly name: string;
  readonly rowsPerFile?: number;
  /** Gives the number of rows that it has taken. */
  run(): number;
}

const schema = CUSTOMER_EVENT_SCHEMA as unknown as avsc.Schema;
const newerSchema = NEWER_EVENT_SCHEMA as unknown as avsc.Schema;
/** What it keeps of one version's rows a second is the line above it against this one. */
const ALTERNATING = "kafka2parquet, two versions alternating";

/** (a): to objects, to Arrow builders, to our columns. */
export async function decodeCases(rounds: number): Promise<Line[]> {
  const events = makeEvents();
  const type = avsc.Type.forSchema(schema);
  const builder = new FileBuilder(schema);
  const few = events.values.slice(0, EVENTS / 5);
  const decoder = ourDecoder(events);
  const alternating = alternatingDecoder();
  return await alternate([
    {
      name: "avsc to objects",
      run: () => {
        let objects = 0;
        for (const value of events.values) objects += decode(type, value) === undefined ? 0 : 1;
        return objects;
      },
    },
    {
      name: "avsc to Arrow builders",
      run: () => {
        for (const value of few) builder.append(decode(type, value));
        return builder.takeTable().numRows;
      },
    },
    {
      name: "kafka2parquet",
      run: () => {
        let rows = 0;
        for (let time = 0; time < 10; time++) {
          decoder.fill(0, EVENTS);
          rows += decoder.columns.rows;
          decoder.columns.clear();
        }
        return rows;
      },
    },
    {
      name: ALTERNATING,
      run: () => {
        let rows = 0;
        for (let time = 0; time < 10; time++) {
          alternating.fill(0, EVENTS);
          rows += alternating.columns.rows;
          alternating.columns.clear();
        }
        return rows;
      },
    },
  ], rounds);
}

/** (b): to the bytes of Parquet files of `rowsPerFile` rows. */
export async function writeCases(rowsPerFile: number, rounds: number): Promise<Line[]> {
  const events = makeEvents();
  const type = avsc.Type.forSchema(schema);
  const builder = new FileBuilder(schema);
  const encoder = await loadParquetEncoder();
  const decoder = ourDecoder(events);
  const alternating = alternatingDecoder();
  const few = events.values.slice(0, Math.max(rowsPerFile, EVENTS / 5));
  return await alternate([
    {
      name: "straightforward JavaScript",
      rowsPerFile,
      run: () => {
        let rows = 0;
        for (const value of few) {
          builder.append(decode(type, value));
          if (builder.rows < rowsPerFile) continue;
          rows += builder.rows;
          builder.takeParquet();
        }
        return rows;
      },
    },
    {
      name: "kafka2parquet",
      rowsPerFile,
      run: () => writeAll(decoder),
    },
    {
      name: ALTERNATING,
      rowsPerFile,
      run: () => writeAll(alternating),
    },
  ], rounds);

  function writeAll({ columns, fill }: Filler): number {
    let rows = 0;
    while (rows + rowsPerFile <= EVENTS) {
      fill(rows, rows + rowsPerFile);
      rows += rowsPerFile;
      const metadata = new Map([["kafka2parquet.version", "bench"]]);
      encoder.encode({ ipc: columns.toIPC(), rows: columns.rows, schema: columns.schema }, {
        compression: "snappy",
        createdBy: "bench",
        metadata,
      });
      columns.clear();
    }
    return rows;
  }
}

/** As the registry's client does it once it has the schema. */
function decode(type: avsc.Type, value: Buffer): unknown {
  return type.fromBuffer(value.subarray(WIRE_HEADER_BYTES));
}

/** Appends the events `[from, to)` to the columns. */
interface Filler {
  readonly columns: Columns;
  fill(from: number, to: number): void;
}

function ourDecoder({ batch }: Events): Filler {
  const writer = parseSchema(JSON.stringify(schema));
  const file = fileSchemaOf(writer, OPTIONS);
  const decoder = compile(writer, file, OPTIONS);
  const columns = new Columns(file);
  const fill = (from: number, to: number) => {
    for (let at = from; at < to; at += DECODE_ROWS) {
      const values = { ...batch, skip: WIRE_HEADER_BYTES, from: at, to: Math.min(to, at + DECODE_ROWS) };
      decoder.decode(columns, values, (index, reason) => {
        throw new Error(`event ${index}: ${reason}`);
      });
    }
  };
  return { columns, fill };
}

/** Every other event is of a newer version, with two fields more: each call of a decoder is for one row. */
function alternatingDecoder(): Filler {
  const batch = joinOnTheWire(encodeAlternating());
  const writers = [schema, newerSchema].map((text) => parseSchema(JSON.stringify(text)));
  const file = merge(fileSchemaOf(writers[0]!, OPTIONS), writers[1]!, OPTIONS);
  if (file instanceof Clash) throw new Error("the two versions cannot share a file");
  const decoders = writers.map((writer) => compile(writer, file, OPTIONS));
  const columns = new Columns(file);
  const fill = (from: number, to: number) => {
    for (let at = from; at < to; at++) {
      const values = { ...batch, skip: WIRE_HEADER_BYTES, from: at, to: at + 1 };
      decoders[at & 1]!.decode(columns, values, (index, reason) => {
        throw new Error(`event ${index}: ${reason}`);
      });
    }
  };
  return { columns, fill };
}

function encodeAlternating(): Buffer[] {
  const newer = avsc.Type.forSchema(newerSchema);
  const older = avsc.Type.forSchema(schema);
  const random = seededRandom(SEED);
  return Array.from({ length: EVENTS }, (_, index) => {
    const event = customerEvent(random, 1_790_000_000_000 + index);
    const isNewer = index % 2 === 1;
    const body = isNewer ? newer.toBuffer(newerEvent(event, index)) : older.toBuffer(event);
    return onTheWire(SCHEMA_ID + index % 2, body);
  });
}

/** Each case once to warm up, then all of them `rounds` times, every other time in the opposite order. */
async function alternate(cases: readonly Case[], rounds: number): Promise<Line[]> {
  const runs = cases.map((): Run[] => []);
  for (let round = 0; round <= rounds; round++) {
    const order = [...cases.entries()];
    for (const [index, { run }] of round % 2 === 0 ? order : order.reverse()) {
      const measured = await measureHere(run);
      if (round > 0) runs[index]!.push(measured);
    }
  }
  return cases.map(({ name, rowsPerFile }, index) => ({
    name,
    ...(rowsPerFile === undefined ? {} : { rowsPerFile }),
    runs: runs[index]!,
  }));
}

let made: Events | undefined;

function makeEvents(): Events {
  return made ??= encodeEvents();
}

function encodeEvents(): Events {
  const type = avsc.Type.forSchema(schema);
  const random = seededRandom(SEED);
  const values = Array.from(
    { length: EVENTS },
    (_, index) => onTheWire(SCHEMA_ID, type.toBuffer(customerEvent(random, 1_790_000_000_000 + index))),
  );
  return { values, batch: joinOnTheWire(values) };
}

function joinOnTheWire(values: readonly Buffer[]): Events["batch"] {
  const bytes = new Uint8Array(values.reduce((sum, value) => sum + value.length, 0));
  const starts = new Int32Array(values.length);
  const ends = new Int32Array(values.length);
  let at = 0;
  for (const [index, value] of values.entries()) {
    starts[index] = at;
    bytes.set(value, at);
    ends[index] = at += value.length;
  }
  return { bytes, starts, ends };
}
