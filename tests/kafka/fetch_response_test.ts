import assert from "node:assert/strict";
import { parseFetchAnswer } from "../../src/kafka/fetch_response.ts";
import { Writer } from "./batches.ts";

/** The response of one topic with two partitions, as the protocol describes each version. */
function encode(apiVersion: number): Uint8Array {
  const out = new Writer().int(4, 0);
  if (apiVersion >= 7) out.int(2, 0).int(4, 0);
  out.int(4, 1).string("orders").int(4, 2);
  for (const partition of [3, 4]) {
    out.int(4, partition).int(2, partition === 3 ? 0 : 6).int(8, 100).int(8, 90);
    if (apiVersion >= 5) out.int(8, 7);
    if (partition === 3) out.int(4, 1).int(8, 55).int(8, 80);
    else out.int(4, -1);
    if (apiVersion >= 11) out.int(4, -1);
    if (partition === 3) out.int(4, 3).raw(new Uint8Array([1, 2, 3]));
    else out.int(4, -1);
  }
  return out.done();
}

Deno.test("fetch responses of every version that Kafka 0.11 to 4 speak", () => {
  for (let apiVersion = 4; apiVersion <= 11; apiVersion++) {
    const { errorCode, partitions } = parseFetchAnswer({ apiVersion, payload: encode(apiVersion) });
    assert.equal(errorCode, 0);
    const [good, moved] = partitions;
    assert.deepEqual([good!.topic, good!.partition, good!.errorCode], ["orders", 3, 0]);
    assert.deepEqual([good!.highWatermark, good!.lastStableOffset], [100n, 90n]);
    assert.equal(good!.logStartOffset, apiVersion >= 5 ? 7n : -1n);
    assert.deepEqual(good!.aborted, [{ producerId: 55, firstOffset: 80 }]);
    assert.deepEqual([0, 1, 2].map((at) => good!.records.getUint8(at)), [1, 2, 3]);
    assert.deepEqual([moved!.partition, moved!.errorCode, moved!.records.byteLength], [4, 6, 0]);
  }
});

Deno.test("a response that is cut off anywhere is a RangeError", () => {
  const whole = encode(11);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => parseFetchAnswer({ apiVersion: 11, payload: whole.subarray(0, length) }), RangeError);
  }
});
