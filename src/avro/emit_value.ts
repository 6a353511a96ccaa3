/**
 * The generated code that reads one value into one column.
 *
 * Variables of the generated code: `B` bytes, `V` their DataView, `S` the last position from which 8 bytes may be read,
 * `p` position, `end` of the record, `x` the number just read, `R` the runtime, `K` constants, `c7` the buffers of
 * column 7. Nothing that comes from a schema enters it but numbers.
 *
 * The column may be of a wider type than the writer's: which it is, is decided here and not for each value.
 */
import type { ColumnSpec, ColumnType } from "../columns/mod.ts";
import { type DecimalLimits, decimalLimits } from "./decimal.ts";
import type { ScopeStep, ValueStep } from "./flatten.ts";
import type { Plan } from "./plan.ts";
import { Fault } from "./runtime.ts";

/**
 * Strings above this are copied by `set`, and those below eight bytes at a time: a customer event takes 172 ns so, and
 * 560 where `set` copies all of its seven strings (bench/decode.ts).
 */
const WORD_COPY_BYTES_MAX = 400;

/** Fixed values up to this are copied byte by byte. */
const BYTE_COPY_BYTES_MAX = 32;

const encoder = new TextEncoder();

/** A column, or a child of one, with the number by which the generated code knows it. */
export interface NumberedSlot {
  readonly id: number;
  readonly spec: ColumnSpec;
  readonly children: readonly NumberedSlot[];
}

/** Where generated code finds the buffers of a column. */
export interface Scene {
  /** The index of the row or item that is written. */
  readonly row: string;
  /**
   * Rows: buffers stand in local variables and validity bits are 1 beforehand. Items: buffers are looked up at each
   * use, and bits are written for every value, as nobody knows how far an abandoned record has written.
   */
  readonly isRows: boolean;
  /** Declares a local variable at the head of the function. */
  declare(name: string, value: string): void;
}

/** The limits of a decimal; a column's index of each symbol; the text of each symbol. */
export type Constant = DecimalLimits | Int32Array | readonly Uint8Array[];

export interface ValueContext {
  readonly scene: Scene;
  /** The number of the step, for messages. */
  readonly place: number;
  /** @returns its index in `K` */
  addConstant(constant: Constant): number;
}

/** Reads the step's value, or its null where a union says so. */
export function emitValueStep(step: ValueStep<NumberedSlot>, context: ValueContext): string {
  if (step.select === undefined) return emitPresent(step, context);
  const { branches, value } = step.select;
  const check = emitBranchCheck(step.select, context.place);
  if (value < 0) return `${emitInt(context.place)}${check}${emitNulls(step.targets, context.scene)}`;
  const present = emitPresent(step, context);
  if (branches === 1) return `${emitInt(context.place)}${check}${present}`;
  return `${emitInt(context.place)}if (x === ${value}) {\n${present}} else {\n${check}` +
    `${emitNulls(step.targets, context.scene)}}\n`;
}

/** Steps over the value that `skip` steps over, or its null where a union says so. */
export function emitSkippedStep({ select }: ValueStep<NumberedSlot>, place: number, skip: string): string {
  if (select === undefined) return skip;
  return `${emitInt(place)}${emitBranchCheck(select, place)}if (x === ${select.value}) {\n${skip}}\n`;
}

/** Reads the branch of a union into the variable of its scope; -1 is null. */
export function emitScopeStep(step: ScopeStep, place: number): string {
  const branch = step.nullBranch < 0 ? "x" : `x === ${step.nullBranch} ? -1 : x`;
  return `${emitInt(place)}${emitBranchCheck(step, place)}b${step.scope} = ${branch};\n`;
}

/** What stands in columns of a value that is not there. */
export function emitNulls(targets: readonly NumberedSlot[], scene: Scene): string {
  return targets.map((slot) => emitNull(slot, scene)).join("");
}

/** Marks a value as present where the bits are not set beforehand. */
export function emitValid({ id, spec }: NumberedSlot, scene: Scene): string {
  if (scene.isRows || !spec.nullable) return "";
  return `c${id}.validity[${scene.row} >>> 3] |= 1 << (${scene.row} & 7);\n`;
}

