/**
 * How a record says which schema its value was written with. There are two forms: a magic byte 0 and the schema's id in
 * four bytes, the highest first; or a magic byte 1 and its GUID in sixteen. They stand at the beginning of the value,
 * or in the record header `__value_schema_id`, where Avro begins at the value's first byte.
 */

export const HEADER_BYTES = 5;
export const GUID_HEADER_BYTES = 17;

/** The record header that names a value's schema. What stands there goes before all that the value begins with. */
export const VALUE_SCHEMA_HEADER = "__value_schema_id";

const MAGIC_ID = 0;
const MAGIC_GUID = 1;
const HEADER_NAME = new TextEncoder().encode(VALUE_SCHEMA_HEADER);

/** The schema id of the form with a magic byte 0 in `[start, end)`, or -1 where it is null or has none. */
export function schemaIdAt(bytes: Uint8Array, start: number, end: number): number {
  if (start < 0 || end - start < HEADER_BYTES || bytes[start] !== MAGIC_ID) return -1;
  const id = (bytes[start + 1]! << 24) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 8) |
    bytes[start + 4]!;
  return id < 0 ? -1 : id;
}

/** Whether `[start, end)` begins with the form that has a GUID. */
export function hasGuidAt(bytes: Uint8Array, start: number, end: number): boolean {
  return start >= 0 && end - start >= GUID_HEADER_BYTES && bytes[start] === MAGIC_GUID;
}

/** The GUID of {@link hasGuidAt}, as the registry writes it. */
export function guidAt(bytes: Uint8Array, start: number): string {
  const hex = bytes.subarray(start + 1, start + GUID_HEADER_BYTES).toHex();
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/**
 * Where the value of the record header {@link VALUE_SCHEMA_HEADER} is among the headers in `[start, end)`: the position
 * of its length, a varint; or -1 where there is none, or it is null. Of several the last one holds.
 *
 * About 25 ns for three headers, and no object: every record that has headers comes by here.
 */
export function schemaHeaderAt(bytes: Uint8Array, start: number, end: number): number {
  let found = -1;
  let at = start;
  // The count is not needed: the headers end where the record does.
  while (at < end && bytes[at++]! > 0x7f);
  while (at < end) {
    let byte = bytes[at++]!;
    let value = byte & 0x7f;
    for (let shift = 7; byte > 0x7f && at < end; shift += 7) value |= ((byte = bytes[at++]!) & 0x7f) << shift;
    const length = value >>> 1;
    const name = at;
    at += length;
    if (at >= end) return -1;
    const place = at;
    value = (byte = bytes[at++]!) & 0x7f;
    for (let shift = 7; byte > 0x7f && at < end; shift += 7) value |= ((byte = bytes[at++]!) & 0x7f) << shift;
    if (byte > 0x7f) return -1;
    const isNull = (value & 1) !== 0;
    if (length === HEADER_NAME.length && isOurs(bytes, name)) found = isNull ? -1 : place;
    if (!isNull) at += value >>> 1;
  }
  // A header that leads out of its record is damaged: none is believed.
  return at === end ? found : -1;
}

function isOurs(bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < HEADER_NAME.length; i++) if (bytes[start + i] !== HEADER_NAME[i]) return false;
  return true;
}

/** Where the bytes of a header value begin whose length is at `place`. */
export function headerValueStart(bytes: Uint8Array, place: number): number {
  let at = place;
  while (bytes[at++]! > 0x7f);
  return at;
}

/** Where they end. */
export function headerValueEnd(bytes: Uint8Array, place: number): number {
  const start = headerValueStart(bytes, place);
  let length = 0;
  for (let at = start - 1; at >= place; at--) length = (length << 7) | (bytes[at]! & 0x7f);
  return start + (length >>> 1);
}

/** Why what should name a schema, in `[start, end)`, does not, for a person; `what` holds it. */
export function headerProblem(
  bytes: Uint8Array,
  start: number,
  end: number,
  what: "value" | "record header" = "value",
): string {
  const size = end - start;
  const where = what === "value" ? "no wire header: the value" : `the record header ${VALUE_SCHEMA_HEADER}`;
  const first = bytes[start];
  if (size < HEADER_BYTES) return `${where} has ${size} bytes, at least ${HEADER_BYTES} are needed`;
  if (first === MAGIC_ID) return `${where} names a schema id above ${2 ** 31 - 1}`;
  if (first === MAGIC_GUID) {
    return `${where} begins with the magic byte 1 and has ${size} bytes, at least ${GUID_HEADER_BYTES} are needed`;
  }
  if (what === "value") return `no wire header: the first byte is ${first}, not the magic byte 0 or 1`;
  return `${where} begins with ${first}, not with the magic byte 0 or 1`;
}
