/**
 * A plan as steps in the order of the bytes, without nesting: each step says under which branch of which union it
 * happens. So code for them can be cut between any two steps, and the columns of a branch not taken are filled by the
 * same step as those of one taken.
 */
import { UserError } from "../errors.ts";
import type { ColumnSpec } from "../columns/mod.ts";
import {
  DURATION_PARTS,
  isSimpleUnion,
  listType,
  mapType,
  nestedSpec,
  type Plan,
  type PlanField,
} from "./plan.ts";

/** Any branch but null. */
export const ANY_BRANCH = -2;

/** The branch of a union, by the number of the step that read it. */
export interface Under {
  readonly scope: number;
  /** An index in the writer's union, or {@link ANY_BRANCH}. */
  readonly branch: number;
}

/** A union that only decides between null and the value of its step. */
export interface Select {
  readonly branches: number;
  /** -1 where there is only null. */
  readonly value: number;
}

/** Reads the branch of a union, for the steps under it. */
export interface ScopeStep {
  readonly kind: "scope";
  readonly scope: number;
  readonly under: Under | undefined;
  readonly branches: number;
  /** -1 where there is none. */
  readonly nullBranch: number;
  readonly path: string;
}

/** Reads one value into one column, or a duration into three. */
export interface ValueStep<Target> {
  readonly kind: "value";
  readonly under: Under | undefined;
  readonly select: Select | undefined;
  readonly plan: Exclude<Plan, { kind: "record" | "union" }>;
  readonly targets: readonly Target[];
  /** Where it stands in the writer's schema, for messages. */
  readonly path: string;
}

/** A struct inside a list or map, that is there or null; reads nothing. */
export interface StructStep<Target> {
  readonly kind: "struct";
  readonly under: Under | undefined;
  readonly targets: readonly Target[];
  readonly path: string;
}

export type Step<Target> = ScopeStep | ValueStep<Target> | StructStep<Target>;

/** A place in the writer's schema on the way down. */
interface Place {
  readonly path: string;
  readonly under?: Under;
  readonly nullable: boolean;
}

/** Numbers the scopes of one decoder. */
export class ScopeCounter {
  count = 0;
}

/** Steps of rows: records flatten to names joined by the separator, wide unions to a column a branch. */
export function flattenRows(
  fields: readonly PlanField[],
  { separator, nullable = false, scopes }: { separator: string; nullable?: boolean; scopes: ScopeCounter },
): Step<ColumnSpec>[] {
  const steps: Step<ColumnSpec>[] = [];

  function visit({ name, plan }: PlanField, place: Place, select?: Select): void {
    if (plan.kind === "union") return visitUnion(name, plan.branches, place);
    if (plan.kind === "record") {
      for (const field of plan.fields) {
        visit({ name: name + separator + field.name, plan: field.plan }, below(place, field.name));
      }
      return;
    }
    const targets = plan.kind === "duration"
      ? DURATION_PARTS.map((part) => ({
        ...part,
        name: name + separator + part.name,
        nullable: place.nullable,
      }))
      : [rowSpec(plan, { name, nullable: place.nullable })];
    steps.push({ kind: "value", under: place.under, select, plan, targets, path: place.path });
  }

  function visitUnion(name: string, branches: readonly (PlanField | undefined)[], place: Place): void {
    const inside = simpleBranch(branches, place);
    if (inside !== undefined && inside.plan.kind !== "record") {
      return visit({ name, plan: inside.plan }, inside.place, inside.select);
    }
    const step = scopeStep(branches, { place, scopes });
    const { scope } = step;
    steps.push(step);
    for (const [branch, field] of branches.entries()) {
      if (field === undefined) continue;
      const at = { ...branchPlace(branches, { field, place }), under: { scope, branch } };
      visit({ name: inside === undefined ? name + separator + field.name : name, plan: field.plan }, at);
    }
  }

  for (const field of fields) visit(field, below({ path: "", nullable }, field.name));
  return steps;
}

/** A column and those below it, for {@link flattenItems}. */
export interface Slot {
  readonly spec: ColumnSpec;
  readonly children: readonly Slot[];
}

