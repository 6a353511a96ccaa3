/** Membership, fetching and commits on a real broker. */
import assert from "node:assert/strict";
import {
  type CommitOutcome,
  type FetchProblem,
  KafkaClient,
  type KafkaOptions,
  type MemberHandler,
  type Session,
} from "../../src/kafka/mod.ts";
import type { FetchedRecords, TopicPartition } from "../../src/model.ts";
import { integrationTest } from "../support/integration.ts";
import { type TestServers, uniqueName, waitFor } from "../support/mod.ts";

const KEEP_GOING = new AbortController().signal;

function connect(servers: TestServers, options: Partial<KafkaOptions> = {}): Promise<KafkaClient> {
  return KafkaClient.connect({
    brokers: [servers.brokers],
    clientId: "test",
    group: uniqueName("group"),
    topics: [],
    fetchWaitMs: 200,
    heartbeatMs: 200,
    ...options,
  }, KEEP_GOING);
}

/** Collects what it is given, and commits it when it is told to. */
class Collector implements MemberHandler {
  readonly events: string[] = [];
  readonly sessions: Session[] = [];
  readonly outcomes: CommitOutcome[] = [];
  readonly problems: (TopicPartition & { problem: FetchProblem })[] = [];
  /** `partition:value`, in the order of arrival. */
  readonly values: string[] = [];
  readonly fetched: FetchedRecords[] = [];
  /** Next offset by `topic-partition`. */
  readonly positions = new Map<string, bigint>();
  commitOnRevoke = true;
  start: ((session: Session) => Promise<void>) | undefined;

  async joined(session: Session): Promise<void> {
    this.events.push("joined");
    this.sessions.push(session);
    this.positions.clear();
    if (this.start !== undefined) return await this.start(session);
    for (const entry of await session.committed(session.assignment)) {
      session.fetchFrom(entry, entry.offset ?? 0n);
    }
  }

  records(_session: Session, fetched: FetchedRecords): Promise<void> {
    const key = `${fetched.topic}-${fetched.partition}`;
    const expected = this.positions.get(key) ?? fetched.fetchedOffset;
    assert.equal(fetched.fetchedOffset, expected, "continuity");
    this.positions.set(key, fetched.nextOffset);
    this.fetched.push(fetched);
    const text = new TextDecoder();
    for (const run of fetched.runs) {
      for (let at = run.from; at < run.to; at++) {
        const value = text.decode(run.bytes.subarray(fetched.valueStart[at], fetched.valueEnd[at]));
        this.values.push(`${fetched.partition}:${value}`);
      }
    }
    return Promise.resolve();
  }

  async revoked(session: Session, reason: string): Promise<void> {
    this.events.push(`revoked ${reason}`);
    if (this.commitOnRevoke && this.positions.size > 0) this.outcomes.push(await this.commit(session));
  }

  lost(): Promise<void> {
    this.events.push("lost");
    return Promise.resolve();
  }

  fetchFailed(_session: Session, partition: TopicPartition, problem: FetchProblem): Promise<void> {
    this.problems.push({ ...partition, problem });
    return Promise.resolve();
  }

  commit(session: Session): Promise<CommitOutcome> {
    return session.commit([...this.positions].map(([key, offset]) => {
      const at = key.lastIndexOf("-");
      return {
        topic: key.slice(0, at),
        partition: Number(key.slice(at + 1)),
        offset,
        metadata: `k1 ${offset}`,
      };
    }));
  }
}

/** Runs a member while `use` runs, then stops it and lets it drain. */
async function withMember<T>(client: KafkaClient, handler: MemberHandler, use: () => Promise<T>): Promise<T> {
  const member = client.createMember(handler);
  const running = member.run();
  // A member that fails must end the test, not only the process.
  const failed = running.then(() => new Promise<never>(() => {}));
  failed.catch(() => {});
  try {
    return await Promise.race([use(), failed]);
  } finally {
    member.stop();
    await running;
  }
}

async function produce(servers: TestServers, topic: string, values: readonly string[], partition?: number) {
  const messages = values.map((value) => ({ value, ...(partition === undefined ? {} : { partition }) }));
  await servers.produceRaw(topic, messages);
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `v${from + i}`);

