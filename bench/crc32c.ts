/**
 * The checksum of record batches, by size of batch: `deno run bench/crc32c.ts`. Prints GB/s, the best of ten rounds.
 */
import { crc32c } from "../src/kafka/crc32c.ts";

const TOTAL_BYTES = 16 * 1024 * 1024;
const ROUNDS = 10;

const data = new Uint8Array(TOTAL_BYTES).map((_, i) => i * 7 + (i >> 8));
for (const size of [1_000, 4_000, 16_000, 100_000, 1_000_000]) {
  let bestMs = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const startMs = performance.now();
    for (let at = 0; at + size <= TOTAL_BYTES; at += size) crc32c(data, at, at + size);
    bestMs = Math.min(bestMs, performance.now() - startMs);
  }
  const gigabytes = TOTAL_BYTES - TOTAL_BYTES % size;
  console.log(`${String(size).padStart(8)} bytes ${(gigabytes / bestMs / 1e6).toFixed(2)} GB/s`);
}