function emitNull(slot: NumberedSlot, scene: Scene): string {
  const { id, spec } = slot;
  const { row } = scene;
  const mark = spec.nullable
    ? `${buffer(slot, "validity", scene)}[${row} >>> 3] &= ~(1 << (${row} & 7));\n`
    : "";
  switch (spec.type.kind) {
    case "utf8":
    case "binary":
      if (scene.isRows) return `${mark}${textBuffers(id, scene).offsets}[${row} + 1] = q${id};\n`;
      return `${mark}c${id}.offsets[${row} + 1] = c${id}.offsets[${row}];\n`;
    case "list":
    case "map":
      return `${mark}c${id}.offsets[${row} + 1] = c${id}.offsets[${row}];\n`;
    default:
      return mark;
  }
}

/** A fixed-width value under a null keeps whatever bytes were there: nothing reads them. */
function emitPresent({ plan, targets }: ValueStep<NumberedSlot>, context: ValueContext): string {
  const { scene } = context;
  if (plan.kind === "absent") return emitNulls(targets, scene);
  const valid = targets.map((slot) => emitValid(slot, scene)).join("");
  const slot = targets[0]!;
  switch (plan.kind) {
    case "duration":
      return valid + emitDuration(targets, plan.parts ?? [0, 1, 2], context);
    case "present":
      return valid + emitBit(slot, { scene, value: "1" });
    case "list":
    case "map":
      return `${valid}p = list${slot.id}(${scene.row}, p, end);\n`;
    case "json":
      return `${valid}p = R.readJson(c${slot.id}, ${scene.row}, B, p, end, ${context.place});\n${
        scene.isRows
          ? `${textBuffers(slot.id, scene).reload}q${slot.id} = o${slot.id}[${scene.row} + 1];\n`
          : ""
      }`;
    case "leaf":
      return valid + emitLeaf(plan, slot, context);
  }
}

function emitLeaf(
  { avro, type }: Plan & { kind: "leaf" },
  slot: NumberedSlot,
  context: ValueContext,
): string {
  const { scene, place } = context;
  const { type: held } = slot.spec;
  const values = () => buffer(slot, "values", scene);
  switch (avro.kind) {
    case "boolean":
      return `x = B[p++];\nif (x > 1) throw R.fail(${Fault.boolean}, ${place});\n${
        emitBit(slot, { scene, value: "x" })
      }`;
    case "int":
      if (held.kind !== "int64") return `${emitInt(place)}${values()}[${scene.row}] = x;\n`;
      return `${
        emitInt(place)
      }${values()}[2 * ${scene.row}] = x; ${values()}[2 * ${scene.row} + 1] = x >> 31;\n`;
    case "long":
      return emitLong(values(), context, held.kind === "float64");
    case "float":
      return `${emitBoundsCheck("4", place)}${values()}[${scene.row}] = V.getFloat32(p, true);\np += 4;\n`;
    case "double":
      return `${emitBoundsCheck("8", place)}${values()}[${scene.row}] = V.getFloat64(p, true);\np += 8;\n`;
    case "string":
      return emitLength(place) + emitText(slot, context, true);
    case "bytes":
      if (type.kind === "decimal") return emitLength(place) + emitDecimal(slot, type, context);
      return emitLength(place) + emitText(slot, context, false);
    case "enum":
      return `${
        emitInt(place)
      }if (x >>> 0 >= ${avro.symbols.length}) throw R.fail(${Fault.symbol}, ${place});\n` +
        emitSymbol(avro.symbols, slot, context);
    case "fixed":
      if (type.kind === "decimal" || held.kind === "binary") {
        return `${emitBoundsCheck(`${avro.size}`, place)}x = ${avro.size};\n${
          type.kind === "decimal" ? emitDecimal(slot, type, context) : emitText(slot, context, false)
        }`;
      }
      return emitFixed(values(), avro.size, context);
    default:
      throw new TypeError(`Cannot read ${avro.kind} into one column`);
  }
}

/** Reads a varint of 32 bits into `x`. */
export function emitInt(place: number): string {
  return `x = B[p++];\nif (x > 127) { x = R.readInt(B, p - 1, ${place}); p = R.at; } else x = (x >>> 1) ^ -(x & 1);\n`;
}

export function emitLength(place: number): string {
  return `${emitInt(place)}if (x < 0 || x > end - p) throw R.fail(${Fault.length}, ${place});\n`;
}

export function emitBranchCheck({ branches }: { branches: number }, place: number): string {
  return `if (x >>> 0 >= ${branches}) throw R.fail(${Fault.branch}, ${place});\n`;
}

