/**
 * Damaged messages among good ones: each is the row that other readers make of it, or a dead letter for a reason that
 * they see, too; and the good ones around it are whole.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Random, seededRandom } from "../../../dev/random.ts";
import { type AvroType, ColumnSelection, compile, fileSchemaOf, parseSchema } from "../../../src/avro/mod.ts";
import { Columns } from "../../../src/columns/mod.ts";
import { allocatedBytes } from "../../avro/support/allocated.ts";
import { dress, type Dressed } from "../../avro/support/dress.ts";
import { avscType, joinValues } from "../../avro/support/encode.ts";
import { mutate } from "../../avro/support/mutate.ts";
import { type Flaw, hasEmptyItems, PlainReader, type Reading } from "../../avro/support/plain_reader.ts";
import { PlainWriter } from "../../avro/support/plain_writer.ts";
import { RandomSchemas } from "../../avro/support/random_schema.ts";
import { hasIndexKey, RandomValues } from "../../avro/support/random_value.ts";
import { canonical, readParquetRows, readRows, roundDecimals } from "../../avro/support/read_rows.ts";
import { Reference, type Row } from "../../avro/support/reference.ts";
import { parquetBytes } from "../../support/parquet_files.ts";
import { Portable } from "./cell_text.ts";
import { checkReason, flawText } from "./flaws.ts";
import type { Peer } from "./peer.ts";

export interface MutationsOptions {
  readonly mutations: number;
  readonly seed: number;
  /** Without it, fastavro is left out. */
  readonly peer: Peer | undefined;
}

export interface MutationCounts {
  schemas: number;
  mutations: number;
  /** Damaged messages that are values all the same. */
  rows: number;
  /** Dead letters by what is wrong with them. */
  readonly flaws: Map<Flaw, number>;
}

/** Nulls that one message may hold, of one byte in all. */
const EMPTY_ITEMS_MAX = 65_536;
/** More than two blocks of rows. */
const MESSAGES = 1_200;
/** Of schemas that are wide, or whose messages may say that they hold 65,536 nulls. */
const FEW_MESSAGES = 150;
const SMALL_BYTES = 4;
const WIDE_FIELDS = 60;
const GOOD_VALUES = 6;
const HEADER_BYTES = 5;
/** How many of the messages are damaged: few enough that whole blocks are good, or nearly all. */
const DAMAGED = [0.005, 0.1, 0.5, 0.95];
const WIDE_EVERY = 6;
const SELECTION_EVERY = 5;
const FASTAVRO_DEPTH_MAX = 300;
const FASTAVRO_BAD_BYTES_MAX = 1_500;

/**
 * What fastavro takes and we refuse: it wraps numbers of more than 64 bits, takes negative lengths, branches and
 * symbols as Python does, any byte but 0 as true, -2^63 items as none, does not look at the sizes of blocks, and has no
 * limits; of decimals it is not told.
 */
const FASTAVRO_TAKES: ReadonlySet<Flaw> = new Set([
  "varint",
  "length",
  "items",
  "branch",
  "symbol",
  "boolean",
  "block size",
  "decimal",
]);

/** @throws {AssertionError} that names the seed of the schema. */
export async function checkMutations({ mutations, seed, peer }: MutationsOptions): Promise<MutationCounts> {
  const counts: MutationCounts = { schemas: 0, mutations: 0, rows: 0, flaws: new Map() };
  for (let next = seed; counts.mutations < mutations; next++) {
    let subject: Subject | undefined;
    try {
      subject = new Subject(next);
      await subject.check({ peer, counts });
    } catch (cause) {
      throw new Error(`seed ${next}: ${JSON.stringify(subject?.schema.written)}: ${cause}`, { cause });
    }
    counts.schemas++;
  }
  return counts;
}

/** A message, and what is known of it: the row that it must be, or the reading of a damaged one. */
interface Message {
  readonly bytes: Uint8Array;
  readonly row?: Row;
  readonly reading?: Reading;
}

interface CheckContext {
  readonly peer: Peer | undefined;
  readonly counts: MutationCounts;
}

