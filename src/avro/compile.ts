/** Avro bytes straight into column buffers: a schema becomes a function, once. */
import type { ColumnBuffers, Columns, ColumnSpec, FileSchema } from "../columns/mod.ts";
import { emit, numberSlots } from "./emit.ts";
import type { NumberedSlot } from "./emit_value.ts";
import type { ColumnOptions } from "./file_schema.ts";
import { columnsOf, flattenRows, type RowStep, ScopeCounter } from "./flatten.ts";
import { matchColumns, mergeColumns } from "./merge.ts";
import { planOf } from "./plan.ts";
import { BAD_RECORD, BLOCK_ROWS, Runtime } from "./runtime.ts";
import type { AvroType } from "./schema.ts";

/** Encoded values in one buffer: value `i` is `bytes[starts[i] + skip, ends[i])`. */
export interface EncodedValues {
  readonly bytes: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Bytes before each value, such as the header of the wire format. */
  readonly skip: number;
  /** The values `[from, to)` are decoded. */
  readonly from: number;
  readonly to: number;
}

/** Called for a value that cannot be decoded, with its index and why. */
export type OnBad = (index: number, reason: string) => void;

export interface Decoder {
  /**
   * Appends one row for each good value, in order; a bad one leaves no trace but the call of `onBad`. Returns how many
   * rows were appended. Throws UserError where a column is full; the target is then as it was before.
   */
  decode(target: Columns, input: EncodedValues, onBad: OnBad): number;
}

interface CompiledModule {
  bindColumns(columns: readonly ColumnBuffers[]): void;
  bindBytes(bytes: Uint8Array, view: DataView): void;
  readonly passes: readonly ((first: number, count: number) => void)[];
}

/** A decoder from values of `writer` to rows of `file`, which must be what `merge` returned for the two. */
export function compile(writer: AvroType, file: FileSchema, options: ColumnOptions): Decoder {
  const scopes = new ScopeCounter();
  const steps = flattenRows(planOf(writer), { ...options, scopes });
  const wanted = columnsOf(steps, options.separator);
  if (mergeColumns(file.columns, wanted) !== file.columns) {
    throw new TypeError("Cannot decode into columns that do not hold all that the writer has");
  }
  const { top, all } = numberSlots(file.columns);
  const places = matchColumns(file.columns, wanted);
  const slots = new Map(wanted.map((spec, index) => [spec, top[places[index]!]!]));
  const bound = steps.map((step) => bindStep(step, slots));
  const { source, constants, paths, recursive } = emit(bound, { slots: all, scopes });
  const runtime = new Runtime(paths, recursive);
  // Nothing of the schema but numbers stands in the source, so no name can break out of it.
  const module = new Function("R", "K", source)(runtime, constants) as CompiledModule;
  const written = new Set(places);
  const missing = [...top.keys()].filter((index) => !written.has(index));
  return new CompiledDecoder(file, { runtime, module, missing });
}

function bindStep(
  step: RowStep<ColumnSpec>,
  slots: ReadonlyMap<ColumnSpec, NumberedSlot>,
): RowStep<NumberedSlot> {
  return step.kind === "scope" ? step : { ...step, targets: step.targets.map((spec) => slots.get(spec)!) };
}

interface DecoderParts {
  readonly runtime: Runtime;
  readonly module: CompiledModule;
  /** Columns that this writer does not have, by their place in the file's. */
  readonly missing: readonly number[];
}

class CompiledDecoder implements Decoder {
  readonly #schema: FileSchema;
  readonly #runtime: Runtime;
  readonly #module: CompiledModule;
  readonly #missing: readonly number[];
  /** The columns that the module is bound to, and those of them that this writer does not have. */
  #bound: readonly ColumnBuffers[] | undefined;
  #empty: readonly ColumnBuffers[] = [];

  constructor(schema: FileSchema, { runtime, module, missing }: DecoderParts) {
    this.#schema = schema;
    this.#runtime = runtime;
    this.#module = module;
    this.#missing = missing;
  }

  decode(target: Columns, input: EncodedValues, onBad: OnBad): number {
    if (target.schema !== this.#schema) {
      throw new TypeError("Cannot decode into columns of another file schema");
    }
    const { bytes, from, to } = input;
    const first = target.rows;
    if (target.allBuffers !== this.#bound) this.#bind(target);
    this.#module.bindBytes(bytes, viewOf(bytes));
    try {
      for (let at = from; at < to; at += BLOCK_ROWS) {
        const count = Math.min(BLOCK_ROWS, to - at);
        if (!this.#tryBlock(target, input, { at, count })) {
          this.#decodeOneByOne(target, input, { at, count, onBad });
        }
      }
    } catch (error) {
      target.truncate(first);
      throw error;
    }
    return target.rows - first;
  }

  #bind(target: Columns): void {
    this.#bound = target.allBuffers;
    this.#empty = this.#missing.map((index) => target.buffers[index]!);
    this.#module.bindColumns(this.#bound);
  }

  /** All rows of the block, or none: then false. */
  #tryBlock(target: Columns, input: EncodedValues, { at, count }: { at: number; count: number }): boolean {
    const { positions, ends } = this.#runtime;
    for (let row = 0; row < count; row++) {
      positions[row] = input.starts[at + row]! + input.skip;
      ends[row] = input.ends[at + row]!;
      if (!this.#isInside(input, at + row)) return false;
    }
    this.#runtime.emptyItems = 0;
    target.reserve(count);
    try {
      for (const pass of this.#module.passes) pass(target.rows, count);
    } catch (error) {
      target.truncate(target.rows);
      if (error === BAD_RECORD) return false;
      throw error;
    }
    const empty = this.#empty;
    for (let index = 0; index < empty.length; index++) empty[index]!.fillNulls(target.rows, count);
    target.advance(count);
    return true;
  }

  /** After a failure: finds the bad ones, each row being decoded at most twice. */
  #decodeOneByOne(
    target: Columns,
    input: EncodedValues,
    { at, count, onBad }: { at: number; count: number; onBad: OnBad },
  ): void {
    for (let index = at; index < at + count; index++) {
      if (!this.#isInside(input, index)) onBad(index, outsideReason(input, index));
      else if (!this.#tryBlock(target, input, { at: index, count: 1 })) onBad(index, this.#runtime.reason);
    }
  }

  #isInside({ bytes, starts, ends, skip }: EncodedValues, index: number): boolean {
    const start = starts[index]!;
    return start >= 0 && start + skip <= ends[index]! && ends[index]! <= bytes.length;
  }
}

let lastBytes: Uint8Array | undefined;
let lastView: DataView | undefined;

/**
 * The view of the bytes, made once as long as others do not come between: where two schema versions alternate, each
 * call is for one row, and the view would take a fifth of it (bench/decode.ts).
 */
function viewOf(bytes: Uint8Array): DataView {
  if (lastView === undefined || bytes !== lastBytes) {
    lastBytes = bytes;
    lastView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  return lastView;
}

function outsideReason({ starts, ends, skip }: EncodedValues, index: number): string {
  if (starts[index]! < 0) return "there is no value";
  return `the value of ${ends[index]! - starts[index]!} bytes is shorter than its header of ${skip}`;
}
