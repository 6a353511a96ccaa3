/** Which records are decoded in one go: those of the same schemas. */
import type { RecordAt } from "./dead_letters.ts";
import type { WireIds } from "./wire_ids.ts";

/** What the record's value, or key, says of its schema. */
export interface SameSchema {
  readonly ids: WireIds;
  /** The wire id of it; undefined where the value or key is null. */
  readonly id: number | undefined;
}

export interface SameSchemas {
  /** Where to end at the latest. */
  readonly to: number;
  readonly value: SameSchema;
  /** Undefined where no key is decoded. */
  readonly key: SameSchema | undefined;
}

/** The index of the first record behind this one that has another schema of its value or key. */
export function endOfStretch({ fetched, bytes, index }: RecordAt, { to, value, key }: SameSchemas): number {
  const { valueStart, keyStart } = fetched;
  let next = index + 1;
  for (; next < to; next++) {
    const isSame = value.id === undefined
      ? valueStart[next]! < 0
      : value.ids.at(fetched, bytes, next) === value.id;
    if (!isSame) break;
    if (key === undefined) continue;
    const isSameKey = key.id === undefined
      ? keyStart[next]! < 0
      : key.ids.at(fetched, bytes, next) === key.id;
    if (!isSameKey) break;
  }
  return next;
}