/** Steps of the items of a list or the values of a map, which keep their structure. */
export function flattenItems<S extends Slot & { readonly children: readonly S[] }>(
  item: Plan,
  { slot, path, scopes }: { slot: S; path: string; scopes: ScopeCounter },
): Step<S>[] {
  const steps: Step<S>[] = [];

  function visit(
    plan: Plan,
    slot: S,
    { place, select }: { place: Place; select?: Select | undefined },
  ): void {
    if (plan.kind === "union") return visitUnion(plan.branches, slot, place);
    if (plan.kind === "record") {
      steps.push({ kind: "struct", under: place.under, targets: [slot], path: place.path });
      for (const [index, field] of plan.fields.entries()) {
        visit(field.plan, childAt(slot, index), { place: below(place, field.name) });
      }
      return;
    }
    const targets = plan.kind === "duration" ? [...slot.children, slot] : [slot];
    steps.push({ kind: "value", under: place.under, select, plan, targets, path: place.path });
  }

  function visitUnion(branches: readonly (PlanField | undefined)[], slot: S, place: Place): void {
    const inside = simpleBranch(branches, place);
    if (inside !== undefined && inside.plan.kind !== "record") {
      return visit(inside.plan, slot, { place: inside.place, select: inside.select });
    }
    const step = scopeStep(branches, { place, scopes });
    const { scope } = step;
    steps.push(step);
    if (inside === undefined) {
      steps.push({ kind: "struct", under: { scope, branch: ANY_BRANCH }, targets: [slot], path: place.path });
    }
    let child = 0;
    for (const [branch, field] of branches.entries()) {
      if (field === undefined) continue;
      const at = { ...branchPlace(branches, { field, place }), under: { scope, branch } };
      visit(field.plan, inside === undefined ? childAt(slot, child++) : slot, { place: at });
    }
  }

  visit(item, slot, { place: { path, nullable: false } });
  return steps;
}

/** The one branch of a union that is no more than a nullable value; `undefined` for a wider one. */
function simpleBranch(branches: readonly (PlanField | undefined)[], place: Place) {
  if (!isSimpleUnion(branches)) return undefined;
  const value = branches.findIndex((branch) => branch !== undefined);
  const plan: Plan = branches[value]?.plan ?? { kind: "absent", type: { kind: "bool" } };
  const nullable = place.nullable || branches.length > 1 || value < 0;
  return { plan, place: { ...place, nullable }, select: { branches: branches.length, value } };
}

function scopeStep(
  branches: readonly (PlanField | undefined)[],
  { place, scopes }: { place: Place; scopes: ScopeCounter },
): ScopeStep {
  const nullBranch = branches.indexOf(undefined);
  const scope = scopes.count++;
  return {
    kind: "scope",
    scope,
    under: place.under,
    branches: branches.length,
    nullBranch,
    path: place.path,
  };
}

/** In a wide union every branch may be missing; a single record is missing where there is a null beside it. */
function branchPlace(
  branches: readonly (PlanField | undefined)[],
  { field, place }: { field: PlanField; place: Place },
): Place {
  const nullable = place.nullable || branches.length > 1;
  return isSimpleUnion(branches) ? { ...place, nullable } : { ...below(place, field.name), nullable };
}

function below(place: Place, name: string): Place {
  return { ...place, path: place.path === "" ? quoted(name).replace(/^\./, "") : place.path + quoted(name) };
}

/** A step of a path, so that a name with a dot in it cannot be taken for two. */
function quoted(name: string): string {
  return /^\w+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

function childAt<S extends Slot & { readonly children: readonly S[] }>(slot: S, index: number): S {
  const child = slot.children[index];
  if (child === undefined) throw new RangeError(`Column "${slot.spec.name}" has no child ${index}`);
  return child;
}

function rowSpec(plan: Plan, { name, nullable }: { name: string; nullable: boolean }): ColumnSpec {
  if (plan.kind === "list") return { name, type: listType(plan.item), nullable };
  if (plan.kind === "map") return { name, type: mapType(plan.value), nullable };
  return nestedSpec(plan, { name, nullable });
}

/** Rare in the names of fields. */
const SEPARATORS = ["__", "/", "::"] as const;

/**
 * The columns of the steps, whose names were joined by `separator`. Throws UserError naming both paths where two have
 * the same name.
 */
export function columnsOf(steps: readonly Step<ColumnSpec>[], separator: string): ColumnSpec[] {
  const paths = new Map<string, string>();
  const columns: ColumnSpec[] = [];
  const others = SEPARATORS.filter((other) => other !== separator);
  for (const step of steps) {
    if (step.kind === "scope") continue;
    for (const column of step.targets) {
      const other = paths.get(column.name);
      if (other !== undefined) {
        throw new UserError(
          `Two fields would both be the column "${column.name}": ${other} and ${step.path}`,
          { hint: `Choose another --separator, for instance ${others.slice(0, 2).join(" or ")}` },
        );
      }
      paths.set(column.name, step.path);
      columns.push(column);
    }
  }
  return columns;
}
