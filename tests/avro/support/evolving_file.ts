/** One open file that takes records of several writers, as the archiver fills it. */
import assert from "node:assert/strict";
import {
  type AvroType,
  Clash,
  compile,
  type Decoder,
  fileSchemaOf,
  merge,
  parseSchema,
} from "../../../src/avro/mod.ts";
import { Columns, type FileSchema } from "../../../src/columns/mod.ts";
import { joinValues } from "./encode.ts";
import type { Schema } from "./random_schema.ts";

const OPTIONS = { separator: "." };

export function parse(schema: Schema): AvroType {
  return parseSchema(JSON.stringify(schema));
}

/** The columns of a file of these writers, which came in this order. */
export function fileOf(...writers: readonly Schema[]): FileSchema | Clash {
  let file: FileSchema | Clash | undefined;
  for (const writer of writers) {
    if (file instanceof Clash) return file;
    file = file === undefined ? fileSchemaOf(parse(writer), OPTIONS) : merge(file, parse(writer), OPTIONS);
  }
  return file!;
}

export class EvolvingFile {
  #columns: Columns | undefined;
  #decoders = new Map<AvroType, { file: FileSchema; decoder: Decoder }>();

  get columns(): Columns {
    return this.#columns!;
  }

  /** Appends values of one writer; fails where they cannot share the file, and where one is bad. */
  take(writer: AvroType, values: readonly Uint8Array[]): void {
    const reasons = this.takeGood(writer, values);
    for (const [index, reason] of reasons) assert.fail(`Value ${index}: ${reason}`);
  }

  /** Appends the good ones among values of one writer; returns what is wrong with the others, by index. */
  takeGood(writer: AvroType, values: readonly Uint8Array[]): ReadonlyMap<number, string> {
    const decoder = this.#decoderOf(writer);
    const reasons = new Map<number, string>();
    const rows = decoder.decode(
      this.columns,
      joinValues(values, 5),
      (index, reason) => reasons.set(index, reason),
    );
    assert.equal(rows + reasons.size, values.length);
    return reasons;
  }

  #decoderOf(writer: AvroType): Decoder {
    this.#columns ??= new Columns(fileSchemaOf(writer, OPTIONS));
    const held = this.#decoders.get(writer);
    if (held?.file === this.#columns.schema) return held.decoder;
    const file = merge(this.#columns.schema, writer, OPTIONS);
    assert(!(file instanceof Clash), `clash: ${JSON.stringify(file)}`);
    if (file !== this.#columns.schema) this.#columns.widen(file);
    const decoder = compile(writer, file, OPTIONS);
    this.#decoders.set(writer, { file, decoder });
    return decoder;
  }
}
