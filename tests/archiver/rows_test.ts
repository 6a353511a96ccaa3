/** What cannot be appended as a whole leaves the open file as it was. */
import assert from "node:assert/strict";
import { OpenFile } from "../../src/archiver/open_file.ts";
import { appendRows, type Decoding } from "../../src/archiver/rows.ts";
import { UserError } from "../../src/errors.ts";
import { MetadataLayout } from "../../src/metadata/mod.ts";
import { bytes } from "../kafka/batches.ts";
import { fetchOf } from "../metadata/fetch.ts";

const FULL = new UserError("the column is full");

function stretchOf(offsets: readonly number[]) {
  const fetched = fetchOf(
    { topic: "t", partition: 0 },
    offsets.map((offset) => ({
      offset,
      timestamp: 0,
      key: bytes("key"),
      value: bytes("value"),
      headers: [],
    })),
  );
  return { fetched, bytes: fetched.runs[0]!.bytes, from: 0, to: offsets.length };
}

/** A decoder to one row of nulls a record. */
function decodingInto(columns: Decoding["columns"]): Decoding {
  return {
    columns,
    skip: 0,
    decoder: {
      decode: (target, { from, to }) => {
        target.appendNulls(to - from);
        return to - from;
      },
    },
  };
}

for (const full of ["values", "metadata"] as const) {
  Deno.test(`where the ${full} have no room, no row of the stretch is there, and the next one is in line`, () => {
    const layout = new MetadataLayout({
      metadata: { fields: ["offset", "key"], keyForm: "avro" },
      topic: "t",
      separator: ".",
    });
    const file = new OpenFile(layout);
    const schema = (name: string) => ({
      columns: [{ name, type: { kind: "utf8" as const }, nullable: true }],
    });
    const [valueSchema, keySchema] = [schema("value"), schema("_kafka.key")];
    const writers = () => ({
      keys: decodingInto(file.keyColumnsFor(keySchema)),
      values: decodingInto(file.columnsFor(valueSchema)),
    });
    appendRows(file, stretchOf([0, 1]), writers());
    const fail = () => {
      throw FULL;
    };
    const { values, ...others } = writers();
    const { metadata } = file;
    const append = metadata!.append.bind(metadata);
    if (full === "metadata") metadata!.append = fail;
    const failing = full === "values" ? { ...values, decoder: { decode: fail } } : values;
    assert.throws(() => appendRows(file, stretchOf([2, 3, 4]), { ...others, values: failing }), FULL);
    assert.equal(file.rows, 2);
    metadata!.append = append;
    appendRows(file, stretchOf([5]), writers());
    const { rows, schema: { columns } } = file.contents();
    assert.equal(rows, 3);
    assert.deepEqual(columns.map(({ name }) => name), ["_kafka.offset", "_kafka.key", "value"]);
  });
}
