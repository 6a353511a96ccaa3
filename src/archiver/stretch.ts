/** Which records are decoded in one go: those of the same schemas. */
import type { RecordAt } from "./dead_letters.ts";
import { schemaIdAt } from "./wire_header.ts";

export interface SameSchemas {
  /** Where to end at the latest. */
  readonly to: number;
  /** The schema id of the record's value; undefined where the value is null. */
  readonly value: number | undefined;
  /** That of its key, or that the key is null; undefined where no key is decoded. */
  readonly key: number | "null" | undefined;
}

/** The index of the first record behind this one that has another schema of its value or key. */
export function endOfStretch({ fetched, bytes, index }: RecordAt, { to, value, key }: SameSchemas): number {
  const { valueStart, valueEnd, keyStart, keyEnd } = fetched;
  let next = index + 1;
  for (; next < to; next++) {
    const isSame = value === undefined
      ? valueStart[next]! < 0
      : schemaIdAt(bytes, valueStart[next]!, valueEnd[next]!) === value;
    if (!isSame) break;
    if (key === undefined) continue;
    const isSameKey = key === "null"
      ? keyStart[next]! < 0
      : schemaIdAt(bytes, keyStart[next]!, keyEnd[next]!) === key;
    if (!isSameKey) break;
  }
  return next;
}
