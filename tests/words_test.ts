import assert from "node:assert/strict";

import { noun, sizeText } from "../src/words.ts";

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
