/** Decoding as the program does it: batch after batch, into columns that have held another file before. */
import assert from "node:assert/strict";
import type { Random } from "../../../dev/random.ts";
import { compile, fileSchemaOf, merge, parseSchema } from "../../../src/avro/mod.ts";
import { Columns } from "../../../src/columns/mod.ts";
import { joinValues } from "./encode.ts";
import type { Schema } from "./random_schema.ts";

const OPTIONS = { separator: "." };

function failOnBad(index: number, reason: string): void {
  throw new Error(`Value ${index}: ${reason}`);
}

/** Decodes in a few calls of `decode`, as batches come in. */
export function decodeInParts(
  values: readonly Uint8Array[],
  { schema, random }: { schema: Schema; random: Random },
): Columns {
  const writer = parseSchema(JSON.stringify(schema));
  const file = fileSchemaOf(writer, OPTIONS);
  assert.equal(merge(file, writer, OPTIONS), file);
  const decoder = compile(writer, file, OPTIONS);
  const columns = new Columns(file);
  if (values.length > 0) {
    // Another file came before, as in a long run: what it left must not show.
    decoder.decode(columns, joinValues(values.slice(-1), 5), failOnBad);
    columns.toIPC();
    columns.clear();
  }
  for (let from = 0; from < values.length;) {
    const to = Math.min(values.length, from + 1 + random.below(700));
    const input = joinValues(values.slice(from, to), 5);
    assert.equal(decoder.decode(columns, input, failOnBad), to - from);
    from = to;
  }
  return columns;
}