integrationTest(
  "a member joins, fetches, commits with metadata, and goes on where it stopped",
  async (servers) => {
    const topic = uniqueName("member");
    await servers.createTopic(topic, { partitions: 3 });
    for (const partition of [0, 1, 2]) await produce(servers, topic, numbers(0, 50), partition);
    const client = await connect(servers, { topics: [topic] });
    const first = new Collector();
    await withMember(
      client,
      first,
      () => waitFor(() => first.values.length === 150, { what: "150 records" }),
    );
    assert.deepEqual(first.events, ["joined", "revoked stopping"]);
    assert.deepEqual(first.outcomes, [{ kind: "committed" }]);

    await produce(servers, topic, ["late"], 1);
    const second = new Collector();
    await withMember(
      client,
      second,
      () => waitFor(() => second.values.length > 0, { what: "the late record" }),
    );
    assert.deepEqual(second.values, ["1:late"]);
    client.disconnect();
  },
);

integrationTest(
  "values, keys, headers and timestamps of every codec arrive as they were sent",
  async (servers) => {
    const topic = uniqueName("codecs");
    await servers.createTopic(topic);
    for (const compression of ["none", "gzip", "snappy", "zstd"] as const) {
      const message = { key: "key", value: compression, headers: { h: "1" }, timestamp: "1700000000123" };
      await servers.produceRaw(topic, [message, { key: null, value: null, timestamp: "5" }], { compression });
    }
    const client = await connect(servers, { topics: [topic] });
    const handler = new Collector();
    await withMember(
      client,
      handler,
      () => waitFor(() => handler.values.length === 8, { what: "8 records" }),
    );
    const seen = handler.fetched.flatMap((fetched) =>
      fetched.runs.flatMap(({ bytes, from, to }) =>
        Array.from({ length: to - from }, (_, i) => {
          const at = from + i;
          const cut = (start: number, end: number) =>
            start < 0 ? null : new TextDecoder().decode(bytes.subarray(start, end));
          return [
            fetched.offsets[at],
            fetched.timestamps[at],
            cut(fetched.keyStart[at]!, fetched.keyEnd[at]!),
            cut(fetched.valueStart[at]!, fetched.valueEnd[at]!),
            cut(fetched.headersStart[at]!, fetched.headersEnd[at]!),
          ];
        })
      )
    );
    const expected = ["none", "gzip", "snappy", "zstd"].flatMap((codec, i) => [
      [2 * i, 1_700_000_000_123, "key", codec, "\x02\x02h\x021"],
      [2 * i + 1, 5, null, null, "\x00"],
    ]);
    assert.deepEqual(seen, expected);
    client.disconnect();
  },
);

integrationTest(
  "two members share a topic; who gives partitions away commits them first",
  async (servers) => {
    const topic = uniqueName("shared");
    await servers.createTopic(topic, { partitions: 4 });
    const group = uniqueName("group");
    for (const partition of [0, 1, 2, 3]) await produce(servers, topic, numbers(0, 20), partition);
    const clients = await Promise.all([0, 1].map(() => connect(servers, { topics: [topic], group })));
    const [a, b] = [new Collector(), new Collector()];
    await withMember(clients[0]!, a, async () => {
      await waitFor(() => a.values.length === 80, { what: "all records at the first member" });
      await withMember(clients[1]!, b, async () => {
        await waitFor(() => a.sessions.length === 2 && b.sessions.length >= 1, { what: "a rebalance" });
        const owned = [...a.sessions.at(-1)!.assignment, ...b.sessions.at(-1)!.assignment];
        assert.deepEqual(owned.map(({ partition }) => partition).sort(), [0, 1, 2, 3]);
        for (const partition of [0, 1, 2, 3]) await produce(servers, topic, numbers(20, 30), partition);
        await waitFor(() => a.values.length + b.values.length === 120, { what: "the other records" });
      });
      await waitFor(() => a.sessions.length === 3, { what: "the first member alone again" });
      await produce(servers, topic, ["last"], 3);
      await waitFor(() => a.values.includes("3:last"), { what: "the last record" });
    });
    assert.deepEqual(a.events, [
      "joined",
      "revoked rebalance",
      "joined",
      "revoked rebalance",
      "joined",
      "revoked stopping",
    ]);
    assert.ok([...a.outcomes, ...b.outcomes].every(({ kind }) => kind === "committed"));
    const all = [...a.values, ...b.values];
    assert.equal(all.length, 121);
    assert.equal(new Set(all).size, 121, "each record once");
    for (const client of clients) client.disconnect();
  },
);

