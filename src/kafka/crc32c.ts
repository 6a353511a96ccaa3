/** CRC-32C (Castagnoli), the checksum of record batches. The runtime has only the other CRC-32. */

const POLYNOMIAL = 0x82f63b78;
const SLICES = 16;

/** `TABLES[k][b]`: the effect of byte `b`, `k` zero bytes later. */
const TABLES = makeTables();

function makeTables(): Int32Array[] {
  const tables = Array.from({ length: SLICES }, () => new Int32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[0]![byte] = crc;
  }
  for (let slice = 1; slice < SLICES; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = tables[slice - 1]![byte]!;
      tables[slice]![byte] = (before >>> 8) ^ tables[0]![before & 255]!;
    }
  }
  return tables;
}

/** The checksum of `view`'s bytes `[from, to)`, unsigned. Sixteen bytes at a time: 950 MB/s (`bench/fetch.ts`). */
export function crc32c(view: DataView, from: number, to: number): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15] = TABLES as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  let crc = -1;
  let at = from;
  for (const end = to - SLICES; at <= end; at += SLICES) {
    const a = crc ^ view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    crc = t15[a & 255]! ^ t14[(a >>> 8) & 255]! ^ t13[(a >>> 16) & 255]! ^ t12[a >>> 24]! ^
      t11[b & 255]! ^ t10[(b >>> 8) & 255]! ^ t9[(b >>> 16) & 255]! ^ t8[b >>> 24]! ^
      t7[c & 255]! ^ t6[(c >>> 8) & 255]! ^ t5[(c >>> 16) & 255]! ^ t4[c >>> 24]! ^
      t3[d & 255]! ^ t2[(d >>> 8) & 255]! ^ t1[(d >>> 16) & 255]! ^ t0[d >>> 24]!;
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ t0[(crc ^ view.getUint8(at)) & 255]!;
  return ~crc >>> 0;
}
