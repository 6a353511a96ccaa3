/**
 * From an Avro type to columns: the plan says, for each place in the writer's schema, which columns it fills.
 *
 * Where the type table of the README is silent:
 * - A top level that is no record is the only field, `value`, of a record without a name.
 * - A record that has no fields is one boolean, true where the record is present.
 * - A `null` that stands alone is a boolean that is always null. In a union, null is the absence of the rest.
 * - A union of one branch, null aside, takes the name of its place; no branch name is added.
 * - `decimal` of more than 76 digits is invalid, as is one that its fixed cannot hold: the bytes are kept as they are.
 * - `fixed` of no bytes is an empty binary: Parquet has no such fixed type.
 * - Above 38 digits the precision of a decimal is raised to 57 or 76, which fill 24 and 32 bytes: DuckDB up to 1.5
 *   reads other widths above 16 bytes as wrong numbers. The scale, and so every value, is unchanged.
 */
import { UserError } from "../errors.ts";
import type { ColumnSpec, ColumnType } from "../columns/mod.ts";
import { NAMES_MAX } from "./merge.ts";
import { type AvroType, branchName, type RecordType, SCHEMA_DEPTH_MAX, type UnionType } from "./schema.ts";

/** Columns, and children of nested columns, of one schema. */
export const COLUMNS_MAX = 20_000;

const LEAVE_OUT = "Leave the topic out: such a schema makes no useful table.";

/** Digits that fit decimal128. */
const DECIMAL128_DIGITS = 38;

/** What one place in the writer's schema becomes. */
export type Plan =
  | { readonly kind: "leaf"; readonly avro: AvroType; readonly type: ColumnType }
  /** JSON text of a type that holds itself. */
  | { readonly kind: "json"; readonly avro: AvroType; readonly type: ColumnType }
  /** A record without fields. */
  | { readonly kind: "present"; readonly type: ColumnType }
  | { readonly kind: "absent"; readonly type: ColumnType }
  /** In a row, only these of its three parts; all of them where nothing is said. */
  | { readonly kind: "duration"; readonly parts?: readonly number[] }
  | { readonly kind: "list"; readonly item: Plan }
  | { readonly kind: "map"; readonly value: Plan }
  | { readonly kind: "record"; readonly fields: readonly PlanField[] }
  /** In the order of the writer's branches; `undefined` for null. */
  | { readonly kind: "union"; readonly branches: readonly (PlanField | undefined)[] };

/** Always null: of no type, until another schema has one for the place. */
export const ABSENT: Plan & { kind: "absent" } = { kind: "absent", type: { kind: "bool", absent: true } };

export interface PlanField {
  readonly name: string;
  /** Names that it has in older schemas, and nothing beside it has in this one. */
  readonly aliases?: readonly string[] | undefined;
  readonly plan: Plan;
}

/** The plan of a writer schema: always a record, whose fields are the columns or flatten into them. */
export function planOf(writer: AvroType): readonly PlanField[] {
  const planner = new Planner();
  const plan = planner.plan(writer);
  return plan.kind === "record" ? plan.fields : [{ name: "value", plan }];
}

class Planner {
  readonly #open = new Set<RecordType>();
  #columns = 0;

  plan(avro: AvroType, depth = 0): Plan {
    if (depth > SCHEMA_DEPTH_MAX) {
      throw new UserError(`The schema nests deeper than ${SCHEMA_DEPTH_MAX} levels`, { hint: LEAVE_OUT });
    }
    switch (avro.kind) {
      case "record":
        return this.#planRecord(avro, depth);
      case "union":
        return { kind: "union", branches: this.#planBranches(avro, depth) };
      case "array":
        this.#count(1);
        return { kind: "list", item: this.plan(avro.items, depth + 1) };
      case "map":
        this.#count(2);
        return { kind: "map", value: this.plan(avro.values, depth + 1) };
      case "null":
        return this.#leaf(ABSENT);
      case "fixed":
        if (avro.logical?.name === "duration") return this.#leaf({ kind: "duration" });
    }
    return this.#leaf({ kind: "leaf", avro, type: leafType(avro) });
  }

  #planRecord(avro: RecordType, depth: number): Plan {
    if (this.#open.has(avro)) return this.#leaf({ kind: "json", avro, type: { kind: "utf8" } });
    if (avro.fields.length === 0) return this.#leaf({ kind: "present", type: { kind: "bool" } });
    this.#open.add(avro);
    const names = new Set(avro.fields.map(({ name }) => name));
    const fields = avro.fields.map(({ name, type, aliases }) => ({
      name,
      aliases: aliases?.filter((alias) => !names.has(alias)).slice(0, NAMES_MAX - 1),
      plan: this.plan(type, depth + 1),
    }));
    this.#open.delete(avro);
    return { kind: "record", fields };
  }

  #planBranches(union: UnionType, depth: number): (PlanField | undefined)[] {
    const names = new Set(union.branches.map(branchName));
    return union.branches.map((branch) => {
      if (branch.kind === "null") return undefined;
      const aliases = "aliases" in branch ? branch.aliases.filter((alias) => !names.has(alias)) : [];
      return {
        name: branchName(branch),
        aliases: aliases.slice(0, NAMES_MAX - 1),
        plan: this.plan(branch, depth + 1),
      };
    });
  }

