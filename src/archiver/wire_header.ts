/**
 * How a record says which schema its value was written with. There are two forms: a magic byte 0 and the schema's id in
 * four bytes, the highest first; or a magic byte 1 and its GUID in sixteen. They stand at the beginning of the value,
 * or in the record header `__value_schema_id`, where Avro begins at the value's first byte. The same for keys, with
 * `__key_schema_id`.
 */
import { noun } from "../words.ts";

export const HEADER_BYTES = 5;
export const GUID_HEADER_BYTES = 17;

/** What of a record a schema is named for. */
export type Part = "value" | "key";

/** The record headers that name schemas. What stands there goes before all that the value or key begins with. */
export const SCHEMA_HEADERS = { value: "__value_schema_id", key: "__key_schema_id" } as const;

const MAGIC_ID = 0;
const MAGIC_GUID = 1;
const utf8 = new TextEncoder();
const HEADER_NAMES = { value: utf8.encode(SCHEMA_HEADERS.value), key: utf8.encode(SCHEMA_HEADERS.key) };

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
 * Where the value of the record header that names the part's schema is among the headers in `[start, end)`: the position
 * of its length, a varint; or -1 where there is none, or it is null. Of several the last one holds.
 *
 * About 25 ns for three headers, and no object: every record that has headers comes by here.
 */
export function schemaHeaderAt(bytes: Uint8Array, start: number, end: number, part: Part): number {
  const wanted = HEADER_NAMES[part];
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
    if (length === wanted.length && startsWith(bytes, name, wanted)) found = isNull ? -1 : place;
    if (!isNull) at += value >>> 1;
  }
  // A header that leads out of its record is damaged: none is believed.
  return at === end ? found : -1;
}

function startsWith(bytes: Uint8Array, start: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[start + i] !== wanted[i]) return false;
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
  what: Part | typeof SCHEMA_HEADERS[Part] = "value",
): string {
  const isPart = what === "value" || what === "key";
  const where = isPart ? `no wire header: the ${what}` : `the record header ${what}`;
  const size = end - start;
  const first = bytes[start];
  if (size < HEADER_BYTES) {
    return `${where} has ${size} ${noun(size, "byte")}, at least ${HEADER_BYTES} are needed`;
  }
  if (first === MAGIC_ID) return `${where} names a schema id above ${2 ** 31 - 1}`;
  if (first === MAGIC_GUID) {
    return `${where} begins with the magic byte 1 and has ${size} bytes, at least ${GUID_HEADER_BYTES} are needed`;
  }
  if (isPart) return `no wire header: the first byte is ${first}, not the magic byte 0 or 1`;
  return `${where} begins with ${first}, not with the magic byte 0 or 1`;
}