function emitBoundsCheck(bytes: string, place: number): string {
  return `if (${bytes} > end - p) throw R.fail(${Fault.pastEnd}, ${place});\n`;
}

/** The index of the column's own symbol, or its text where the column holds text. */
function emitSymbol(symbols: readonly string[], slot: NumberedSlot, context: ValueContext): string {
  const { scene, addConstant } = context;
  const { type } = slot.spec;
  if (type.kind !== "enum") {
    const texts = addConstant(symbols.map((symbol) => encoder.encode(symbol)));
    return emitAppend(slot, scene, `K[${texts}][x]`);
  }
  const values = buffer(slot, "values", scene);
  const indexes = symbols.map((symbol) => type.symbols.indexOf(symbol));
  if (indexes.every((held, index) => held === index)) return `${values}[${scene.row}] = x;\n`;
  return `${values}[${scene.row}] = K[${addConstant(Int32Array.from(indexes))}][x];\n`;
}

/** Appends bytes that are at hand to a text or binary column. */
function emitAppend({ id }: NumberedSlot, scene: Scene, bytes: string): string {
  const take = `const t = ${bytes}; x = t.length;\n`;
  if (!scene.isRows) {
    return `{ ${take}const o = c${id}.offsets, q = o[${scene.row}];\nif (q + x > c${id}.dataLimit) c${id}.reserveData(q + x);\n` +
      `c${id}.data.set(t, q); o[${scene.row} + 1] = q + x; }\n`;
  }
  const { offsets, reload } = textBuffers(id, scene);
  return `{ ${take}if (q${id} + x > z${id}) { c${id}.reserveData(q${id} + x);\n${reload}}\n` +
    `d${id}.set(t, q${id}); q${id} += x; ${offsets}[${scene.row} + 1] = q${id}; }\n`;
}

/** 64 bits as two words, without BigInt: the first four bytes fill 28 bits of the low one. */
function emitLong(values: string, { scene, place }: ValueContext, isDouble: boolean): string {
  const low = [7, 14, 21].map((shift) => `y = B[p++]; x |= (y & 127) << ${shift};\nif (y > 127) {\n`).join(
    "",
  );
  const high = [3, 10, 17, 24].map((shift) => `y = B[p++]; h |= (y & 127) << ${shift};\nif (y > 127) {\n`)
    .join("");
  const last = `y = B[p++]; if (y > 1) throw R.fail(${Fault.varint}, ${place});\nh |= y << 31;\n`;
  return `{ let y = B[p++], h = 0; x = y & 127;\nif (y > 127) {\n${low}` +
    `y = B[p++]; x |= y << 28; h = (y & 127) >>> 4;\nif (y > 127) {\n${high}${last}${"}".repeat(9)}\n` +
    `y = -(x & 1); x = ((x >>> 1) | (h << 31)) ^ y; h = (h >>> 1) ^ y;\n` +
    (isDouble
      ? `${values}[${scene.row}] = h * ${2 ** 32} + (x >>> 0); }\n`
      : `${values}[2 * ${scene.row}] = x; ${values}[2 * ${scene.row} + 1] = h; }\n`);
}

function emitFixed(values: string, size: number, { scene, place }: ValueContext): string {
  const copy = size <= BYTE_COPY_BYTES_MAX
    ? `for (let j = 0, k = ${scene.row} * ${size}; j < ${size}; j++) ${values}[k + j] = B[p + j];\n`
    : `${values}.set(B.subarray(p, p + ${size}), ${scene.row} * ${size});\n`;
  return `${emitBoundsCheck(`${size}`, place)}${copy}p += ${size};\n`;
}

/** Of the writer's precision, in the column's width. */
function emitDecimal(
  slot: NumberedSlot,
  { precision }: ColumnType & { kind: "decimal" },
  { scene, place, addConstant }: ValueContext,
): string {
  const { type } = slot.spec;
  if (type.kind !== "decimal") throw new TypeError(`Cannot write a decimal into ${type.kind}`);
  const limits = addConstant(decimalLimits({ precision, byteWidth: type.byteWidth }));
  const values = buffer(slot, "values", scene);
  return `if (!R.readDecimal(B, p, p + x, ${values}, ${scene.row}, K[${limits}])) ` +
    `throw R.fail(${Fault.decimal}, ${place});\np += x;\n`;
}