  #leaf(plan: Plan): Plan {
    this.#count(plan.kind === "duration" ? 3 : 1);
    return plan;
  }

  #count(columns: number): void {
    this.#columns += columns;
    if (this.#columns <= COLUMNS_MAX) return;
    throw new UserError(`The schema has more than ${COLUMNS_MAX} columns once its records are flattened`, {
      hint: LEAVE_OUT,
    });
  }
}

/** The children of a duration: unsigned 32-bit numbers, so the columns are int64. */
export const DURATION_PARTS: readonly ColumnSpec[] = ["months", "days", "millis"].map((name) => ({
  name,
  type: { kind: "int64" },
  nullable: false,
}));

/** The fewest bytes that a value takes: bounds how many items can follow. */
export function leastBytes(plan: Plan): number {
  switch (plan.kind) {
    case "record":
      return plan.fields.reduce((sum, field) => sum + leastBytes(field.plan), 0);
    case "union":
      return 1 +
        Math.min(...plan.branches.map((branch) => branch === undefined ? 0 : leastBytes(branch.plan)));
    case "present":
    case "absent":
      return 0;
    case "duration":
      return 12;
    case "leaf":
      if (plan.avro.kind === "fixed") return plan.avro.size;
      if (plan.avro.kind === "float") return 4;
      return plan.avro.kind === "double" ? 8 : 1;
    default:
      return 1;
  }
}

/** One non-null branch, if any, and no more. */
export function isSimpleUnion(branches: readonly (PlanField | undefined)[]): boolean {
  return branches.filter((branch) => branch !== undefined).length <= 1;
}

/** The column of a place that keeps its structure: an item, a map's value, and everything below. */
export function nestedSpec(plan: Plan, { name, nullable }: { name: string; nullable: boolean }): ColumnSpec {
  switch (plan.kind) {
    case "leaf":
    case "json":
    case "present":
      return { name, type: plan.type, nullable };
    case "absent":
      return { name, type: plan.type, nullable: true };
    case "duration":
      return { name, type: { kind: "struct", fields: DURATION_PARTS }, nullable };
    case "list":
      return { name, type: listType(plan.item), nullable };
    case "map":
      return { name, type: mapType(plan.value), nullable };
    case "record":
      return {
        name,
        type: { kind: "struct", fields: fieldSpecs(plan.fields, false) },
        nullable,
      };
    case "union":
      return unionSpec(plan.branches, { name, nullable });
  }
}

export function listType(item: Plan): ColumnType {
  return { kind: "list", item: nestedSpec(item, { name: "element", nullable: false }) };
}

export function mapType(value: Plan): ColumnType {
  return { kind: "map", value: nestedSpec(value, { name: "value", nullable: false }) };
}

/** Fields of a record, or the branches of a wide union, as fields of a struct. */
export function fieldSpecs(fields: readonly PlanField[], nullable: boolean): ColumnSpec[] {
  return fields.map(({ name, aliases = [], plan }) => ({
    ...nestedSpec(plan, { name, nullable }),
    ...(aliases.length > 0 ? { aliases } : {}),
  }));
}

function unionSpec(
  branches: readonly (PlanField | undefined)[],
  { name, nullable }: { name: string; nullable: boolean },
): ColumnSpec {
  const present = branches.filter((branch) => branch !== undefined);
  const orNull = nullable || present.length < branches.length;
  const [only] = present;
  if (only === undefined) return { name, type: ABSENT.type, nullable: true };
  if (present.length === 1) return nestedSpec(only.plan, { name, nullable: orNull });
  return {
    name,
    type: { kind: "struct", fields: fieldSpecs(present, true) },
    nullable: orNull,
  };
}

function leafType(avro: AvroType): ColumnType {
  switch (avro.kind) {
    case "boolean":
      return { kind: "bool" };
    case "float":
      return { kind: "float32" };
    case "double":
      return { kind: "float64" };
    case "enum":
      return { kind: "enum", symbols: avro.symbols };
    case "string":
      return { kind: "utf8" };
    case "int":
      return intType(avro.logical?.name);
    case "long":
      if (avro.logical?.name === "time-micros") return { kind: "time64us" };
      if (avro.logical?.name !== "timestamp") return { kind: "int64" };
      return { kind: "timestamp", unit: avro.logical.unit, utc: avro.logical.utc };
    case "bytes":
      return avro.logical?.name === "decimal" ? decimalType(avro.logical) : { kind: "binary" };
    case "fixed":
      if (avro.logical?.name === "decimal") return decimalType(avro.logical);
      if (avro.size === 0) return { kind: "binary" };
      return {
        kind: "fixed",
        byteWidth: avro.size,
        ...(avro.logical?.name === "uuid" ? { uuid: true } : {}),
      };
    default:
      throw new TypeError(`Cannot make one column of ${avro.kind}`);
  }
}

function intType(logical: string | undefined): ColumnType {
  if (logical === "date") return { kind: "date32" };
  return { kind: logical === "time-millis" ? "time32ms" : "int32" };
}

function decimalType({ precision, scale }: { precision: number; scale: number }): ColumnType {
  if (precision <= DECIMAL128_DIGITS) return { kind: "decimal", precision, scale, byteWidth: 16 };
  return { kind: "decimal", precision: precision <= 57 ? 57 : 76, scale, byteWidth: 32 };
}
