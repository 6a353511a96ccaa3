/** Starting where no broker answers. */
import assert from "node:assert/strict";
import { KafkaClient } from "../../src/kafka/mod.ts";
import { within } from "../support/wait.ts";

/** Shorter than any request's own timeout. */
const SOON_MS = 4_000;

/** Takes connections, and never says a word. */
function listenSilently(): Disposable & { readonly address: string; readonly connected: Promise<void> } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const connected = Promise.withResolvers<void>();
  (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      connected.resolve();
    }
  })();
  return {
    address: `127.0.0.1:${listener.addr.port}`,
    connected: connected.promise,
    [Symbol.dispose]() {
      listener.close();
      for (const connection of connections) connection.close();
    },
  };
}

function connect(
  address: string,
  { startupTimeoutMs, signal }: { startupTimeoutMs: number; signal?: AbortSignal },
) {
  return KafkaClient.connect(
    { brokers: [address], clientId: "test", group: "g", topics: [], startupTimeoutMs },
    signal ?? new AbortController().signal,
  );
}

// kafkajs closes its sockets after its promises have settled.
const OPTIONS = { sanitizeOps: false, sanitizeResources: false };

Deno.test("a broker that is silent is waited for as long as the start may take", OPTIONS, async () => {
  using broker = listenSilently();
  await assert.rejects(within(connect(broker.address, { startupTimeoutMs: 200 }), SOON_MS), {
    name: "UserError",
    exitCode: 69,
    message: `Cannot reach Kafka at ${broker.address}: no answer`,
  });
});

Deno.test("a start that is broken off does not wait for a broker that is silent", OPTIONS, async () => {
  using broker = listenSilently();
  const stop = new AbortController();
  const connecting = connect(broker.address, { startupTimeoutMs: 3_600_000, signal: stop.signal });
  await broker.connected;
  stop.abort(new Error("stopped"));
  await assert.rejects(within(connecting, SOON_MS), { message: "stopped" });
});
