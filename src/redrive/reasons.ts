/** Why records are dead letters: the kinds that footers count by, as far as a record itself still tells. */

export type Kind = "no-header" | "no-schema" | "bad-value";

/** The kind of a dead letter by its schema id and its error. */
export function kindOf(schemaId: number | null, error: string): Kind {
  if (schemaId === null) return "no-header";
  // As the registry room and the archiver's schemas begin what they say of an id.
  return error.startsWith(`schema ${schemaId} `) || error.startsWith(`schema ${schemaId}:`)
    ? "no-schema"
    : "bad-value";
}