integrationTest(
  "members that start one after the other need not wait for an ordinary heartbeat",
  async (servers) => {
    const topic = uniqueName("together");
    await servers.createTopic(topic, { partitions: 2 });
    // Longer than anything below may take.
    const options = {
      topics: [topic],
      group: uniqueName("group"),
      sessionTimeoutMs: 180_000,
      heartbeatMs: 60_000,
    };
    const clients = await Promise.all([0, 1].map(() => connect(servers, options)));
    const [a, b] = [new Collector(), new Collector()];
    await withMember(clients[0]!, a, async () => {
      await waitFor(() => a.sessions.length === 1, { what: "the first member" });
      await withMember(clients[1]!, b, async () => {
        await waitFor(() => a.sessions.at(-1)!.assignment.length === 1, { what: "a partition each" });
      });
    });
    for (const client of clients) client.disconnect();
  },
);

integrationTest("what deletes records of a topic is asked from a broker", async (servers) => {
  const [kept, compacted] = [uniqueName("kept"), uniqueName("compacted")];
  await servers.createTopic(kept, { config: { "retention.ms": "86400000", "retention.bytes": "1000000" } });
  await servers.createTopic(compacted, { config: { "cleanup.policy": "compact" } });
  const client = await connect(servers, { topics: [kept] });
  const retention = await client.retention([kept, compacted, uniqueName("missing")]);
  assert.deepEqual([...retention].sort(), [
    [compacted, { ms: undefined, bytes: undefined }],
    [kept, { ms: 86_400_000, bytes: 1_000_000 }],
  ]);
  client.disconnect();
});

integrationTest("a zombie learns that its session is over, and cannot commit", async (servers) => {
  const topic = uniqueName("zombie");
  await servers.createTopic(topic);
  await produce(servers, topic, numbers(0, 10));
  const group = uniqueName("group");
  // The first member never sends a heartbeat, like a process that is stopped.
  const options = { topics: [topic], group, sessionTimeoutMs: 6_000 };
  const zombie = await connect(servers, options);
  const other = await connect(servers, options);
  const a = new Collector();
  a.commitOnRevoke = false;
  const released = Promise.withResolvers<void>();
  const handler: MemberHandler = {
    joined: async (session) => {
      await a.joined(session);
      if (a.sessions.length > 1) return;
      // The event loop stands still for longer than the session may.
      const until = performance.now() + 7_500;
      while (performance.now() < until);
      released.resolve();
    },
    records: (session, fetched) => a.records(session, fetched),
    revoked: (session, reason) => a.revoked(session, reason),
    lost: () => a.lost(),
  };
  await withMember(zombie, handler, async () => {
    await released.promise;
    await waitFor(() => a.events.includes("lost"), { what: "the loss of the session" });
    const old = a.sessions[0]!;
    assert.ok(old.signal.aborted);
    const outcome = await old.commit([{ topic, partition: 0, offset: 10n, metadata: "" }]);
    assert.equal(outcome.kind, "session-over");
    await waitFor(() => a.sessions.length === 2 && a.values.length === 10, { what: "a new session" });
  });
  assert.deepEqual((await other.committed(group, [{ topic, partition: 0 }]))[0]!.offset, undefined);
  zombie.disconnect();
  other.disconnect();
});