/** Three unsigned little-endian numbers of 32 bits, into columns of 64, or of doubles. */
function emitDuration(
  targets: readonly NumberedSlot[],
  parts: readonly number[],
  { scene, place }: ValueContext,
): string {
  const stores = parts.map((part, index) => {
    const slot = targets[index]!;
    const values = buffer(slot, "values", scene);
    const at = `p + ${4 * part}`;
    if (slot.spec.type.kind === "float64") return `${values}[${scene.row}] = V.getUint32(${at}, true);\n`;
    return `${values}[2 * ${scene.row}] = V.getInt32(${at}, true); ${values}[2 * ${scene.row} + 1] = 0;\n`;
  });
  return `${emitBoundsCheck("12", place)}${stores.join("")}p += 12;\n`;
}

function emitBit(slot: NumberedSlot, { scene, value }: { scene: Scene; value: string }): string {
  const values = buffer(slot, "values", scene);
  const { row } = scene;
  if (scene.isRows) return `if (${value} === 1) ${values}[${row} >>> 3] |= 1 << (${row} & 7);\n`;
  return `${values}[${row} >>> 3] = ${values}[${row} >>> 3] & ~(1 << (${row} & 7)) | ${value} << (${row} & 7);\n`;
}

/** Appends `x` bytes at `p` to a text or binary column, checking UTF-8 on the way where asked. */
function emitText({ id }: NumberedSlot, { scene, place }: ValueContext, isText: boolean): string {
  const check = isText
    ? `if (!R.isUtf8(d${id}, q${id}, q${id} + x)) throw R.fail(${Fault.utf8}, ${place});\n`
    : "";
  const copy =
    `if (x <= ${WORD_COPY_BYTES_MAX} && p + x <= S) {\n${
      emitWordCopy(id, isText ? check : undefined)
    }} else {\n` +
    `d${id}.set(B.subarray(p, p + x), q${id});\n${check}}\n`;
  if (!scene.isRows) {
    return `{ const q${id} = c${id}.offsets[${scene.row}];\nif (q${id} + x > c${id}.dataLimit) c${id}.reserveData(q${id} + x);\n` +
      `const d${id} = c${id}.data, w${id} = c${id}.view;\n${copy}c${id}.offsets[${scene.row} + 1] = q${id} + x; p += x; }\n`;
  }
  const { offsets, reload } = textBuffers(id, scene);
  return `if (q${id} + x > z${id}) { c${id}.reserveData(q${id} + x);\n${reload}}\n${copy}` +
    `q${id} += x; ${offsets}[${scene.row} + 1] = q${id}; p += x;\n`;
}

/** Eight bytes at a time, up to seven too many; ASCII needs no further check. */
function emitWordCopy(id: number, check: string | undefined): string {
  const step = `const s = V.getInt32(p + j, true), t = V.getInt32(p + j + 4, true);\n` +
    `w${id}.setInt32(q${id} + j, s, true); w${id}.setInt32(q${id} + j + 4, t, true);\n`;
  if (check === undefined) return `for (let j = 0; j < x; j += 8) {\n${step}}\n`;
  return `let a = 0, j = 0;\nfor (; j + 8 <= x; j += 8) {\n${step}a |= s | t;\n}\nif (j < x) {\n${step}` +
    `const k = (x - j) << 3;\na |= k < 32 ? s & ((1 << k) - 1) : s | (t & ((1 << (k - 32)) - 1));\n}\n` +
    `if ((a & -2139062144) !== 0) {\n${check}}\n`;
}

/** The local variables of a text column: bytes, their view, where they are full, where the next value goes, offsets. */
function textBuffers(id: number, scene: Scene): { offsets: string; reload: string } {
  scene.declare(`d${id}`, `c${id}.data`);
  scene.declare(`w${id}`, `c${id}.view`);
  scene.declare(`z${id}`, `c${id}.dataLimit`);
  scene.declare(`o${id}`, `c${id}.offsets`);
  scene.declare(`q${id}`, `o${id}[first]`);
  return {
    offsets: `o${id}`,
    reload: `d${id} = c${id}.data; w${id} = c${id}.view; z${id} = c${id}.dataLimit;\n`,
  };
}

function buffer({ id }: NumberedSlot, which: "values" | "validity", scene: Scene): string {
  if (!scene.isRows) return `c${id}.${which}`;
  const name = `${which === "values" ? "v" : "n"}${id}`;
  scene.declare(name, `c${id}.${which}`);
  return name;
}
