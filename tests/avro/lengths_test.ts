/** Lengths and counts that no message can hold: nothing is allocated for what they say. */
import assert from "node:assert/strict";
import { compile, fileSchemaOf, parseSchema } from "../../src/avro/mod.ts";
import { Columns } from "../../src/columns/mod.ts";
import { allocatedBytes } from "./support/allocated.ts";
import { joinValues } from "./support/encode.ts";
import { PlainReader } from "./support/plain_reader.ts";
import { zigzag } from "./support/plain_writer.ts";
import type { Schema } from "./support/random_schema.ts";

const OPTIONS = { separator: "." };
const LENGTHS = [
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 40n,
  2n ** 63n - 1n,
  -(2n ** 31n),
  -(2n ** 63n),
];

const recursive = (again: Schema): Schema => ({
  type: "record",
  name: "Node",
  fields: [{ name: "again", type: again }],
});

/** A type, and the bytes before its first length. */
const PLACES: readonly (readonly [what: string, type: Schema, before: readonly number[]])[] = [
  ["a string", "string", []],
  ["bytes", "bytes", []],
  ["a decimal", { type: "bytes", logicalType: "decimal", precision: 76 }, []],
  ["an array", { type: "array", items: "long" }, []],
  ["an array of nulls", { type: "array", items: "null" }, []],
  ["an array of strings", { type: "array", items: "string" }, []],
  ["a string in an array", { type: "array", items: "string" }, [2]],
  ["an array in an array", { type: "array", items: { type: "array", items: "null" } }, [2]],
  ["a map", { type: "map", values: "int" }, []],
  ["the key of a map", { type: "map", values: "int" }, [2]],
  ["a map of nulls", { type: "map", values: "null" }, []],
  ["the size of a block", { type: "array", items: "int" }, [1]],
  ["a nullable string", ["null", "string"], [2]],
  ["an array in a recursive type", recursive({ type: "array", items: "Node" }), [2]],
  ["a map in a recursive type", recursive({ type: "map", values: "Node" }), [2, 0]],
];

for (const [what, type, before] of PLACES) {
  Deno.test(`a huge length of ${what} is bad and allocates nothing`, () => {
    const schema = { type: "record", name: "Row", fields: [{ name: "c", type }] };
    const writer = parseSchema(JSON.stringify(schema));
    const file = fileSchemaOf(writer, OPTIONS);
    const columns = new Columns(file);
    const decoder = compile(writer, file, OPTIONS);
    const reader = new PlainReader(schema);
    const hostile = LENGTHS.map((length) => Uint8Array.from([...before, ...zigzag(length), 2, 65, 0]));
    // Room for rows, and for the items of one good array.
    columns.reserve(64);
    decoder.decode(columns, joinValues([Uint8Array.of(2, 0, 0), Uint8Array.of(2, 2, 65, 0)]), () => {});
    const allocated = allocatedBytes(columns);
    const rows = columns.rows;
    const bad: number[] = [];
    decoder.decode(columns, joinValues(hostile), (index) => bad.push(index));
    assert.deepEqual(bad, LENGTHS.map((_, index) => index));
    assert.equal(columns.rows, rows);
    assert.ok(hostile.every((message) => reader.read(message).flaw !== undefined));
    assert.ok(
      allocatedBytes(columns) <= allocated + 4096,
      `${allocatedBytes(columns) - allocated} bytes more`,
    );
  });
}
