import assert from "node:assert/strict";
import { timestampMs } from "../../src/redrive/letters.ts";
import { rangesOf } from "../../src/redrive/offsets.ts";
import { ownershipOf } from "../../src/redrive/ownership.ts";
import { kindOf } from "../../src/redrive/reasons.ts";

Deno.test("redrive: offsets as ranges; one that comes twice is in two of them", () => {
  const places = ([[1, 5n], [0, 9n], [0, 7n], [0, 8n], [1, 5n]] as const).map(([partition, offset]) => ({
    partition,
    offset,
  }));
  assert.deepEqual(rangesOf("orders", places).map(({ partition, first, next }) => [partition, first, next]), [
    [0, 7n, 10n],
    [1, 5n, 6n],
    [1, 5n, 6n],
  ]);
  assert.deepEqual(rangesOf("orders", []), []);
});

Deno.test("redrive: why a record is a dead letter is told by what it holds", () => {
  for (
    const [error, kind] of [
      ["no wire header: the value has 2 bytes, at least 5 are needed", "no-header"],
      ["the record header __value_schema_id has 2 bytes, at least 5 are needed", "no-header"],
      ["schema 7 is not in the registry: Schema 7 not found", "no-schema"],
      ["schema 89791762-2336-186f-9674-299b90a802e2 is not in the registry: not found", "no-schema"],
      ["schema 7: reference x (y version 1): gone", "no-schema"],
      ["schema 7 is JSON Schema, not Avro", "not-avro"],
      ["the key: no wire header: the key has 2 bytes, at least 5 are needed", "bad-key"],
      ["1 byte is left after the value", "bad-value"],
    ] as const
  ) assert.equal(kindOf(error), kind);
});

Deno.test("redrive: times as readers write them", () => {
  assert.equal(timestampMs("2023-11-14T22:13:20.123Z"), 1_700_000_000_123n);
  assert.equal(timestampMs("1969-12-31T23:59:59.999Z"), -1n);
  assert.equal(timestampMs("+275760-09-13T00:00:00.000Z"), 8_640_000_000_000_000n);
  assert.equal(timestampMs("9223372036854775807 ms"), 9_223_372_036_854_775_807n);
});

Deno.test("redrive: without the program's own folders all are ours, but for what has a second name still", () => {
  const content = { cluster: "c", group: "g", topic: "t", checkpoint: "1" };
  assert.equal(ownershipOf(content, { homes: [], links: 1 }), "ours");
  assert.equal(ownershipOf(content, { homes: [], links: 2 }), "publishing");
  const home = { cluster: "c", group: "g", store: undefined, topics: ["t"], checkpoints: [] };
  // A backup by hard links is no second life.
  assert.equal(ownershipOf(content, { homes: [home], links: 2 }), "ours");
});
