/**
 * The generated code that steps over a value which no column takes: nothing is copied, and only what says how long
 * the value is gets looked at. Variables are those of `emit_value.ts`.
 */
import { emitBranchCheck, emitInt, emitLength } from "./emit_value.ts";
import { leastBytes, type Plan } from "./plan.ts";
import { Fault } from "./runtime.ts";
import type { AvroType } from "./schema.ts";

/** What belongs to the whole decoder. */
export interface SkipContext {
  /** The code of functions. */
  readonly functions: string[];
  /** @returns the number of a place of its own, whose value is of the type */
  addRecursive(avro: AvroType): number;
}

/** @param place the number of the step, for messages */
export function emitSkip(plan: Plan, place: number, context: SkipContext): string {
  switch (plan.kind) {
    case "leaf":
      return emitSkipLeaf(plan.avro, place);
    case "json":
      return `p = R.skipJson(B, p, end, ${context.addRecursive(plan.avro)});\n`;
    case "present":
    case "absent":
      return "";
    case "duration":
      return "p += 12;\n";
    case "record":
      return plan.fields.map((field) => emitSkip(field.plan, place, context)).join("");
    case "union": {
      const branches = plan.branches.map((branch, index) =>
        `case ${index}: ${branch === undefined ? "" : emitSkip(branch.plan, place, context)}break;\n`
      );
      const check = emitBranchCheck({ branches: plan.branches.length }, place);
      return `${emitInt(place)}${check}switch (x) {\n${branches.join("")}}\n`;
    }
    case "list":
      return emitSkipItems(plan.item, "", { place, context });
    case "map":
      return emitSkipItems(plan.value, `${emitLength(place)}p += x;\n`, { place, context });
  }
}

/** Where the value ends beyond the record, the next length or the end of the pass finds it. */
function emitSkipLeaf(avro: AvroType, place: number): string {
  switch (avro.kind) {
    case "boolean":
      return "p++;\n";
    case "int":
    case "enum":
      return emitInt(place);
    case "long":
      return `x = B[p++];\nif (x > 127) p = R.skipLong(B, p, ${place});\n`;
    case "float":
      return "p += 4;\n";
    case "double":
      return "p += 8;\n";
    case "fixed":
      return `p += ${avro.size};\n`;
    case "string":
    case "bytes":
      return `${emitLength(place)}p += x;\n`;
    default:
      throw new TypeError(`Cannot step over ${avro.kind} as one value`);
  }
}

/** A block that says how long it is goes in one step. */
function emitSkipItems(
  item: Plan,
  key: string,
  { place, context }: { place: number; context: SkipContext },
): string {
  const itemBytes = leastBytes(item) + (key === "" ? 0 : 1);
  const bound = itemBytes > 0
    ? `if (x > (end - p) / ${itemBytes}) throw R.fail(${Fault.items}, ${place});`
    : `R.countEmpty(x, ${place});`;
  const body = key + emitSkip(item, place, context);
  const name = `skip${context.functions.length}`;
  context.functions.push([
    `function ${name}(p, end) {`,
    `const B = bytes; let x = 0;`,
    `for (;;) {`,
    `x = R.readInt(B, p, ${place}); p = R.at;`,
    `if (x === 0) return p;`,
    `if (x < 0) { const size = R.readInt(B, p, ${place}); p = R.at;`,
    `if (size < 0 || size > end - p) throw R.fail(${Fault.blockSize}, ${place}); p += size; continue; }`,
    bound,
    `for (let left = x; left > 0; left--) {`,
    body,
    `if (p > end) throw R.fail(${Fault.pastEnd}, ${place});`,
    `}`,
    `}`,
    `}`,
  ].join("\n"));
  return `p = ${name}(p, end);\n`;
}