integrationTest("the broker itself refuses the commit of an old generation", async (servers) => {
  const topic = uniqueName("fenced");
  await servers.createTopic(topic, { partitions: 2 });
  const group = uniqueName("group");
  const clients = await Promise.all([0, 1].map(() => connect(servers, { topics: [topic], group })));
  const [a, b] = [new Collector(), new Collector()];
  await withMember(clients[0]!, a, async () => {
    await waitFor(() => a.sessions.length === 1, { what: "the first session" });
    await withMember(clients[1]!, b, async () => {
      await waitFor(() => a.sessions.length === 2, { what: "the second generation" });
      const { Coordinator, commitOffsets } = await import("../../src/kafka/group.ts");
      const { Cluster } = await import("../../src/kafka/cluster.ts");
      const { loadKafkajs } = await import("../../src/kafka/kafkajs.ts");
      const cluster = new Cluster(await loadKafkajs(), { brokers: [servers.brokers], clientId: "old" });
      await cluster.metadata([topic]);
      const coordinator = new Coordinator(cluster, group);
      const commit = (memberId: string) =>
        commitOffsets(coordinator, { generation: a.sessions[0]!.generation, memberId }, [
          { topic, partition: 0, offset: 5n, metadata: "" },
        ]);
      const { memberId } = a.sessions[0]!;
      assert.deepEqual(await commit(memberId), { kind: "session-over", code: "ILLEGAL_GENERATION" });
      assert.deepEqual(await commit("nobody"), { kind: "session-over", code: "UNKNOWN_MEMBER_ID" });
      coordinator.forget();
      cluster.close();
    });
  });
  for (const client of clients) client.disconnect();
});

integrationTest(
  "only committed transactions arrive, and the position moves over the others",
  async (servers) => {
    const topic = uniqueName("transactions");
    await servers.createTopic(topic);
    await servers.produceRaw(topic, [{ key: "\0\0\0\0", value: "a1" }, { value: "a2" }], {
      transaction: "abort",
    });
    await servers.produceRaw(topic, [{ value: "c1" }], { transaction: "commit" });
    // Two transactions at the same time: the one that starts first is aborted last.
    await servers.producer(async (one) => {
      await servers.producer(async (two) => {
        const [slow, quick] = [await one.transaction(), await two.transaction()];
        await slow.send({ topic, messages: [{ key: "\0\0\0\0", value: "slow" }] });
        await quick.send({ topic, messages: [{ value: "quick" }] });
        await slow.send({ topic, messages: [{ value: "slow again" }] });
        await quick.commit();
        await slow.abort();
      }, { transactionalId: uniqueName("two") });
    }, { transactionalId: uniqueName("one") });
    await servers.produceRaw(topic, [{ value: "plain" }]);
    await servers.produceRaw(topic, [{ value: "a3" }], { transaction: "abort" });

    const client = await connect(servers, { topics: [topic] });
    const [end] = await client.offsets([{ topic, partition: 0 }], "stable");
    const handler = new Collector();
    const isAtEnd = () => handler.positions.get(`${topic}-0`) === end!.offset;
    await withMember(client, handler, () => waitFor(isAtEnd, { what: "the stable end" }));
    assert.deepEqual(handler.values, ["0:c1", "0:quick", "0:plain"]);
    client.disconnect();
  },
);

integrationTest("an open transaction ends the stable part of a topic", async (servers) => {
  const topic = uniqueName("open");
  await servers.createTopic(topic);
  await produce(servers, topic, ["before"]);
  const client = await connect(servers, { topics: [topic] });
  const handler = new Collector();
  await servers.producer(async (producer) => {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value: "open" }] });
    await produce(servers, topic, ["after"]);
    const partition = [{ topic, partition: 0 }];
    assert.equal((await client.offsets(partition, "stable"))[0]!.offset, 1n);
    assert.equal((await client.offsets(partition, "latest"))[0]!.offset, 3n);
    assert.equal((await client.offsets(partition, "earliest"))[0]!.offset, 0n);
    await withMember(client, handler, async () => {
      await waitFor(() => handler.values.length === 1, { what: "the stable record" });
      await transaction.commit();
      await waitFor(() => handler.values.length === 3, { what: "the committed transaction" });
    });
  }, { transactionalId: uniqueName("open") });
  assert.deepEqual(handler.values, ["0:before", "0:open", "0:after"]);
  client.disconnect();
});

