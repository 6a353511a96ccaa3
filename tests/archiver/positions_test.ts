import assert from "node:assert/strict";
import { endOf } from "../../src/archiver/archive_positions.ts";
import { describeAssignment } from "../../src/archiver/describe.ts";
import { selectTopics } from "../../src/archiver/topics.ts";
import { UserError } from "../../src/errors.ts";

const range = (first: bigint, next: bigint) => ({ topic: "t", partition: 1, first, next });

Deno.test("archive positions: ranges in any order end where the last one does", () => {
  assert.equal(endOf([range(10n, 20n), range(5n, 10n), range(20n, 21n)]), 21n);
});

Deno.test("archive positions: a hole and an overlap are errors that name the offsets", () => {
  assert.throws(() => endOf([range(0n, 10n), range(12n, 20n)]), (error) => {
    assert(error instanceof UserError);
    assert.match(error.message, /t\[1\].*offsets 10 to 11 are in no file/);
    return true;
  });
  assert.throws(() => endOf([range(0n, 10n), range(9n, 20n)]), /offset 9 is in two files/);
});

Deno.test("topics: patterns match whole names, names are taken as they are, each once", () => {
  const existing = ["orders", "orders.eu", "old-orders", "payments"];
  assert.deepEqual(selectTopics(["/orders(\\..*)?/", "payments", "orders"], existing), [
    "payments",
    "orders",
    "orders.eu",
  ]);
  assert.deepEqual(selectTopics(["missing"], existing), ["missing"]);
  assert.deepEqual(selectTopics(["/a|orders/"], existing), ["orders"]);
});

Deno.test("assignments: partitions are spans, topics have their own", () => {
  const at = (topic: string, ...partitions: number[]) =>
    partitions.map((partition) => ({ topic, partition }));
  assert.equal(describeAssignment([...at("a", 3, 0, 1, 2, 7), ...at("b", 10, 9)]), "a[0-3,7] b[9-10]");
  assert.match(describeAssignment([]), /no partitions/);
});
