/** The Confluent wire format. */
import { Buffer } from "node:buffer";

/** One zero byte, four bytes of schema id. */
export const WIRE_HEADER_BYTES = 5;

/** A zero byte, the schema id in four, the Avro body. */
export function onTheWire(schemaId: number, body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(WIRE_HEADER_BYTES + body.length);
  bytes.writeInt32BE(schemaId, 1);
  bytes.set(body, WIRE_HEADER_BYTES);
  return bytes;
}
