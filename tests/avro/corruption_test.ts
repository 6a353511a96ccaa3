/** Damaged values: never a crash, never a wrong row, and never a trace in the rows beside them. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Random } from "../../dev/random.ts";
import { compile, fileSchemaOf, parseSchema } from "../../src/avro/mod.ts";
import { Columns } from "../../src/columns/mod.ts";
import { testRandom } from "../support/mod.ts";
import { avscType, joinValues } from "./support/encode.ts";
import { RandomSchemas, type Schema } from "./support/random_schema.ts";
import { hasIndexKey, RandomValues } from "./support/random_value.ts";
import { canonical, readParquetRows, readRows, toParquet } from "./support/read_rows.ts";
import { Reference, type Row } from "./support/reference.ts";

const OPTIONS = { separator: "." };
const SCHEMAS = 60;
const FLIPS = 40;
const CUTS_MAX = 200;

/** One schema with two good values and what decodes them. */
class Subject {
  readonly type;
  readonly columns: Columns;
  readonly good: readonly { readonly bytes: Uint8Array; readonly row: string }[];
  readonly #reference: Reference;
  readonly #decoder;

  constructor(schema: Schema, random: Random) {
    const writer = parseSchema(JSON.stringify(schema));
    const file = fileSchemaOf(writer, OPTIONS);
    this.type = avscType(schema);
    this.columns = new Columns(file);
    this.#reference = new Reference(schema);
    this.#decoder = compile(writer, file, OPTIONS);
    const values = new RandomValues(random, schema);
    this.good = Array.from({ length: 2 }, () => {
      const value = values.next(schema);
      return { bytes: new Uint8Array(this.type.toBuffer(value)), row: canonical(this.#reference.row(value)) };
    });
  }

  /** Decodes the values, one of which is damaged; returns its row and why it is bad, whichever there is. */
  decode(values: readonly Uint8Array[], damaged: number): { row?: Row; reason?: string } {
    const bad: [number, string][] = [];
    this.columns.clear();
    const count = this.#decoder.decode(this.columns, joinValues(values), (...args) => bad.push(args));
    assert.equal(count + bad.length, values.length);
    const rows = readRows(this.columns);
    if (bad.length === 0) return { row: rows[damaged]! };
    assert.deepEqual(bad.map(([index]) => index), [damaged]);
    return { reason: bad[0]![1] };
  }

  /** Decodes a damaged value before, between and behind good ones, and checks those. */
  check(damaged: Uint8Array, where: string): { row?: Row; reason?: string } {
    const [first, last] = [this.good[0]!, this.good[1]!];
    let result: { row?: Row; reason?: string } = {};
    for (const place of [0, 1, 2]) {
      const values = [first, last];
      const all = [first.bytes, last.bytes];
      all.splice(place, 0, damaged);
      result = this.decode(all, place);
      const rows = readRows(this.columns);
      if (result.row !== undefined) rows.splice(place, 1);
      assert.deepEqual(rows.map(canonical), values.map(({ row }) => row), where);
    }
    // avsc checks less than we do: what we accept, it reads, and as the same value.
    if (result.row !== undefined) {
      const value = this.type.fromBuffer(Buffer.from(damaged));
      if (hasIndexKey(value)) return result;
      assert.equal(canonical(result.row), canonical(this.#reference.row(value)), where);
    }
    return result;
  }
}

Deno.test("a value cut anywhere is bad, and so is one with bytes behind it", () => {
  const random = testRandom();
  const schemas = new RandomSchemas(random, { depth: 4 });
  for (let round = 0; round < SCHEMAS; round++) {
    const schema = schemas.next();
    const subject = new Subject(schema, random);
    const { bytes } = subject.good[0]!;
    const where = `round ${round}: ${JSON.stringify(schema)}`;
    for (let length = 0; length < Math.min(bytes.length, CUTS_MAX); length++) {
      const { reason } = subject.check(bytes.subarray(0, length), `${where}, cut to ${length}`);
      assert.ok(reason, `${where}, cut to ${length} of ${bytes.length}`);
    }
    const longer = new Uint8Array([...bytes, random.below(256)]);
    assert.match(subject.check(longer, where).reason ?? "", /left over after the last field/);
  }
});

Deno.test("a value with flipped bits is bad or reads as avsc reads it", async () => {
  const random = testRandom();
  const schemas = new RandomSchemas(random, { depth: 4 });
  for (let round = 0; round < SCHEMAS; round++) {
    const schema = schemas.next();
    const subject = new Subject(schema, random);
    const { bytes } = subject.good[0]!;
    if (bytes.length === 0) continue;
    for (let flip = 0; flip < FLIPS; flip++) {
      const damaged = bytes.slice();
      for (let count = 1 + random.below(3); count > 0; count--) {
        const at = random.below(Math.min(damaged.length, random.chance(0.5) ? 4 : damaged.length));
        damaged[at] = random.chance(0.5) ? damaged[at]! ^ (1 << random.below(8)) : random.below(256);
      }
      subject.check(damaged, `round ${round}: ${JSON.stringify(schema)}, bytes ${damaged}`);
    }
    assert.equal((await readParquetRows(toParquet(subject.columns))).length, subject.columns.rows);
  }
});

Deno.test("random bytes are bad or read as avsc reads them", () => {
  const random = testRandom();
  const schemas = new RandomSchemas(random, { depth: 3 });
  for (let round = 0; round < SCHEMAS; round++) {
    const schema = schemas.next();
    const subject = new Subject(schema, random);
    for (let count = 0; count < FLIPS; count++) {
      const damaged = Uint8Array.from(
        { length: random.below(30) },
        () => random.chance(0.5) ? random.below(8) : random.below(256),
      );
      subject.check(damaged, `round ${round}: ${JSON.stringify(schema)}, bytes ${damaged}`);
    }
  }
});