integrationTest("an unknown topic is told with the nearest name, and is not created", async (servers) => {
  const topic = uniqueName("customer-events");
  await servers.createTopic(topic);
  const client = await connect(servers, { topics: [topic] });
  assert.ok((await client.listTopics()).includes(topic));
  const wrong = `${topic}x`;
  await assert.rejects(client.partitions(wrong), {
    name: "UserError",
    exitCode: 78,
    message: `There is no topic "${wrong}"`,
    hint: `Did you mean "${topic}"?`,
  });
  assert.ok(!(await client.listTopics()).includes(wrong));
  client.disconnect();
});

integrationTest("an empty topic: joined, nothing handed over, a clean end", async (servers) => {
  const topic = uniqueName("empty");
  await servers.createTopic(topic, { partitions: 2 });
  const client = await connect(servers, { topics: [topic], fetchWaitMs: 100 });
  const handler = new Collector();
  const member = client.createMember(handler);
  const running = member.run();
  await waitFor(() => handler.sessions.length === 1, { what: "the session" });
  await handler.sessions[0]!.committed(handler.sessions[0]!.assignment);
  member.stop();
  await running;
  assert.deepEqual(handler.events, ["joined", "revoked stopping"]);
  assert.deepEqual(handler.fetched, []);
  client.disconnect();
});

integrationTest(
  "a position that the broker does not have is told with the log's ends; the handler may move on",
  async (servers) => {
    const topic = uniqueName("range");
    await servers.createTopic(topic);
    await produce(servers, topic, numbers(0, 10));
    await servers.admin(async (admin) => {
      // kafkajs deletes records only of a topic whose offsets it has asked for.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "4" }] });
    });
    const client = await connect(servers, { topics: [topic] });
    const handler = new Collector();
    const partition = { topic, partition: 0 };
    handler.start = (session) => Promise.resolve(session.fetchFrom(partition, 2n));
    await withMember(client, handler, async () => {
      await waitFor(() => handler.problems.length === 1, { what: "the problem" });
      assert.deepEqual(handler.problems[0], {
        ...partition,
        problem: { kind: "out-of-range", position: 2n, logStart: 4n, logEnd: 10n },
      });
      handler.sessions[0]!.fetchFrom(partition, 4n);
      await waitFor(() => handler.values.length === 6, { what: "the remaining records" });
    });
    client.disconnect();
  },
);

integrationTest("a paused partition rests, others go on, and it resumes without a gap", async (servers) => {
  const topic = uniqueName("paused");
  await servers.createTopic(topic, { partitions: 2 });
  for (const partition of [0, 1]) await produce(servers, topic, numbers(0, 5), partition);
  const client = await connect(servers, { topics: [topic] });
  const handler = new Collector();
  handler.start = (session) => {
    for (const partition of session.assignment) session.fetchFrom(partition, 0n);
    session.pause({ topic, partition: 0 });
    return Promise.resolve();
  };
  await withMember(client, handler, async () => {
    await waitFor(() => handler.values.length === 5, { what: "the other partition" });
    await produce(servers, topic, ["more"], 1);
    await waitFor(() => handler.values.length === 6, { what: "more of it" });
    assert.ok(handler.values.every((value) => value.startsWith("1:")));
    handler.sessions[0]!.resume({ topic, partition: 0 });
    await waitFor(() => handler.values.length === 11, { what: "the resumed partition" });
    handler.sessions[0]!.pause({ topic, partition: 1 });
    await produce(servers, topic, numbers(5, 8), 1);
    await produce(servers, topic, numbers(5, 8), 0);
    await waitFor(() => handler.values.length === 14, { what: "records beside the pause" });
    handler.sessions[0]!.resume({ topic, partition: 1 });
    await waitFor(() => handler.values.length === 17, { what: "records after the pause" });
  });
  client.disconnect();
});

integrationTest("new partitions are noticed by the group's leader and dealt out", async (servers) => {
  const topic = uniqueName("grows");
  await servers.createTopic(topic);
  const client = await connect(servers, { topics: [topic], metadataMaxAgeMs: 300 });
  const handler = new Collector();
  await withMember(client, handler, async () => {
    await waitFor(() => handler.sessions.length === 1, { what: "the first session" });
    await servers.admin((admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }));
    await waitFor(() => handler.sessions.at(-1)!.assignment.length === 3, { what: "three partitions" });
    await waitFor(async () => {
      await produce(servers, topic, ["new"], 2).catch(() => {});
      return handler.values.includes("2:new");
    }, { what: "a record of a new partition", everyMs: 500 });
  });
  assert.deepEqual(handler.events.slice(0, 3), ["joined", "revoked rebalance", "joined"]);
  client.disconnect();
});

