/** Encoding by avsc, with longs of the whole 64 bits. */
import avsc from "avsc";
import { Buffer } from "node:buffer";
import type { EncodedValues } from "../../../src/avro/mod.ts";
import type { Schema } from "./random_schema.ts";

const longType = avsc.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(value);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === "bigint",
  compare: (one: bigint, other: bigint) => one < other ? -1 : one > other ? 1 : 0,
});

/** Wraps union values by branch; longs are bigint. */
export function avscType(schema: Schema): avsc.Type {
  const typeHook = (node: avsc.Schema) => isLong(node) ? longType : undefined;
  return avsc.Type.forSchema(structuredClone(schema) as avsc.Schema, { wrapUnions: true, typeHook });
}

function isLong(node: unknown): boolean {
  return node === "long" ||
    (typeof node === "object" && node !== null && "type" in node && node.type === "long");
}

export function encode(schema: Schema, value: unknown): Uint8Array {
  return new Uint8Array(avscType(schema).toBuffer(value));
}

/** Values in one buffer that ends with the last one, each behind `skip` bytes of header. */
export function joinValues(values: readonly Uint8Array[], skip = 0): EncodedValues {
  const starts = new Int32Array(values.length);
  const ends = new Int32Array(values.length);
  let at = 0;
  for (const [index, value] of values.entries()) {
    starts[index] = at;
    ends[index] = at += skip + value.length;
  }
  const bytes = new Uint8Array(at).fill(0xee);
  for (const [index, value] of values.entries()) bytes.set(value, starts[index]! + skip);
  return { bytes, starts, ends, skip, from: 0, to: values.length };
}
