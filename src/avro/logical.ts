/** Avro's logical types: what counts as valid, and what does not and is therefore ignored. */

/** Digits that decimal256 can hold. */
export const DECIMAL_DIGITS_MAX = 76;

export type LogicalType =
  | { readonly name: "date" | "time-millis" | "time-micros" | "uuid" | "duration" }
  | { readonly name: "timestamp"; readonly unit: "ms" | "us" | "ns"; readonly utc: boolean }
  | { readonly name: "decimal"; readonly precision: number; readonly scale: number };

interface Underlying {
  readonly kind: string;
  /** Bytes of a fixed. */
  readonly size?: number;
}

const TIMESTAMPS = new Map<unknown, LogicalType>(
  ([["millis", "ms"], ["micros", "us"], ["nanos", "ns"]] as const).flatMap(([name, unit]) => [
    [`timestamp-${name}`, { name: "timestamp", unit, utc: true }],
    [`local-timestamp-${name}`, { name: "timestamp", unit, utc: false }],
  ]),
);

/** The logical type of a schema node, or `undefined` where it has none, an unknown or an invalid one. */
export function logicalTypeOf(
  node: Readonly<Record<string, unknown>>,
  under: Underlying,
): LogicalType | undefined {
  const name = node.logicalType;
  const { kind, size } = under;
  switch (name) {
    case "date":
    case "time-millis":
      return kind === "int" ? { name } : undefined;
    case "time-micros":
      return kind === "long" ? { name } : undefined;
    case "uuid":
      return kind === "string" || size === 16 ? { name } : undefined;
    case "duration":
      return size === 12 ? { name } : undefined;
    case "decimal":
      return decimalOf(node, under);
    default:
      return kind === "long" ? TIMESTAMPS.get(name) : undefined;
  }
}

function decimalOf(
  { precision, scale = 0 }: Readonly<Record<string, unknown>>,
  { kind, size }: Underlying,
): LogicalType | undefined {
  if (kind !== "bytes" && kind !== "fixed") return undefined;
  if (!isDigits(precision) || precision === 0 || precision > DECIMAL_DIGITS_MAX) return undefined;
  if (!isDigits(scale) || scale > precision) return undefined;
  if (size !== undefined && precision > digitsOf(size)) return undefined;
  return { name: "decimal", precision, scale };
}

function isDigits(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

/** Decimal digits that every number of them fits two's complement of `size` bytes. */
function digitsOf(size: number): number {
  return Math.floor(Math.log10(2) * (8 * size - 1));
}
