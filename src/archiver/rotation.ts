/** When an open file is closed: a pure decision. */

export interface RotationLimits {
  readonly rows: number;
  readonly bytes: number;
  readonly ageMs: number;
}

export interface RotationState {
  readonly rows: number;
  readonly bytes: number;
  /** Since the file's first record; undefined while it has none. */
  readonly ageMs: number | undefined;
}

/** @returns which limit the file has reached, or undefined. */
export function limitReached(
  state: RotationState,
  limits: RotationLimits,
): "rows" | "bytes" | "age" | undefined {
  if (state.ageMs === undefined) return undefined;
  if (state.rows >= limits.rows) return "rows";
  if (state.bytes >= limits.bytes) return "bytes";
  if (state.ageMs >= limits.ageMs) return "age";
  return undefined;
}
