import assert from "node:assert/strict";

import { describeRanges, noun, sizeText } from "../src/words.ts";

Deno.test("ranges are told with the last offset that is in them", () => {
  const range = (first: bigint, next: bigint, partition = 0) => ({ topic: "orders", partition, first, next });
  assert.equal(
    describeRanges([range(5n, 10n), range(7n, 8n, 1), range(4n, 4n, 2)]),
    "orders[0] 5 to 9, orders[1] 7 to 7, orders[2] at 4",
  );
  const many = describeRanges(Array.from({ length: 12 }, (_, partition) => range(0n, 2n, partition)));
  assert.match(many, /orders\[9\] 0 to 1, and 2 more$/);
});

Deno.test("one is singular, all other numbers are plural", () => {
  assert.deepEqual([0, 1, 2, 11].map((count) => noun(count, "file")), ["files", "file", "files", "files"]);
});

for (
  const [bytes, text] of [
    [0, "0 B"],
    [1_023, "1023 B"],
    [1_024, "1.0 KiB"],
    [50_000, "48.8 KiB"],
    [2 ** 20, "1.0 MiB"],
    [5 * 2 ** 30, "5.0 GiB"],
    [3 * 2 ** 40, "3.0 TiB"],
    [3_000 * 2 ** 40, "3000.0 TiB"],
  ] as const
) {
  Deno.test(`${bytes} bytes are ${text}`, () => assert.equal(sizeText(bytes), text));
}
