/**
 * The source of a decoder: passes over a block of rows, and a function for each list and map.
 *
 * One function for all fields of a wide schema is too large for the optimising compiler (1,000 fields: 5.3 ns a field
 * in passes of 16, 9 in passes of 40, 280 in one; bench/decode.ts). So a block of rows goes through pass after pass,
 * and each row's position and the union branches that later passes need wait in arrays between them.
 */
import { childSpecs, type ColumnSpec } from "../columns/mod.ts";
import {
  type Constant,
  emitNulls,
  emitScopeStep,
  emitSkippedStep,
  emitValid,
  emitValueStep,
  type NumberedSlot,
  type Scene,
} from "./emit_value.ts";
import {
  ANY_BRANCH,
  flattenItems,
  type ScopeCounter,
  type Step,
  type Under,
  type ValueStep,
} from "./flatten.ts";
import { emitSkip } from "./emit_skip.ts";
import { leastBytes, type Plan } from "./plan.ts";
import { BLOCK_ROWS, Fault } from "./runtime.ts";
import type { AvroType } from "./schema.ts";

/** Steps in one function. */
const PASS_STEPS = 16;

export interface Emitted {
  /** Body of a function of `R`, the runtime, and `K`; returns a `CompiledModule`. */
  readonly source: string;
  /** What the source knows as `K`. */
  readonly constants: readonly Constant[];
  /** Where each step stands in the schema. */
  readonly paths: readonly string[];
  /** Types that are read as JSON, by step. */
  readonly recursive: ReadonlyMap<number, AvroType>;
}

type Steps = readonly Step<NumberedSlot>[];

/** The code that reads rows by these steps. `slots` are all columns and children, by number. */
export function emit(
  steps: Steps,
  { slots, scopes }: { slots: readonly NumberedSlot[]; scopes: ScopeCounter },
): Emitted {
  const emitter = new Emitter(scopes);
  const passes = emitter.emitPasses(steps);
  const columns = slots.map((slot) => `c${slot.id}`);
  const source = [
    `"use strict";`,
    `let bytes, view, safe, ${columns.join(", ")};`,
    `const P = R.positions, E = R.ends;`,
    `function bindColumns(N) {`,
    ...columns.map((column, index) => `${column} = N[${index}];`),
    `}`,
    `function bindBytes(B, V) { bytes = B; view = V; safe = B.length - 8; }`,
    ...emitter.globals,
    ...emitter.functions,
    ...passes,
    `return { bindColumns, bindBytes, passes: [${passes.map((_, index) => `pass${index}`).join(", ")}] };`,
  ].join("\n");
  const { constants, paths, recursive } = emitter;
  return { source, constants, paths, recursive };
}

class Emitter {
  readonly functions: string[] = [];
  readonly globals: string[] = [];
  readonly constants: Constant[] = [];
  readonly paths: string[] = [];
  readonly recursive = new Map<number, AvroType>();
  readonly #scopes: ScopeCounter;

  constructor(scopes: ScopeCounter) {
    this.#scopes = scopes;
  }

  emitPasses(steps: Steps): string[] {
    const passes = cut(steps);
    const readers = passes.map(scopesRead);
    const users = passes.map(scopesUsed);
    return passes.map((pass, index) => {
      const saved = [...readers[index]!].filter((scope) =>
        users.slice(index + 1).some((used) => used.has(scope))
      );
      const loaded = [...users[index]!].filter((scope) => !readers[index]!.has(scope));
      this.globals.push(...saved.map((scope) => `const T${scope} = new Int16Array(${BLOCK_ROWS});`));
      return this.#emitPass(pass, { index, isLast: index === passes.length - 1, saved, loaded });
    });
  }

