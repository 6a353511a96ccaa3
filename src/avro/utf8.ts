/**
 * True where bytes `[from, to)` are UTF-8, checked without decoding: overlong forms, surrogates and what lies above
 * U+10FFFF are invalid.
 */
export function isUtf8(bytes: Uint8Array, from: number, to: number): boolean {
  let at = from;
  while (at < to) {
    const lead = bytes[at]!;
    if (lead < 0x80) {
      at++;
    } else if (lead < 0xe0) {
      if (lead < 0xc2 || at + 2 > to || !isTail(bytes[at + 1]!)) return false;
      at += 2;
    } else if (lead < 0xf0) {
      if (at + 3 > to || !isTail(bytes[at + 1]!) || !isTail(bytes[at + 2]!)) return false;
      if ((lead === 0xe0 && bytes[at + 1]! < 0xa0) || (lead === 0xed && bytes[at + 1]! > 0x9f)) return false;
      at += 3;
    } else {
      if (lead > 0xf4 || at + 4 > to || !isTail(bytes[at + 1]!)) return false;
      if (!isTail(bytes[at + 2]!) || !isTail(bytes[at + 3]!)) return false;
      if ((lead === 0xf0 && bytes[at + 1]! < 0x90) || (lead === 0xf4 && bytes[at + 1]! > 0x8f)) return false;
      at += 4;
    }
  }
  return true;
}

function isTail(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