integrationTest("a deleted topic is told, and not created again", async (servers) => {
  const [gone, stays] = [uniqueName("gone"), uniqueName("stays")];
  await servers.createTopic(gone);
  await servers.createTopic(stays);
  const client = await connect(servers, { topics: [gone, stays], metadataMaxAgeMs: 300 });
  const handler = new Collector();
  await withMember(client, handler, async () => {
    await waitFor(() => handler.sessions.length === 1, { what: "the session" });
    await servers.admin((admin) => admin.deleteTopics({ topics: [gone] }));
    await waitFor(() => handler.problems.length > 0, { what: "the problem" });
    assert.deepEqual(handler.problems, [{ topic: gone, partition: 0, problem: { kind: "topic-gone" } }]);
    await produce(servers, stays, ["on"]);
    await waitFor(() => handler.values.includes("0:on"), { what: "records of the other topic" });
    await client.committed("any", [{ topic: gone, partition: 0 }]);
    const outcome = await handler.sessions[0]!.commit([
      { topic: gone, partition: 0, offset: 0n, metadata: "" },
      { topic: stays, partition: 0, offset: 1n, metadata: "" },
    ]);
    assert.deepEqual(outcome, {
      kind: "failed",
      refused: [{ topic: gone, partition: 0, code: "UNKNOWN_TOPIC_OR_PARTITION" }],
      committed: [{ topic: stays, partition: 0 }],
    });
    assert.ok(!(await client.listTopics()).includes(gone));
  });
  client.disconnect();
});

integrationTest("what the handler throws ends the member, after it has left the group", async (servers) => {
  const topic = uniqueName("throws");
  await servers.createTopic(topic);
  await produce(servers, topic, ["x"]);
  const group = uniqueName("group");
  const client = await connect(servers, { topics: [topic], group });
  const handler = new Collector();
  handler.records = () => Promise.reject(new Error("no room"));
  await assert.rejects(client.createMember(handler).run(), { message: "no room" });
  const next = new Collector();
  // Were the dead member still in the group, this would wait for the session timeout of 45 s.
  await withMember(client, next, () => waitFor(() => next.values.length === 1, { what: "the record" }));
  client.disconnect();
});

integrationTest("a group of another program is told as such", async (servers) => {
  const topic = uniqueName("foreign");
  await servers.createTopic(topic);
  const group = uniqueName("group");
  const consumer = servers.kafka.consumer({ groupId: group, allowAutoTopicCreation: false });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic] });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.run({ eachMessage: () => Promise.resolve() });
  await joined;
  const client = await connect(servers, { topics: [topic], group });
  await assert.rejects(client.createMember(new Collector()).run(), {
    name: "UserError",
    exitCode: 78,
    message: `The consumer group "${group}" is in use by another program`,
  });
  client.disconnect();
  await consumer.disconnect();
});

integrationTest(
  "a record batch larger than a fetch still arrives, also behind another partition",
  async (servers) => {
    const topic = uniqueName("large");
    await servers.createTopic(topic, { partitions: 2 });
    const large = "x".repeat(300_000);
    for (const partition of [0, 1]) {
      await produce(
        servers,
        topic,
        [`${large}a`, "small", `${large}b`],
        partition,
      );
    }
    const client = await connect(servers, {
      topics: [topic],
      fetchMaxBytes: 20_000,
      partitionMaxBytes: 10_000,
    });
    const handler = new Collector();
    await withMember(
      client,
      handler,
      () => waitFor(() => handler.values.length === 6, { what: "all records" }),
    );
    client.disconnect();
  },
);

