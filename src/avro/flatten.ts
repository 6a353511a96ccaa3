/**
 * A plan as steps in the order of the bytes, without nesting: each step says under which branch of which union it
 * happens. So code for them can be cut between any two steps, and the columns of a branch not taken are filled by the
 * same step as those of one taken.
 */
import { UserError } from "../errors.ts";
import { childSpecs, type ColumnSpec } from "../columns/mod.ts";
import type { ColumnOptions } from "./file_schema.ts";
import { matchColumns, NAMES_MAX } from "./merge.ts";
import {
  ABSENT,
  DURATION_PARTS,
  fieldSpecs,
  isSimpleUnion,
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

/** Reads one value into one column, or a duration into up to three; without a column, steps over it. */
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

/** Fields of such a struct that only other writers have; reads nothing. */
export interface MissingStep<Target> {
  readonly kind: "missing";
  readonly under: Under | undefined;
  readonly targets: readonly Target[];
}

/** What rows are made of. */
export type RowStep<Target> = ScopeStep | ValueStep<Target>;

export type Step<Target> = RowStep<Target> | StructStep<Target> | MissingStep<Target>;

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
  { separator, selection, nullable = false, scopes }: ColumnOptions & { scopes: ScopeCounter },
): RowStep<ColumnSpec>[] {
  const steps: RowStep<ColumnSpec>[] = [];

  function visit(names: Names, plan: Plan, { place, select }: { place: Place; select?: Select }): void {
    if (plan.kind === "union") return visitUnion(names, plan.branches, place);
    if (plan.kind === "record") {
      for (const field of plan.fields) {
        visit(joinNames(names, field, separator), field.plan, { place: below(place, field.name) });
      }
      return;
    }
    const { nullable, under, path } = place;
    const isTaken = ({ name, aliases = [] }: ColumnSpec) => selection?.takes([name, ...aliases]) ?? true;
    if (plan.kind === "duration") {
      const columns = DURATION_PARTS.map((part) => ({
        ...part,
        ...named(joinNames(names, part, separator)),
        nullable,
      }));
      const targets = columns.filter(isTaken);
      const parts = targets.map((column) => columns.indexOf(column));
      steps.push({ kind: "value", under, select, plan: { ...plan, parts }, targets, path });
    } else {
      const column = { ...nestedSpec(plan, { name: names[0], nullable }), ...named(names) };
      steps.push({ kind: "value", under, select, plan, targets: [column].filter(isTaken), path });
    }
  }

  function visitUnion(names: Names, branches: readonly (PlanField | undefined)[], place: Place): void {
    const inside = simpleBranch(branches, place);
    if (inside !== undefined && inside.plan.kind !== "record") {
      return visit(names, inside.plan, { place: inside.place, select: inside.select });
    }
    const step = scopeStep(branches, { place, scopes });
    const { scope } = step;
    steps.push(step);
    for (const [branch, field] of branches.entries()) {
      if (field === undefined) continue;
      const at = { ...branchPlace(branches, { field, place }), under: { scope, branch } };
      visit(inside === undefined ? joinNames(names, field, separator) : names, field.plan, { place: at });
    }
  }

  for (const field of fields) {
    const place = below({ path: "", nullable }, field.name);
    visit([field.name, ...field.aliases ?? []], field.plan, { place });
  }
  return steps;
}

/** The name of a column, and those that it has with older schemas. */
type Names = readonly [string, ...string[]];

/** Every name of the outer with every name of the inner: either may be the newer. */
function joinNames(
  outer: Names,
  { name, aliases = [] }: Pick<PlanField, "name" | "aliases">,
  separator: string,
): Names {
  const inner = [name, ...aliases];
  const [first, ...others] = outer.flatMap((prefix) => inner.map((end) => prefix + separator + end));
  return [first!, ...others.slice(0, NAMES_MAX - 1)];
}

function named([name, ...aliases]: Names): Pick<ColumnSpec, "name" | "aliases"> {
  return aliases.length > 0 ? { name, aliases } : { name };
}

