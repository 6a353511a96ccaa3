/** Which column every place of a writer schema becomes, for people. */
import type { ColumnSpec } from "../columns/mod.ts";
import type { ColumnOptions } from "./file_schema.ts";
import { columnsOf, flattenRows, ScopeCounter } from "./flatten.ts";
import type { LogicalType } from "./logical.ts";
import { type Plan, planOf } from "./plan.ts";
import type { AvroType } from "./schema.ts";

/** One column and where it comes from. */
export interface ColumnSource {
  /** From the top of the schema, like `customer.address.city`; a branch of a wide union is one of the steps. */
  readonly path: string;
  /** Its Avro type without the null of a union around it, like `long timestamp-millis` or `array<record>`. */
  readonly avro: string;
  readonly column: ColumnSpec;
}

const TIMESTAMP_UNITS = { ms: "millis", us: "micros", ns: "nanos" } as const;

/** The columns of {@link fileSchemaOf}, in the same order. Throws UserError where two would be the same column. */
export function describeColumns(writer: AvroType, options: ColumnOptions): ColumnSource[] {
  const steps = flattenRows(planOf(writer), { ...options, scopes: new ScopeCounter() });
  // Only for its check of names.
  columnsOf(steps, options.separator);
  return steps.flatMap((step) => {
    if (step.kind !== "value") return [];
    return step.targets.map((column) => ({ path: step.path, avro: textOf(step.plan), column }));
  });
}

function textOf(plan: Plan): string {
  switch (plan.kind) {
    case "leaf":
      return leafText(plan.avro);
    case "json":
      return `${leafText(plan.avro)}, recursive`;
    case "present":
      return "record without fields";
    case "absent":
      return "null";
    case "duration":
      return "fixed(12) duration";
    case "list":
      return `array<${textOf(plan.item)}>`;
    case "map":
      return `map<${textOf(plan.value)}>`;
    case "record":
      return "record";
    case "union":
      return `union<${plan.branches.map((branch) => branch ? textOf(branch.plan) : "null").join(", ")}>`;
  }
}

function leafText(avro: AvroType): string {
  switch (avro.kind) {
    case "record":
    case "enum":
      return `${avro.kind} ${avro.name}`;
    case "fixed":
      return `fixed(${avro.size})${logicalText(avro.logical)}`;
    default:
      return "logical" in avro ? avro.kind + logicalText(avro.logical) : avro.kind;
  }
}

function logicalText(logical: LogicalType | undefined): string {
  if (logical === undefined) return "";
  switch (logical.name) {
    case "timestamp":
      return ` ${logical.utc ? "" : "local-"}timestamp-${TIMESTAMP_UNITS[logical.unit]}`;
    case "decimal":
      return ` decimal(${logical.precision}, ${logical.scale})`;
    default:
      return ` ${logical.name}`;
  }
}
