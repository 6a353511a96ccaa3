/** Why records are dead letters: the kinds that footers count by, as far as a record itself still tells. */

export type Kind = "no-header" | "no-schema" | "not-avro" | "bad-value" | "bad-key";

/** The kind of a dead letter by its error, which begins as those who refused the record write it. */
export function kindOf(error: string): Kind {
  if (error.startsWith("the key")) return "bad-key";
  if (/^(no wire header|the record header)\b/.test(error)) return "no-header";
  if (!/^schema \S+[: ]/.test(error)) return "bad-value";
  return error.endsWith(", not Avro") ? "not-avro" : "no-schema";
}
