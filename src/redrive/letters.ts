/** The records of a dead-letter file, one after the other. */
import { UserError } from "../errors.ts";
import { ParquetReader, type Value } from "../parquet/mod.ts";

export interface Header {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** A record that could not be decoded when it was archived. */
export interface DeadLetter {
  readonly partition: number;
  readonly offset: bigint;
  /** Milliseconds since the epoch. */
  readonly timestamp: bigint;
  readonly key: Uint8Array | null;
  readonly headers: readonly Header[];
  readonly value: Uint8Array | null;
  /** Why it is one. */
  readonly error: string;
  /** By the names of the file's columns, as `Columns.appendRow` takes them. */
  readonly cells: Readonly<Record<string, unknown>>;
}

/** Columns without which nothing can be done. */
const NEEDED = ["topic", "partition", "offset", "timestamp", "key", "headers", "value", "schema_id", "error"];

/** @throws UserError that names the file where it is damaged, or has other columns. */
export async function* readDeadLetters(path: string): AsyncGenerator<DeadLetter> {
  using reader = await ParquetReader.open(path);
  const names = reader.summary.columns.map(({ name }) => name);
  const missing = NEEDED.find((name) => !names.includes(name));
  if (missing !== undefined) {
    throw new UserError(`${path} is no dead-letter file: it has no column ${missing}`);
  }
  for await (const batch of reader.rows(Infinity)) {
    for (const values of batch) yield letterOf(names, values);
  }
}

function letterOf(names: readonly string[], values: readonly Value[]): DeadLetter {
  const cells: Record<string, unknown> = Object.fromEntries(names.map((name, at) => [name, values[at]]));
  const timestamp = timestampMs(String(cells["timestamp"]));
  return {
    partition: cells["partition"] as number,
    offset: cells["offset"] as bigint,
    timestamp,
    key: cells["key"] as Uint8Array | null,
    headers: cells["headers"] as readonly Header[],
    value: cells["value"] as Uint8Array | null,
    error: cells["error"] as string,
    cells: { ...cells, timestamp },
  };
}

/** Readers give times as texts, and those that no calendar has as a number with its unit. */
export function timestampMs(text: string): bigint {
  const [, seconds, ms] = /^(.+)\.(\d{3})Z$/.exec(text) ?? [];
  if (seconds === undefined) return BigInt(text.split(" ", 1)[0]!);
  // Apart, because the last second of the calendar ends within itself.
  return BigInt(Date.parse(`${seconds}Z`)) + BigInt(ms!);
}