  #emitPass(pass: Steps, { index, isLast, saved, loaded }: PassShape): string {
    const declared = new Map<string, string>();
    const scene: Scene = { row: "n", isRows: true, declare: (name, value) => void declared.set(name, value) };
    const body = this.#emitSteps(pass, scene);
    const last = this.paths.length - 1;
    const check = isLast ? `p !== end` : `p > end`;
    return [
      `function pass${index}(first, count) {`,
      `const B = bytes, V = view, S = safe;`,
      ...[...declared].map(([name, value]) => `let ${name} = ${value};`),
      `for (let r = 0; r < count; r++) {`,
      `const n = first + r, end = E[r]; let p = P[r], x = 0;`,
      ...[...scopesRead(pass)].map((scope) => `let b${scope} = -1;`),
      ...loaded.map((scope) => `const b${scope} = T${scope}[r];`),
      body,
      `if (${check}) throw R.fail(p > end ? ${Fault.pastEnd} : ${Fault.trailing}, ${last});`,
      ...saved.map((scope) => `T${scope}[r] = b${scope};`),
      `P[r] = p;`,
      `}`,
      `}`,
    ].join("\n");
  }

  /** Steps under the same branch share one `if`, whose `else` fills their columns with nulls. */
  #emitSteps(steps: Steps, scene: Scene): string {
    const code: string[] = [];
    for (let from = 0; from < steps.length;) {
      const under = steps[from]!.under;
      let to = from + 1;
      while (to < steps.length && sameUnder(steps[to]!.under, under)) to++;
      const group = steps.slice(from, to);
      const present = group.map((step) => this.#emitStep(step, scene)).join("");
      if (under === undefined) {
        code.push(present);
      } else {
        const nulls = group.map((step) => step.kind === "scope" ? "" : emitNulls(step.targets, scene)).join(
          "",
        );
        const test = under.branch === ANY_BRANCH
          ? `b${under.scope} >= 0`
          : `b${under.scope} === ${under.branch}`;
        code.push(`if (${test}) {\n${present}} else {\n${nulls}}\n`);
      }
      from = to;
    }
    return code.join("");
  }

  #emitStep(step: Step<NumberedSlot>, scene: Scene): string {
    if (step.kind === "missing") return emitNulls(step.targets, scene);
    if (step.kind === "struct") return step.targets.map((slot) => emitValid(slot, scene)).join("");
    const place = this.paths.push(step.path) - 1;
    if (step.kind === "scope") return emitScopeStep(step, place);
    const { plan } = step;
    const slot = step.targets[0];
    if (slot === undefined) return emitSkippedStep(step, place, this.#emitSkip(step, place));
    if (plan.kind === "json") this.recursive.set(place, plan.avro);
    if (plan.kind === "list" || plan.kind === "map") this.#emitItems({ ...step, plan }, { slot, place });
    return emitValueStep(step, {
      scene,
      place,
      addConstant: (constant) => this.constants.push(constant) - 1,
    });
  }

  #emitSkip({ plan, path }: ValueStep<NumberedSlot>, place: number): string {
    return emitSkip(plan, place, {
      functions: this.functions,
      addRecursive: (avro) => {
        const place = this.paths.push(path) - 1;
        this.recursive.set(place, avro);
        return place;
      },
    });
  }

  /** The function that reads the blocks of one array or map into row `n` of its column. */
  #emitItems({ plan, path }: ItemsStep, { slot, place }: { slot: NumberedSlot; place: number }): void {
    const { id } = slot;
    const item = plan.kind === "list" ? plan.item : plan.value;
    const target = slot.children[slot.children.length - 1]!;
    const steps: Step<NumberedSlot>[] = [];
    if (plan.kind === "map") steps.push(keyStep(slot.children[0]!, `${path} (key)`));
    steps.push(...flattenItems(item, { slot: target, path: `${path}[]`, scopes: this.#scopes }));
    const itemBytes = leastBytes(item) + (plan.kind === "map" ? 1 : 0);
    const bound = itemBytes > 0
      ? `if (x > (end - p) / ${itemBytes}) throw R.fail(${Fault.items}, ${place});`
      : `R.countEmpty(x, ${place});`;
    this.functions.push([
      `function list${id}(n, p, end) {`,
      `const B = bytes, V = view, S = safe; let i = c${id}.offsets[n], x = 0;`,
      `for (;;) {`,
      `x = R.readInt(B, p, ${place}); p = R.at;`,
      `if (x === 0) break;`,
      `let stop = -1;`,
      `if (x < 0) { const size = R.readInt(B, R.at, ${place}); p = R.at; stop = p + size; x = -x;`,
      `if (size < 0 || stop > end) throw R.fail(${Fault.blockSize}, ${place}); }`,
      bound,
      `for (const last = i + x; i < last; i++) {`,
      `if (i >= c${id}.itemCapacity) c${id}.reserveItems(i + 1);`,
      this.#emitItem(steps, id),
      `if (p > end) throw R.fail(${Fault.pastEnd}, ${place});`,
      `}`,
      `if (stop >= 0 && p !== stop) throw R.fail(${Fault.blockSize}, ${place});`,
      `}`,
      `c${id}.offsets[n + 1] = i;`,
      `return p;`,
      `}`,
    ].join("\n"));
  }

  /** The code of one item, in place or, where it is long, as calls of functions that share the union branches. */
  #emitItem(steps: Steps, id: number): string {
    const scene: Scene = { row: "i", isRows: false, declare: () => undefined };
    const parts = cut(steps);
    const scopes = [...scopesRead(steps)].map((scope) => `let b${scope} = -1;`);
    if (parts.length === 1) return scopes.join("\n") + this.#emitSteps(steps, scene);
    this.globals.push(...scopes);
    const calls = parts.map((part, index) => {
      const name = `item${id}_${index}`;
      const body = this.#emitSteps(part, scene);
      this.functions.push([
        `function ${name}(i, p, end) {`,
        `const B = bytes, V = view, S = safe; let x = 0;`,
        ...[...scopesRead(part)].map((scope) => `b${scope} = -1;`),
        body,
        `return p;`,
        `}`,
      ].join("\n"));
      return `p = ${name}(i, p, end);\n`;
    });
    return calls.join("");
  }
}