class Subject {
  readonly schema: Dressed;
  readonly #random: Random;
  readonly #reference: Reference;
  readonly #writer: AvroType;
  /** Some columns of some schemas are left out: they are stepped over. */
  readonly #selection: ColumnSelection | undefined;
  readonly #hasEmptyItems: boolean;
  readonly #messagesMax: number;
  #avsc: ReturnType<typeof avscType> | undefined;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    const isWide = this.#random.chance(1 / WIDE_EVERY);
    const shape = isWide ? { depth: 2, fieldsMax: WIDE_FIELDS } : { depth: 4 };
    this.schema = dress(new RandomSchemas(this.#random, shape).next(), this.#random);
    this.#writer = parseSchema(JSON.stringify(this.schema.written));
    this.#selection = this.#random.chance(1 / SELECTION_EVERY) ? this.#selectSome() : undefined;
    this.#hasEmptyItems = hasEmptyItems(this.schema.plain);
    const isLarge = this.#hasEmptyItems || (isWide && this.#random.chance(0.9));
    this.#messagesMax = isLarge ? FEW_MESSAGES : MESSAGES;
    this.#reference = new Reference(this.schema.plain);
  }

  #selectSome(): ColumnSelection | undefined {
    const { columns } = fileSchemaOf(this.#writer, { separator: "." });
    const exclude = columns.map(({ name }) => name).filter(() => this.#random.chance(0.5));
    return exclude.length < columns.length ? new ColumnSelection({ include: [], exclude }) : undefined;
  }

  async check({ peer, counts }: CheckContext): Promise<void> {
    const messages = this.#messages();
    const { columns, reasons } = this.#decode(messages);
    const rows = readRows(columns);
    const names = columns.schema.columns.map(({ name }) => name);
    assert.equal(rows.length + reasons.size, messages.length, "some message is neither row nor dead letter");
    let row = 0;
    for (const [index, message] of messages.entries()) {
      const reason = reasons.get(index);
      const got = reason === undefined ? rows[row++] : undefined;
      this.#checkOne(message, { got, reason, names, counts });
    }
    await this.#checkFile(columns, rows);
    if (peer !== undefined && this.#selection === undefined) {
      await this.#askFastavro(messages, { peer, reasons });
    }
  }

  #messages(): Message[] {
    const { below, chance, pick } = this.#random;
    const make = new RandomValues(this.#random, this.schema.plain);
    const writer = new PlainWriter(this.schema.plain, this.#random);
    const reader = new PlainReader(this.schema.plain);
    const good = Array.from({ length: GOOD_VALUES }, () => {
      const value = make.next(this.schema.plain);
      return { bytes: writer.write(value), row: this.#reference.row(value) };
    });
    const damaged = pick(DAMAGED);
    // In a message of a byte or two there is little to damage.
    const isSmall = good.every(({ bytes }) => bytes.length < SMALL_BYTES);
    const length = 1 + below(isSmall ? FEW_MESSAGES : this.#messagesMax);
    return Array.from({ length }, () => {
      if (!chance(damaged)) return pick(good);
      const bytes = mutate(pick(good).bytes, { random: this.#random, other: pick(good).bytes });
      return { bytes, reading: reader.read(bytes) };
    });
  }

  /** In batches, as the program gets them. */
  #decode(messages: readonly Message[]): { columns: Columns; reasons: ReadonlyMap<number, string> } {
    const options = { separator: ".", selection: this.#selection };
    const file = fileSchemaOf(this.#writer, options);
    const decoder = compile(this.#writer, file, options);
    const columns = new Columns(file);
    const reasons = new Map<number, string>();
    const input = joinValues(messages.map(({ bytes }) => bytes), HEADER_BYTES);
    for (let from = 0; from < messages.length;) {
      const to = Math.min(messages.length, from + 1 + this.#random.below(MESSAGES));
      const indices: number[] = [];
      decoder.decode(columns, { ...input, from, to }, (index, reason) => {
        indices.push(index);
        reasons.set(index, reason);
      });
      assert.deepEqual(indices, [...new Set(indices)].sort((one, other) => one - other), "order of bad ones");
      from = to;
    }
    assertBounded(columns, { bytes: input.bytes.length, messages: messages.length });
    return { columns, reasons };
  }

  #checkOne({ bytes, row, reading }: Message, { got, reason, names, counts }: Outcome): void {
    const where = `bytes ${bytes.toHex()}`;
    const text = (row: Row) => canonical(Object.fromEntries(names.map((name) => [name, row[name]])));
    if (reading === undefined) {
      assert.equal(reason, undefined, `a good message is bad, ${where}`);
      assert.equal(canonical(got), text(row!), `a good message, ${where}`);
      return;
    }
    // Of what is left out only the length is looked at: then there is no more to say about what is wrong.
    if (reading.flaw !== undefined && this.#selection !== undefined) return;
    counts.mutations++;
    if (reason === undefined) {
      counts.rows++;
      assert.equal(reading.flaw, undefined, `a row of a bad message, ${where}`);
      assert.equal(canonical(got), text(this.#reference.row(reading.value)), `row, ${where}`);
      if (this.#selection === undefined) this.#checkAvsc(bytes, { got, where });
      return;
    }
    const flaw = checkReason(reason, reading, where);
    counts.flaws.set(flaw, (counts.flaws.get(flaw) ?? 0) + 1);
  }

  /** avsc reads what we take, and as the same value. */
  #checkAvsc(bytes: Uint8Array, { got, where }: { got: Row | undefined; where: string }): void {
    this.#avsc ??= avscType(this.schema.written);
    const value = this.#avsc.fromBuffer(Buffer.from(bytes));
    if (hasIndexKey(value)) return;
    assert.equal(canonical(got), canonical(this.#reference.row(value)), `avsc, ${where}`);
  }

  async #checkFile(columns: Columns, rows: readonly Row[]): Promise<void> {
    const fromFile = await readParquetRows(await parquetBytes(columns));
    const expected = roundDecimals(rows, columns.schema);
    assert.equal(fromFile.length, rows.length);
    for (const [index, row] of fromFile.entries()) assert.equal(canonical(row), canonical(expected[index]));
  }

  async #askFastavro(
    messages: readonly Message[],
    { peer, reasons }: { peer: Peer; reasons: ReadonlyMap<number, string> },
  ): Promise<void> {
    const portable = new Portable(this.schema.plain);
    // It nests on the stack of C, builds a list of as many nulls as a count says, and goes on where we have stopped.
    const asked = [...messages.entries()].filter(([index, { bytes, reading }]) => {
      if (reading === undefined || reading.depth > FASTAVRO_DEPTH_MAX) return false;
      return !reasons.has(index) || (!this.#hasEmptyItems && bytes.length <= FASTAVRO_BAD_BYTES_MAX);
    });
    const answers = await peer.decode(this.schema.written, asked.map(([, { bytes }]) => bytes));
    for (const [at, [index, { bytes, reading }]] of asked.entries()) {
      const answer = answers[at]!;
      const takes = "text" in answer && answer.left === 0;
      const where = `fastavro: ${JSON.stringify(answer)} for ${flawText(reading!)}, bytes ${bytes.toHex()}`;
      if (!reasons.has(index)) {
        assert.deepEqual(answer, { text: portable.text(reading!.value), left: 0 }, where);
      } else if (takes && reading!.flaw !== undefined) {
        assert.ok(FASTAVRO_TAKES.has(reading!.flaw), where);
      }
    }
  }
}

interface Outcome {
  readonly got: Row | undefined;
  readonly reason: string | undefined;
  /** Of all columns. */
  readonly names: readonly string[];
  readonly counts: MutationCounts;
}

/** Buffers grow with the bytes and the rows, not with what lengths and counts say. */
function assertBounded(columns: Columns, { bytes, messages }: { bytes: number; messages: number }): void {
  const perColumn = 64 * 1024 + 64 * (bytes + messages + 2 * EMPTY_ITEMS_MAX);
  const most = columns.allBuffers.length * perColumn;
  assert.ok(allocatedBytes(columns) <= most, `${allocatedBytes(columns)} bytes are allocated for ${bytes}`);
}
