/** Records that cannot be decoded, gathered whole for a dead-letter file. */
import { Columns, type ColumnSpec, type FileSchema } from "../columns/mod.ts";
import type { FetchedRecords, SchemaId } from "../model.ts";

const column = (name: string, type: ColumnSpec["type"], nullable = false): ColumnSpec => ({
  name,
  type,
  nullable,
});

/** The columns of a dead-letter file. */
export const DEAD_LETTER_SCHEMA: FileSchema = {
  columns: [
    column("topic", { kind: "utf8" }),
    column("partition", { kind: "int32" }),
    column("offset", { kind: "int64" }),
    column("timestamp", { kind: "timestamp", unit: "ms", utc: true }),
    column("key", { kind: "binary" }, true),
    column("headers", {
      kind: "list",
      item: column("element", {
        kind: "struct",
        fields: [column("key", { kind: "utf8" }), column("value", { kind: "binary" }, true)],
      }),
    }),
    column("value", { kind: "binary" }, true),
    column("schema_id", { kind: "int32" }, true),
    column("error", { kind: "utf8" }),
  ],
};

/** Headers kept of one record; the protocol has no limit of its own. */
const HEADERS_MAX = 10_000;

/** A record within a fetch. */
export interface RecordAt {
  readonly fetched: FetchedRecords;
  /** The buffer of the run that the record belongs to. */
  readonly bytes: Uint8Array;
  readonly index: number;
}

export function newDeadLetters(): Columns {
  return new Columns(DEAD_LETTER_SCHEMA);
}

/**
 * Appends a record with the reason why it is one; `schemaId` is undefined where the record names no schema. The column
 * has numbers only: a GUID is in the reason, and where the record has it.
 */
export function appendDeadLetter(
  columns: Columns,
  { fetched, bytes, index }: RecordAt,
  { schemaId, reason }: { schemaId: SchemaId | undefined; reason: string },
): void {
  const slice = (start: number, end: number) => start < 0 ? null : bytes.subarray(start, end);
  columns.appendRow([
    fetched.topic,
    fetched.partition,
    BigInt(fetched.offsets[index]!),
    // The last 512 ms before 2^63 are 2^63 as a double, which is too much by one and wraps as in metadata columns.
    BigInt.asIntN(64, BigInt(fetched.timestamps[index]!)),
    slice(fetched.keyStart[index]!, fetched.keyEnd[index]!),
    readHeaders(bytes, fetched.headersStart[index]!, fetched.headersEnd[index]!),
    slice(fetched.valueStart[index]!, fetched.valueEnd[index]!),
    typeof schemaId === "number" ? schemaId : null,
    reason,
  ]);
}

/** Reads a record's headers from `[start, end)`; a varint count, then key and value each with a varint length. */
export function readHeaders(
  bytes: Uint8Array,
  start: number,
  end: number,
): { key: string; value: Uint8Array | null }[] {
  const headers: { key: string; value: Uint8Array | null }[] = [];
  // A byte order mark is a part of the text.
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  let at = start;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; at < end && shift < 35; shift += 7) {
      const byte = bytes[at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return (value >>> 1) ^ -(value & 1);
  };
  const count = varint();
  for (let i = 0; i < count && i < HEADERS_MAX && at < end; i++) {
    const keyLength = varint();
    const key = utf8.decode(bytes.subarray(at, Math.min(at + keyLength, end)));
    at += keyLength;
    const valueLength = varint();
    headers.push({
      key,
      value: valueLength < 0 ? null : bytes.subarray(at, Math.min(at + valueLength, end)),
    });
    at += Math.max(valueLength, 0);
  }
  return headers;
}