interface PassShape {
  readonly index: number;
  readonly isLast: boolean;
  /** Scopes that later passes need. */
  readonly saved: readonly number[];
  /** Scopes that earlier passes have read. */
  readonly loaded: readonly number[];
}

type ItemsStep = ValueStep<NumberedSlot> & { readonly plan: Plan & { readonly kind: "list" | "map" } };

/** The key of a map entry: a string that is never null. */
function keyStep(slot: NumberedSlot, path: string): Step<NumberedSlot> {
  const plan = { kind: "leaf", avro: { kind: "string" }, type: { kind: "utf8" } } as const;
  return { kind: "value", under: undefined, select: undefined, plan, targets: [slot], path };
}

/** Steps in runs for one function each. There is always one, so that a record without columns is read, too. */
function cut(steps: Steps): Steps[] {
  const parts: Steps[] = [steps.slice(0, PASS_STEPS)];
  for (let from = PASS_STEPS; from < steps.length; from += PASS_STEPS) {
    parts.push(steps.slice(from, from + PASS_STEPS));
  }
  return parts;
}

function scopesRead(steps: Steps): Set<number> {
  return new Set(steps.flatMap((step) => step.kind === "scope" ? [step.scope] : []));
}

function scopesUsed(steps: Steps): Set<number> {
  return new Set(steps.flatMap((step) => step.under === undefined ? [] : [step.under.scope]));
}

function sameUnder(one: Under | undefined, other: Under | undefined): boolean {
  return one?.scope === other?.scope && one?.branch === other?.branch;
}

/** Columns and their children with numbers, parents first: the order in which `bindColumns` takes them. */
export function numberSlots(columns: readonly ColumnSpec[]): {
  readonly top: readonly NumberedSlot[];
  readonly all: readonly NumberedSlot[];
} {
  const all: NumberedSlot[] = [];
  function number(spec: ColumnSpec): NumberedSlot {
    const children: NumberedSlot[] = [];
    const slot = { id: all.length, spec, children };
    all.push(slot);
    for (const child of childSpecs(spec.type)) children.push(number(child));
    return slot;
  }
  return { top: columns.map(number), all };
}