integrationTest("an idle member arms few timers, none of them in the past", async (servers) => {
  const topic = uniqueName("idle");
  await servers.createTopic(topic, { partitions: 2 });
  const client = await connect(servers, { topics: [topic], fetchWaitMs: 500, heartbeatMs: 500 });
  const handler = new Collector();
  const original = globalThis.setTimeout;
  const delays: number[] = [];
  await withMember(client, handler, async () => {
    await waitFor(() => handler.sessions.length === 1, { what: "the session" });
    const counted = (callback: () => void, delayMs: number) => {
      delays.push(delayMs);
      return original(callback, delayMs);
    };
    globalThis.setTimeout = Object.assign(counted, original) as unknown as typeof setTimeout;
    try {
      await new Promise((resolve) => original(resolve, 2_000));
    } finally {
      globalThis.setTimeout = original;
    }
  });
  assert.ok(delays.length > 0, "heartbeats go on");
  assert.ok(delays.every((delayMs) => delayMs > 0), `delays ${delays}`);
  // Four fetches and four heartbeats, each with a timeout and a pause.
  assert.ok(delays.length < 40, `${delays.length} timers in 2 s`);
  client.disconnect();
});

integrationTest("abandoning a member ends it at once, whatever its handler is doing", async (servers) => {
  const topic = uniqueName("abandoned");
  await servers.createTopic(topic);
  const client = await connect(servers, { topics: [topic] });
  const stuck = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<Session>();
  const member = client.createMember({
    joined: (session) => {
      entered.resolve(session);
      return stuck.promise;
    },
    records: () => Promise.resolve(),
    revoked: () => Promise.resolve(),
    lost: () => Promise.resolve(),
  });
  const running = member.run();
  const session = await entered.promise;
  member.abandon();
  await running;
  assert.ok(session.signal.aborted);
  assert.equal((await session.commit([])).kind, "session-over");
  stuck.resolve();
  client.disconnect();
});

/** Does something once, while the other partition's records of the same response wait to be handed over. */
class Interfering extends Collector {
  readonly #topic: string;
  readonly #act: (session: Session, other: TopicPartition) => void;
  other: TopicPartition | undefined;

  constructor(topic: string, act: (session: Session, other: TopicPartition) => void) {
    super();
    this.#topic = topic;
    this.#act = act;
  }

  override async records(session: Session, fetched: FetchedRecords): Promise<void> {
    await super.records(session, fetched);
    if (this.other !== undefined) return;
    this.other = { topic: this.#topic, partition: 1 - fetched.partition };
    this.#act(session, this.other);
  }

  valuesOfOther(): string[] {
    const prefix = `${this.other?.partition}:`;
    return this.values.filter((value) => value.startsWith(prefix)).map((value) => value.slice(prefix.length));
  }
}

integrationTest(
  "records that wait when their partition is paused come after it is resumed, all of them",
  async (servers) => {
    const topic = uniqueName("waiting");
    await servers.createTopic(topic, { partitions: 2 });
    for (const partition of [0, 1]) await produce(servers, topic, numbers(0, 5), partition);
    const client = await connect(servers, { topics: [topic], fetchWaitMs: 100 });
    const handler = new Interfering(topic, (session, other) => session.pause(other));
    await withMember(client, handler, async () => {
      await waitFor(() => handler.other, { what: "the pause" });
      await produce(servers, topic, ["marker"], 1 - handler.other!.partition);
      await waitFor(() => handler.values.some((value) => value.endsWith("marker")), {
        what: "a later fetch",
      });
      assert.deepEqual(handler.valuesOfOther(), []);
      handler.sessions[0]!.resume(handler.other!);
      await waitFor(() => handler.values.length === 11, { what: "the records that waited" });
    });
    assert.deepEqual(handler.valuesOfOther(), numbers(0, 5));
    client.disconnect();
  },
);

integrationTest("records that wait when their partition is moved are dropped", async (servers) => {
  const topic = uniqueName("moved");
  await servers.createTopic(topic, { partitions: 2 });
  for (const partition of [0, 1]) await produce(servers, topic, numbers(0, 5), partition);
  const client = await connect(servers, { topics: [topic], fetchWaitMs: 100 });
  const handler = new Interfering(topic, (session, other) => session.fetchFrom(other, 3n));
  await withMember(
    client,
    handler,
    () => waitFor(() => handler.values.length >= 7, { what: "seven records" }),
  );
  assert.deepEqual(handler.valuesOfOther(), numbers(3, 5));
  client.disconnect();
});