/** A column and those below it, for {@link flattenItems}. */
export interface Slot<S> {
  readonly spec: ColumnSpec;
  readonly children: readonly S[];
}

/** Steps of the items of a list or the values of a map, which keep their structure. */
export function flattenItems<S extends Slot<S>>(
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
      const children = childrenFor(fieldSpecs(plan.fields, false), slot, place.under);
      for (const [index, field] of plan.fields.entries()) {
        visit(field.plan, children[index]!, { place: below(place, field.name) });
      }
      return;
    }
    const targets = plan.kind === "duration"
      ? [...childrenFor(DURATION_PARTS, slot, place.under), slot]
      : plan.kind === "absent"
      ? withFields(slot)
      : [slot];
    steps.push({ kind: "value", under: place.under, select, plan, targets, path: place.path });
  }

  /** The children that hold these columns; those that hold none of them are to be null. */
  function childrenFor(wanted: readonly ColumnSpec[], { spec, children }: S, under: Under | undefined): S[] {
    const held = childSpecs(spec.type);
    const places = matchColumns(held, wanted);
    const missing = children.filter((_, index) => !places.includes(index)).flatMap(withFields);
    if (missing.length > 0) steps.push({ kind: "missing", under, targets: missing });
    return places.map((place, index) => {
      const child = place === undefined ? undefined : children[place];
      if (child === undefined) throw new RangeError(`"${spec.name}" has no field "${wanted[index]!.name}"`);
      return child;
    });
  }

  function visitUnion(branches: readonly (PlanField | undefined)[], slot: S, place: Place): void {
    const inside = simpleBranch(branches, place);
    if (inside !== undefined && inside.plan.kind !== "record") {
      return visit(inside.plan, slot, { place: inside.place, select: inside.select });
    }
    const step = scopeStep(branches, { place, scopes });
    const { scope } = step;
    steps.push(step);
    const children: S[] = [];
    if (inside === undefined) {
      const under = { scope, branch: ANY_BRANCH };
      steps.push({ kind: "struct", under, targets: [slot], path: place.path });
      const present = branches.filter((branch) => branch !== undefined);
      children.push(...childrenFor(fieldSpecs(present, true), slot, under));
    }
    let child = 0;
    for (const [branch, field] of branches.entries()) {
      if (field === undefined) continue;
      const at = { ...branchPlace(branches, { field, place }), under: { scope, branch } };
      visit(field.plan, children[child++] ?? slot, { place: at });
    }
  }

  visit(item, slot, { place: { path, nullable: false } });
  return steps;
}

/** The one branch of a union that is no more than a nullable value; `undefined` for a wider one. */
function simpleBranch(branches: readonly (PlanField | undefined)[], place: Place) {
  if (!isSimpleUnion(branches)) return undefined;
  const value = branches.findIndex((branch) => branch !== undefined);
  const plan: Plan = branches[value]?.plan ?? ABSENT;
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

/** A child and, where it is a struct, all below it, up to the next list or map. */
function withFields<S extends Slot<S>>(slot: S): S[] {
  return slot.spec.type.kind === "struct" ? [...slot.children.flatMap(withFields), slot] : [slot];
}

/** Rare in the names of fields. */
const SEPARATORS = ["__", "/", "::"] as const;

/**
 * The columns of the steps, whose names were joined by `separator`. Throws UserError naming both paths where two have
 * the same name.
 */
export function columnsOf(steps: readonly RowStep<ColumnSpec>[], separator: string): ColumnSpec[] {
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
          {
            hint: `Choose another --separator, for instance ${
              others.slice(0, 2).join(" or ")
            }, or leave one out with --exclude`,
          },
        );
      }
      paths.set(column.name, step.path);
      columns.push(column);
    }
  }
  // No schema is without columns.
  if (columns.length === 0) {
    throw new UserError("--include and --exclude leave no column of the schema", {
      hint: "kafka2parquet schema shows which columns there are.",
    });
  }
  return columns;
}
