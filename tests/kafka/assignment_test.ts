import assert from "node:assert/strict";
import { assignPartitions } from "../../src/kafka/assignment.ts";

Deno.test("partitions are dealt out evenly, only to members that want the topic", () => {
  const members = [
    { memberId: "b", topics: ["one", "two"] },
    { memberId: "a", topics: ["one"] },
    { memberId: "c", topics: ["two"] },
  ];
  const partitions = new Map([["one", [2, 0, 1]], ["two", [0, 1, 2]], ["nobody", [0]]]);
  const result = assignPartitions(members, partitions);
  assert.deepEqual(
    Object.fromEntries([...result].map(([id, topics]) => [id, Object.fromEntries(topics)])),
    { a: { one: [0, 2] }, b: { one: [1], two: [1] }, c: { two: [0, 2] } },
  );
  assert.deepEqual(assignPartitions([...members].reverse(), partitions), result);
});

Deno.test("more members than partitions: some get nothing, and are told so", () => {
  const members = ["x", "y", "z"].map((memberId) => ({ memberId, topics: ["t"] }));
  const result = assignPartitions(members, new Map([["t", [0]]]));
  assert.deepEqual([...result].map(([id, topics]) => [id, topics.size]), [["x", 1], ["y", 0], ["z", 0]]);
});
