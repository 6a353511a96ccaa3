/** Brokers that go away and come back, on servers of their own. */
import assert from "node:assert/strict";
import { freePorts, startKafka } from "../../dev/mod.ts";
import { KafkaClient, type KafkaOptions, type MemberHandler, type Session } from "../../src/kafka/mod.ts";
import type { FetchedRecords } from "../../src/model.ts";
import { integrationTest } from "../support/integration.ts";
import { TestServers, waitFor } from "../support/mod.ts";

const KEEP_GOING = new AbortController().signal;
const TOPIC = "events";

function connect(brokers: string, options: Partial<KafkaOptions> = {}): Promise<KafkaClient> {
  return KafkaClient.connect({
    brokers: brokers.split(","),
    clientId: "test",
    group: "4",
    topics: [TOPIC],
    fetchWaitMs: 200,
    ...options,
  }, KEEP_GOING);
}

/** Counts values, and checks that each partition goes on where it stopped. */
class Counter implements MemberHandler {
  readonly values: string[] = [];
  readonly sessions: Session[] = [];
  losses = 0;
  readonly #positions = new Map<number, bigint>();

  async joined(session: Session): Promise<void> {
    this.sessions.push(session);
    for (const entry of await session.committed(session.assignment)) {
      const position = this.#positions.get(entry.partition) ?? entry.offset ?? 0n;
      session.fetchFrom(entry, position);
    }
  }

  records(_session: Session, fetched: FetchedRecords): Promise<void> {
    assert.equal(fetched.fetchedOffset, this.#positions.get(fetched.partition) ?? 0n, "continuity");
    this.#positions.set(fetched.partition, fetched.nextOffset);
    const text = new TextDecoder();
    for (const { bytes, from, to } of fetched.runs) {
      for (let at = from; at < to; at++) {
        this.values.push(text.decode(bytes.subarray(fetched.valueStart[at], fetched.valueEnd[at])));
      }
    }
    return Promise.resolve();
  }

  revoked(): Promise<void> {
    return Promise.resolve();
  }

  lost(): Promise<void> {
    this.losses++;
    return Promise.resolve();
  }
}

const messages = (prefix: string) => Array.from({ length: 50 }, (_, i) => ({ value: `${prefix}${i}` }));

integrationTest(
  "a broker that restarts in the middle: the member waits, joins anew, goes on, and commits",
  async () => {
    await using kafka = await startKafka();
    const servers = new TestServers({ brokers: kafka.bootstrap, registry: "" });
    await servers.createTopic(TOPIC, { partitions: 2 });
    await servers.produceRaw(TOPIC, messages("before"));
    // Shorter than the pauses between joins that are refused while the broker starts.
    const client = await connect(kafka.bootstrap, { sessionTimeoutMs: 1_000 });
    const handler = new Counter();
    const member = client.createMember(handler);
    const running = member.run();
    // The session of this one is over long before its group would notice.
    const other = await connect(kafka.bootstrap, { group: "5", sessionTimeoutMs: 600_000 });
    const patient = new Counter();
    const otherMember = other.createMember(patient);
    const otherRunning = otherMember.run();
    await waitFor(() => handler.values.length === 50 && patient.values.length === 50, {
      what: "the first records",
    });
    await kafka.nodes[0]!.shutdown();
    patient.sessions[0]!.renew();
    await waitFor(() => handler.losses === 1, { what: "the end of the session" });
    await kafka.restart();
    await servers.produceRaw(TOPIC, messages("after"));
    await waitFor(() => handler.values.length === 100 && patient.values.length === 100, {
      what: "the records after the restart",
    });
    assert.ok(patient.sessions.length > 1, "it has joined anew");
    otherMember.stop();
    await otherRunning;
    other.disconnect();
    await waitFor(async () => {
      const session = handler.sessions.at(-1)!;
      const outcome = await session.commit([{ topic: TOPIC, partition: 0, offset: 1n, metadata: "m" }]);
      return outcome.kind === "committed";
    }, { what: "a commit after the restart" });
    member.stop();
    await running;
    assert.equal(new Set(handler.values).size, 100);
    const [committed] = await client.committed("4", [{ topic: TOPIC, partition: 0 }]);
    assert.deepEqual(committed, { topic: TOPIC, partition: 0, offset: 1n, metadata: "m" });
    client.disconnect();
  },
);

integrationTest(
  "three brokers, each killed once: leaders and coordinator move, no record is missed or repeated",
  async () => {
    await using kafka = await startKafka({
      brokers: 3,
      config: { "offsets.topic.replication.factor": "3", "offsets.topic.num.partitions": "3" },
    });
    const servers = new TestServers({ brokers: kafka.bootstrap, registry: "" });
    await servers.createTopic(TOPIC, { partitions: 6, replicationFactor: 3 });
    const client = await connect(kafka.bootstrap);
    const handler = new Counter();
    const member = client.createMember(handler);
    const running = member.run();
    // The first node is the controller: without it nothing moves.
    for (const [round, node] of kafka.nodes.slice(1).entries()) {
      await servers.produceRaw(TOPIC, messages(`before${round}-`));
      await node.kill();
      await servers.produceRaw(TOPIC, messages(`without${round}-`));
      await waitFor(() => handler.values.length === 100 * (round + 1), { what: "records without a broker" });
      await node.restart();
      await waitFor(async () => {
        const session = handler.sessions.at(-1)!;
        const offsets = session.assignment.map((one) => ({ ...one, offset: 1n, metadata: "" }));
        return (await session.commit(offsets)).kind === "committed";
      }, { what: "a commit" });
    }
    member.stop();
    await running;
    assert.equal(new Set(handler.values).size, 200);
    client.disconnect();
  },
);

integrationTest(
  "no broker at start: a clear error with exit code 69 after the time that was given",
  async () => {
    const address = `127.0.0.1:${freePorts(1)[0]}`;
    await assert.rejects(
      connect(address, { startupTimeoutMs: 500 }),
      (error: Error & { exitCode?: number }) => {
        assert.equal(error.name, "UserError");
        assert.equal(error.exitCode, 69);
        assert.match(error.message, new RegExp(`Cannot reach Kafka at ${address}: .*refused`, "i"));
        return true;
      },
    );
  },
);

integrationTest("a broker that comes up late is waited for, and is not made to create topics", async () => {
  const [port] = freePorts(1);
  const connecting = connect(`127.0.0.1:${port}`);
  await using _kafka = await startKafka({ port: port!, config: { "auto.create.topics.enable": "true" } });
  const client = await connecting;
  assert.match(await client.clusterId(), /^[\w-]{22}$/);
  await assert.rejects(client.partitions(TOPIC), { name: "UserError", exitCode: 78 });
  assert.deepEqual(await client.listTopics(), []);
  client.disconnect();
});
