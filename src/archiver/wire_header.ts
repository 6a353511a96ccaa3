/** The header before each Confluent value: a magic byte 0 and the schema's id in four bytes, the highest first. */

export const HEADER_BYTES = 5;

/** The schema id of a value in `[start, end)`, or -1 where it is null or has no header. */
export function schemaIdAt(bytes: Uint8Array, start: number, end: number): number {
  if (start < 0 || end - start < HEADER_BYTES || bytes[start] !== 0) return -1;
  return (bytes[start + 1]! << 24) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 8) | bytes[start + 4]!;
}

/** Why a value or key that is not null has no header, for a person. */
export function headerProblem(
  bytes: Uint8Array,
  start: number,
  end: number,
  what: "value" | "key" = "value",
): string {
  if (end - start < HEADER_BYTES) {
    return `no wire header: the ${what} has ${end - start} bytes, at least ${HEADER_BYTES} are needed`;
  }
  return `no wire header: the first byte is ${bytes[start]}, not the magic byte 0`;
}
