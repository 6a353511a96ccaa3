/** The README's evolution table: what a file holds of two schemas, read back from Parquet, whichever came first. */
import assert from "node:assert/strict";
import { Clash, compile } from "../../src/avro/mod.ts";
import { Columns, type FileSchema } from "../../src/columns/mod.ts";
import { typeNamesOf } from "../../src/parquet/mod.ts";
import { anySize, codesIn, readmeTable } from "../support/mod.ts";
import { encode, joinValues } from "./support/encode.ts";
import { COMPATIBLE, type EvolutionCase, IMPOSSIBLE, record } from "./support/evolution_cases.ts";
import { EvolvingFile, fileOf, parse } from "./support/evolving_file.ts";
import type { Schema } from "./support/random_schema.ts";
import { canonical, readParquetRows, readRows, roundDecimals, toParquet } from "./support/read_rows.ts";
import type { Row } from "./support/reference.ts";

/** More than one row of each, so that what is widened has many values, and enough to reach past one byte of bits. */
const RUN = 11;

const field = (type: Schema) => record("Row", { c: type });

function typesOf({ columns }: FileSchema): Record<string, string> {
  return Object.fromEntries(
    columns.map(({ name, type, nullable }) => [name, typeNamesOf(type).arrow + (nullable ? "?" : "")]),
  );
}

/** Runs of one version and the other, then record by record. */
function fill(writers: readonly (readonly [type: Schema, value: unknown])[]): EvolvingFile {
  const file = new EvolvingFile();
  const parsed = writers.map(([type, value]) => ({
    writer: parse(field(type)),
    bytes: encode(field(type), { c: value }),
  }));
  for (const { writer, bytes } of parsed) file.take(writer, Array(RUN).fill(bytes));
  for (let turn = 0; turn < RUN; turn++) {
    for (const { writer, bytes } of parsed) file.take(writer, [bytes]);
  }
  return file;
}

async function check({ older, newer, columns }: EvolutionCase, newerFirst: boolean): Promise<void> {
  const file = fill(newerFirst ? [newer, older] : [older, newer]);
  const { schema } = file.columns;
  const types = Object.entries(columns).map(([name, [type]]) => [name, type]);
  if (newerFirst) {
    // Fields of structs and branches come in the order of the first schema, too.
    const letters = (text: string) => [...text].sort().join("");
    const sorted = (entries: readonly (readonly string[])[]) =>
      entries.map((entry) => entry.map(letters)).sort();
    assert.deepEqual(sorted(Object.entries(typesOf(schema))), sorted(types as string[][]));
  } else {
    assert.deepEqual(typesOf(schema), Object.fromEntries(types));
  }
  const rowOf = (version: 1 | 2): Row =>
    Object.fromEntries(Object.entries(columns).map(([name, cells]) => [name, cells[version]]));
  const [first, second] = newerFirst ? [rowOf(2), rowOf(1)] : [rowOf(1), rowOf(2)];
  const expected = [
    ...Array(RUN).fill(first),
    ...Array(RUN).fill(second),
    ...Array(RUN).fill([first, second]).flat(),
  ];
  assert.deepEqual(readRows(file.columns).map(canonical), expected.map(canonical));
  assert.deepEqual(
    (await readParquetRows(toParquet(file.columns))).map(canonical),
    roundDecimals(expected, schema).map(canonical),
  );
}

for (const [index, one] of COMPATIBLE.entries()) {
  Deno.test(`evolution ${index + 1}: ${one.change}`, async () => {
    await check(one, false);
    await check(one, true);
  });
}

for (const [index, { change, older, newer, clash: [column, held, wanted] }] of IMPOSSIBLE.entries()) {
  Deno.test(`evolution, impossible ${index + 1}: ${change}`, () => {
    const clashOf = (...types: readonly Schema[]) => {
      const clash = fileOf(...types.map(field));
      assert(clash instanceof Clash && clash.reason.kind === "types", "they share a file");
      const { reason } = clash;
      return [reason.column, typeNamesOf(reason.held).arrow, typeNamesOf(reason.wanted).arrow];
    };
    assert.deepEqual(clashOf(older, newer), [column, held, wanted]);
    assert.deepEqual(clashOf(newer, older), [column, wanted, held]);
  });
}

Deno.test("a bad record of either version leaves no trace among the rows of both", () => {
  const older = field(record("R", { a: "int", gone: "string", list: { type: "array", items: "int" } }));
  const newer = field(
    record("R", { list: { type: "array", items: "long" }, a: "long", added: ["null", "string"] }),
  );
  const file = fileOf(older, newer);
  assert(!(file instanceof Clash));
  const decoders = [older, newer].map((schema) => compile(parse(schema), file, { separator: "." }));
  const columns = new Columns(file);
  const values = [
    (id: number) => encode(older, { c: { a: id, gone: `g${id}`, list: [id] } }),
    (id: number) =>
      encode(newer, { c: { list: [BigInt(id), 1n], a: BigInt(id), added: { string: `a${id}` } } }),
  ];
  const bad: number[] = [];
  for (let id = 0; id < 90; id++) {
    const whole = values[id % 2]!(id);
    const input = joinValues([id % 3 === 0 ? whole.subarray(0, whole.length - 1) : whole]);
    decoders[id % 2]!.decode(columns, input, () => bad.push(id));
  }
  const ids = Array.from({ length: 90 }, (_, id) => id);
  assert.deepEqual(bad, ids.filter((id) => id % 3 === 0));
  assert.deepEqual(
    readRows(columns),
    ids.filter((id) => id % 3 !== 0).map((id) => ({
      "c.a": BigInt(id),
      "c.gone": id % 2 === 0 ? `g${id}` : null,
      "c.list": id % 2 === 0 ? [BigInt(id)] : [BigInt(id), 1n],
      "c.added": id % 2 === 0 ? null : `a${id}`,
    })),
  );
});

/** Types as a table has them; undefined where a line is of more than one column, or of nested ones. */
function plainTypesOf(cases: readonly EvolutionCase[]): Set<string> | undefined {
  const columns = cases.flatMap(({ columns }) => Object.entries(columns));
  if (columns.some(([name, [type]]) => name !== "c" || type.includes("struct<"))) return undefined;
  return new Set(columns.map(([, [type]]) => anySize(type.replace("?", ""))));
}

Deno.test("the README's evolution table has the lines that are tested here, and their types", async () => {
  const lines = await readmeTable("Change");
  const changeOf = (cell: string) => cell.replaceAll("`", "");
  const tested = [...COMPATIBLE, ...IMPOSSIBLE].map(({ change }) => change);
  assert.deepEqual(lines.map(([change]) => changeOf(change!)), [...new Set(tested)]);
  const compared: string[] = [];
  for (const [change = "", file = ""] of lines) {
    const cases = COMPATIBLE.filter((one) => one.change === changeOf(change));
    assert.equal(file.startsWith("**impossible**"), cases.length === 0, change);
    const types = plainTypesOf(cases);
    // What becomes of `T` is for any type.
    if (cases.length === 0 || types === undefined || change.includes("`T`")) continue;
    // In the rest of the cell `long` is Avro's.
    assert.deepEqual(new Set(codesIn(file).filter((code) => code !== "long")), types, change);
    compared.push(changeOf(change));
  }
  assert.equal(compared.length, 9, compared.join("; "));
});
