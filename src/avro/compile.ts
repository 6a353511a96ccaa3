/** Avro bytes straight into column buffers: a schema becomes a function, once. */
import type { ColumnBuffers, Columns, ColumnSpec, FileSchema } from "../columns/mod.ts";
import { emit, numberSlots } from "./emit.ts";
import type { NumberedSlot } from "./emit_value.ts";
import { type ColumnOptions, sameColumn } from "./file_schema.ts";
import { columnsOf, flattenRows, ScopeCounter, type Step } from "./flatten.ts";
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
  bind(columns: readonly ColumnBuffers[], bytes: Uint8Array, view: DataView): void;
  readonly passes: readonly ((first: number, count: number) => void)[];
}

/** A decoder from values of `writer` to rows of `file`, which must be what `merge` returned for the two. */
export function compile(writer: AvroType, file: FileSchema, options: ColumnOptions): Decoder {
  const scopes = new ScopeCounter();
  const steps = flattenRows(planOf(writer), { ...options, scopes });
  const wanted = columnsOf(steps, options.separator);
  if (wanted.length !== file.columns.length) {
    throw new TypeError(`Cannot decode ${wanted.length} columns into ${file.columns.length}`);
  }
  const { top, all } = numberSlots(file.columns);
  const byName = new Map(top.map((slot) => [slot.spec.name, slot]));
  const bound = steps.map((step) => bindStep(step, byName));
  const { source, limits, paths, recursive } = emit(bound, { slots: all, scopes });
  const runtime = new Runtime(paths, recursive);
  // Nothing of the schema but numbers stands in the source, so no name can break out of it.
  const module = new Function("R", "K", source)(runtime, limits) as CompiledModule;
  return new CompiledDecoder(file, { runtime, module });
}

function bindStep(step: Step<ColumnSpec>, byName: ReadonlyMap<string, NumberedSlot>): Step<NumberedSlot> {
  if (step.kind === "scope") return step;
  const targets = step.targets.map((spec) => {
    const slot = byName.get(spec.name);
    if (slot === undefined || !sameColumn(spec, slot.spec)) {
      throw new TypeError(`Cannot decode "${spec.name}": the file has no such column`);
    }
    return slot;
  });
  return { ...step, targets };
}

class CompiledDecoder implements Decoder {
  readonly #schema: FileSchema;
  readonly #runtime: Runtime;
  readonly #module: CompiledModule;

  constructor(schema: FileSchema, { runtime, module }: { runtime: Runtime; module: CompiledModule }) {
    this.#schema = schema;
    this.#runtime = runtime;
    this.#module = module;
  }

  decode(target: Columns, input: EncodedValues, onBad: OnBad): number {
    if (target.schema !== this.#schema) {
      throw new TypeError("Cannot decode into columns of another file schema");
    }
    const { bytes, from, to } = input;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const first = target.rows;
    this.#module.bind(target.allBuffers, bytes, view);
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

function outsideReason({ starts, ends, skip }: EncodedValues, index: number): string {
  if (starts[index]! < 0) return "there is no value";
  return `the value of ${ends[index]! - starts[index]!} bytes is shorter than its header of ${skip}`;
}
