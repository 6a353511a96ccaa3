/** Why a record cannot become a row, as far as that is known before anything of it is decoded. */
import type { SchemaId } from "../model.ts";
import type { RecordAt } from "./dead_letters.ts";
import type { NoSchema, WriterSchema } from "./schemas.ts";
import { wireProblem } from "./wire_ids.ts";

export interface Problem {
  /** As footers count it. */
  readonly kind: "no-header" | "no-schema" | "not-avro" | "bad-value" | "bad-key";
  readonly schemaId: SchemaId | undefined;
  /** For a person. */
  readonly reason: string;
}

/** Why a key cannot be decoded. */
export type NoKey = Pick<NoSchema, "kind" | "reason">;

/** What a record's value and key were written with, as far as that is known; undefined of a key that is not decoded. */
export interface Writers {
  readonly schema: WriterSchema | NoSchema | undefined;
  readonly key: WriterSchema | NoKey | undefined;
}

/** What is wrong with the record; undefined where nothing is, or it is a tombstone. */
export function problemOf(
  { fetched, bytes, index }: RecordAt,
  { schema, key }: Writers,
): Problem | undefined {
  if (schema?.kind === "none") {
    const { problem, id, reason } = schema;
    return { kind: problem, schemaId: id, reason };
  }
  if (schema === undefined && fetched.valueStart[index]! >= 0) {
    return { kind: "no-header", schemaId: undefined, reason: wireProblem(fetched, bytes, index) };
  }
  if (key?.kind === "none") {
    return { kind: "bad-key", schemaId: schema?.id, reason: `the key: ${key.reason}` };
  }
  return undefined;
}
