/**
 * The column schema of a file: flat, typed, dotted names. A value of its own, made by `avro/` from writer schemas
 * and understood by everything after it. Types mirror Arrow's; see README, "Columns".
 */

export type ColumnType =
  | { readonly kind: "int32" | "int64" | "float32" | "float64" | "utf8" | "binary" }
  /** `absent` where all is null so far, because no writer has another type there: any type may take its place. */
  | { readonly kind: "bool"; readonly absent?: boolean }
  | { readonly kind: "date32" | "time32ms" | "time64us" }
  | { readonly kind: "fixed"; readonly byteWidth: number; readonly uuid?: boolean }
  | { readonly kind: "timestamp"; readonly unit: "ms" | "us" | "ns"; readonly utc: boolean }
  /** `byteWidth` 16 up to 38 digits, 32 above. */
  | {
    readonly kind: "decimal";
    readonly precision: number;
    readonly scale: number;
    readonly byteWidth: 16 | 32;
  }
  /** Dictionary-encoded utf8; a value is an index into `symbols`. */
  | { readonly kind: "enum"; readonly symbols: readonly string[] }
  | { readonly kind: "list"; readonly item: ColumnSpec }
  | { readonly kind: "map"; readonly value: ColumnSpec }
  | { readonly kind: "struct"; readonly fields: readonly ColumnSpec[] };

/** One column, or one child of a nested column. */
export interface ColumnSpec {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** Other names under which writers know it. */
  readonly aliases?: readonly string[];
}

/** The columns of a file, in order. Names are unique. */
export interface FileSchema {
  readonly columns: readonly ColumnSpec[];
}
