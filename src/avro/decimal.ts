/** Decimals: two's complement, big-endian and of any length in Avro, little-endian words in columns. */

/** The unscaled values that a column of some precision holds, as words, lowest first. */
export interface DecimalLimits {
  readonly words: number;
  readonly max: Int32Array;
  readonly min: Int32Array;
  /** A value of so many bytes cannot be too large. */
  readonly safeBytes: number;
}

export function decimalLimits(
  { precision, byteWidth }: { precision: number; byteWidth: number },
): DecimalLimits {
  const words = byteWidth / 4;
  const max = 10n ** BigInt(precision) - 1n;
  const safeBytes = Math.floor((max.toString(2).length - 1) / 8);
  return { words, max: wordsOf(max, words), min: wordsOf(-max, words), safeBytes };
}

function wordsOf(value: bigint, words: number): Int32Array {
  return Int32Array.from(
    { length: words },
    (_, word) => Number(BigInt.asIntN(32, value >> BigInt(32 * word))),
  );
}

/**
 * Writes bytes `[from, to)` as row `row`; no bytes at all are zero. False where the value has more digits than the
 * column. Positional, as the hot path must not make an object a value.
 */
export function readDecimal(
  bytes: Uint8Array,
  from: number,
  to: number,
  values: Int32Array,
  row: number,
  limits: DecimalLimits,
): boolean {
  const { words } = limits;
  const sign = from < to && bytes[from]! > 127 ? -1 : 0;
  const first = row * words;
  let at = to;
  for (let word = 0; word < words; word++) {
    if (at - 4 >= from) {
      values[first + word] = bytes[at - 4]! << 24 | bytes[at - 3]! << 16 | bytes[at - 2]! << 8 |
        bytes[at - 1]!;
      at -= 4;
      continue;
    }
    let bits = sign;
    for (let index = from; index < at; index++) bits = bits << 8 | bytes[index]!;
    values[first + word] = bits;
    at = from;
  }
  if (to - from <= limits.safeBytes) return true;
  while (at > from) {
    if (bytes[--at] !== (sign & 0xff)) return false;
  }
  const isNegative = values[first + words - 1]! < 0;
  if (isNegative !== (sign < 0)) return false;
  return compareWords(values, first, limits.max) <= 0 && compareWords(values, first, limits.min) >= 0;
}

function compareWords(values: Int32Array, first: number, other: Int32Array): number {
  const top = other.length - 1;
  if (values[first + top] !== other[top]) return values[first + top]! < other[top]! ? -1 : 1;
  for (let word = top - 1; word >= 0; word--) {
    const left = values[first + word]! >>> 0;
    const right = other[word]! >>> 0;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
