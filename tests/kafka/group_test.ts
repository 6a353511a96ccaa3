import assert from "node:assert/strict";
import { Code } from "../../src/kafka/codes.ts";
import { judgeCommit } from "../../src/kafka/group.ts";

const tp = (partition: number, errorCode: number) => ({ topic: "t", partition, errorCode });

Deno.test("a commit is committed only when every partition is", () => {
  assert.deepEqual(judgeCommit([tp(0, Code.NONE), tp(1, Code.NONE)], 2), { kind: "committed" });
  assert.equal(judgeCommit([tp(0, Code.NONE)], 2).kind, "retry");
});

Deno.test("what ends the session comes before everything else", () => {
  const answers = [
    tp(0, Code.UNKNOWN_TOPIC_OR_PARTITION),
    tp(1, Code.REBALANCE_IN_PROGRESS),
    tp(2, Code.ILLEGAL_GENERATION),
  ];
  assert.deepEqual(judgeCommit(answers, 3), { kind: "session-over", code: "ILLEGAL_GENERATION" });
  assert.deepEqual(judgeCommit(answers.slice(0, 2), 2), { kind: "rebalance", code: "REBALANCE_IN_PROGRESS" });
});

Deno.test("a coordinator that is away, or an answer that came too late, may be asked again", () => {
  for (const code of [Code.NOT_COORDINATOR, Code.COORDINATOR_LOAD_IN_PROGRESS, Code.REQUEST_TIMED_OUT]) {
    assert.equal(judgeCommit([tp(0, Code.NONE), tp(1, code)], 2).kind, "retry");
  }
});

Deno.test("a deleted topic fails its own partitions and names them", () => {
  assert.deepEqual(judgeCommit([tp(0, Code.NONE), tp(1, Code.UNKNOWN_TOPIC_OR_PARTITION)], 2), {
    kind: "failed",
    refused: [{ topic: "t", partition: 1, code: "UNKNOWN_TOPIC_OR_PARTITION" }],
    committed: [{ topic: "t", partition: 0 }],
  });
});
