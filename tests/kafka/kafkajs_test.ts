import assert from "node:assert/strict";
import { parseAddress } from "../../src/kafka/cluster.ts";
import { loadKafkajs } from "../../src/kafka/kafkajs.ts";

Deno.test("kafkajs arms no timer while nothing waits, and one in the future while something does", async () => {
  await loadKafkajs();
  // deno-lint-ignore no-explicit-any
  const RequestQueue = (await import("kafkajs/src/network/requestQueue/index.js") as any).default;
  const logger = { debug() {}, warn() {} };
  const queue = new RequestQueue({
    maxInFlightRequests: 1,
    requestTimeout: 1000,
    clientId: "t",
    broker: "b",
    logger,
  });
  const delays: number[] = [];
  const original = globalThis.setTimeout;
  // deno-lint-ignore no-explicit-any
  globalThis.setTimeout = ((_: () => void, delayMs: number) => delays.push(delayMs)) as any;
  try {
    const entry = (correlationId: number) => ({
      entry: { correlationId, resolve() {}, reject() {} },
      expectResponse: true,
      sendRequest() {},
    });
    queue.push(entry(1));
    queue.fulfillRequest({ correlationId: 1, payload: new Uint8Array(), size: 0 });
    assert.deepEqual(delays, []);
    queue.push(entry(2));
    queue.push(entry(3));
    assert.equal(delays.length, 1);
    assert.ok(delays[0]! > 0);
  } finally {
    globalThis.setTimeout = original;
  }
});

Deno.test("broker addresses, with and without port, IPv6 in brackets", () => {
  assert.deepEqual(parseAddress("kafka:9093"), { host: "kafka", port: 9093 });
  assert.deepEqual(parseAddress(" kafka "), { host: "kafka", port: 9092 });
  assert.deepEqual(parseAddress("[::1]:1234"), { host: "::1", port: 1234 });
  assert.throws(() => parseAddress("a:b:c"), /host:port/);
});

Deno.test("subscriptions and assignments survive their encoding", async () => {
  const { assignments } = await loadKafkajs();
  assert.deepEqual(assignments.decodeSubscription(assignments.encodeSubscription(["a", "b"])), ["a", "b"]);
  const dealt = new Map([["a", [0, 2]], ["b", [1]]]);
  assert.deepEqual(assignments.decodeAssignment(assignments.encodeAssignment(dealt)), dealt);
  assert.deepEqual(assignments.decodeAssignment(new Uint8Array()), new Map());
});
