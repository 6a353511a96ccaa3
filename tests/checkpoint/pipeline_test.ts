import assert from "node:assert/strict";
import { Backlog, CheckpointPipeline, type PipelineOptions } from "../../src/checkpoint/mod.ts";
import { UserError } from "../../src/errors.ts";
import type { CommitOutcome } from "../../src/kafka/mod.ts";
import type { OffsetToCommit } from "../../src/model.ts";
import { waitFor } from "../support/mod.ts";
import { type FileToPrepare, LocalSink, type Sink } from "../../src/sink/mod.ts";

interface Bench {
  readonly pipeline: CheckpointPipeline;
  readonly sink: Sink;
  readonly commits: (readonly OffsetToCommit[])[];
  readonly published: string[];
  readonly failures: unknown[];
  /** How often a commit was accepted only after an attempt without an answer. */
  readonly uncertain: { count: number };
  readonly session: AbortController;
  /** Names of the visible files. */
  visible(): string[];
}

/** A pipeline over a real folder; `answer` plays the coordinator. */
async function withPipeline(
  body: (bench: Bench) => Promise<void>,
  options: {
    answer?: (attempt: number, bench: Bench) => CommitOutcome | Promise<CommitOutcome>;
    wrap?: (sink: Sink) => Sink;
    backlogBytesMax?: number;
    onSinkError?: "retry" | "stop";
  } = {},
): Promise<void> {
  const output = await Deno.makeTempDir({ prefix: "k2p-pipeline-" });
  const local = await LocalSink.open({ output, cluster: "c", group: "g" });
  const sink = options.wrap?.(local) ?? local;
  const session = new AbortController();
  const commits: (readonly OffsetToCommit[])[] = [];
  const published: string[] = [];
  const failures: unknown[] = [];
  const uncertain = { count: 0 };
  const visible = () =>
    [...Deno.readDirSync(output)].map(({ name }) => name).filter((name) => name.endsWith(".parquet"));
  const pipelineOptions: PipelineOptions = {
    topic: "t",
    generation: 1,
    session: session.signal,
    commit: async (offsets) => {
      commits.push(offsets);
      return await options.answer?.(commits.length, bench) ?? { kind: "committed" };
    },
    sink,
    onSinkError: options.onSinkError ?? "retry",
    backlog: new Backlog(options.backlogBytesMax ?? 1000),
    pending: () => new Map(),
    start: () => undefined,
    randomId: () => crypto.randomUUID().replaceAll("-", ""),
    leaving: session.signal,
    onUncertain: () => uncertain.count++,
    onCommitted: () => {},
    onPublished: (files) => published.push(...files.map(({ final }) => final)),
    onFailure: (error) => failures.push(error),
  };
  const pipeline = new CheckpointPipeline(pipelineOptions);
  const bench: Bench = { pipeline, sink: local, commits, published, failures, uncertain, session, visible };
  try {
    await body(bench);
  } finally {
    session.abort();
    pipeline.close();
    // A write that was under way when the session ended may still make its file.
    await waitFor(() => Deno.remove(output, { recursive: true }).then(() => true, () => false), {
      what: "removal",
    });
  }
}

const file = (name: string): FileToPrepare => ({
  final: `${name}.parquet`,
  bytes: new Uint8Array([1]),
  rows: 1,
});
const range = (first: bigint, next: bigint, partition = 0) => ({ topic: "t", partition, first, next });
const RETRY: CommitOutcome = { kind: "retry", code: "REQUEST_TIMED_OUT", message: "no answer" };

Deno.test("pipeline: when the commit is asked for, the files are durable and not yet visible", () => {
  const seen: unknown[] = [];
  return withPipeline(async ({ pipeline, published, commits, visible }) => {
    pipeline.add([file("a"), file("b")], [range(0n, 5n)]);
    await pipeline.drain();
    assert.deepEqual(seen, [{ visible: 0, sealed: true }]);
    assert.deepEqual(visible().sort(), ["a.parquet", "b.parquet"]);
    assert.deepEqual(published.sort(), ["a.parquet", "b.parquet"]);
    assert.equal(commits[0]![0]!.offset, 5n);
    assert.equal(pipeline.settled, true);
  }, {
    answer: async (_, { sink, visible }) => {
      const [prepared] = await sink.list();
      seen.push({ visible: visible().length, sealed: typeof prepared?.manifest !== "string" });
      return { kind: "committed" };
    },
  });
});

Deno.test("pipeline: an unknown answer is asked for again; after it nothing more is committed in this membership", () =>
  withPipeline(async ({ pipeline, commits, visible, uncertain }) => {
    pipeline.add([file("a")], [range(0n, 5n)]);
    pipeline.add([file("b")], [range(5n, 9n)]);
    await pipeline.drain();
    assert.equal(commits.length, 3);
    assert.deepEqual(commits[2], commits[0]);
    assert.deepEqual(visible(), ["a.parquet"]);
    // The first attempts may still arrive: a later commit would be taken back by them.
    assert.equal(uncertain.count, 1);
    assert.equal(pipeline.settled, false);
  }, { answer: (attempt) => attempt < 3 ? RETRY : { kind: "committed" } }));

for (const kind of ["session-over", "rebalance"] as const) {
  Deno.test(`pipeline: after "${kind}" nothing is touched, and nothing later is committed`, () =>
    withPipeline(async ({ pipeline, commits, visible, sink, failures }) => {
      pipeline.add([file("a")], [range(0n, 5n)]);
      await pipeline.drain();
      pipeline.add([file("b")], [range(5n, 9n)]);
      await pipeline.drain();
      assert.equal(commits.length, 1);
      assert.deepEqual(visible(), []);
      assert.equal((await sink.list()).filter(({ manifest }) => typeof manifest !== "string").length, 1);
      assert.equal(pipeline.settled, false);
      assert.deepEqual(failures, []);
    }, { answer: () => ({ kind, code: "ILLEGAL_GENERATION" }) }));
}

Deno.test("pipeline: a session that ends while the answer is unknown leaves the files to the judge", () =>
  withPipeline(async ({ pipeline, visible, sink }) => {
    pipeline.add([file("a")], [range(0n, 5n)]);
    await pipeline.drain();
    assert.deepEqual(visible(), []);
    assert.equal((await sink.list()).length, 1);
    assert.equal(pipeline.settled, false);
  }, {
    answer: (attempt, { session }) => {
      if (attempt === 2) session.abort();
      return RETRY;
    },
  }));

Deno.test("pipeline: a refused commit ends the program, nothing is published", () =>
  withPipeline(async ({ pipeline, visible, failures }) => {
    pipeline.add([file("a")], [range(0n, 5n)]);
    await pipeline.drain();
    assert.match(String(failures[0]), /t\[0\] TOPIC_AUTHORIZATION_FAILED/);
    assert.deepEqual(visible(), []);
  }, {
    answer: () => ({
      kind: "failed",
      refused: [{ topic: "t", partition: 0, code: "TOPIC_AUTHORIZATION_FAILED" }],
      committed: [],
    }),
  }));

/** The same sink as an object of functions, some of which a test replaces. */
function wrapped(sink: Sink): Sink {
  return {
    store: sink.store,
    begin: (ref) => sink.begin(ref),
    publish: (ref) => sink.publish(ref),
    list: () => sink.list(),
    holds: (topic) => sink.holds(topic),
    firstPartitions: (topic, count) => sink.firstPartitions(topic, count),
    files: () => sink.files(),
    discard: (ref) => sink.discard(ref),
    quarantine: (ref) => sink.quarantine(ref),
    quarantined: () => sink.quarantined(),
    dropQuarantined: (ref) => sink.dropQuarantined(ref),
  };
}

/** A sink whose named calls fail so many times first. */
function failing(calls: Partial<Record<"write" | "seal" | "publish", number>>) {
  return (sink: Sink): Sink => {
    const fail = (call: keyof typeof calls) => {
      const left = calls[call] ?? 0;
      if (left > 0) {
        calls[call] = left - 1;
        throw new Error("EIO: input/output error");
      }
    };
    return {
      ...wrapped(sink),
      async begin(ref) {
        const preparation = await sink.begin(ref);
        return {
          async write(each) {
            // The bytes arrive and the fsync fails: exactly what must not be trusted.
            await preparation.write(each);
            fail("write");
          },
          async seal(topic, ranges) {
            fail("seal");
            await preparation.seal(topic, ranges);
          },
        };
      },
      async publish(ref) {
        fail("publish");
        return await sink.publish(ref);
      },
    };
  };
}

for (const call of ["write", "seal", "publish"] as const) {
  Deno.test(`pipeline: a ${call} that fails twice is done again, and each file is there once`, () =>
    withPipeline(async ({ pipeline, commits, visible, sink, failures }) => {
      pipeline.add([file("a"), file("b")], [range(0n, 5n)]);
      await pipeline.drain();
      assert.deepEqual(visible().sort(), ["a.parquet", "b.parquet"]);
      assert.equal(commits.length, 1);
      assert.deepEqual(await sink.list(), []);
      assert.deepEqual(failures, []);
    }, { wrap: failing({ [call]: 2 }) }));
}

for (const call of ["write", "seal", "publish"] as const) {
  Deno.test(`pipeline: under on-sink-error stop a ${call} that fails ends the program, and nothing more is committed`, () =>
    withPipeline(async ({ pipeline, commits, visible, sink, failures }) => {
      pipeline.add([file("a")], [range(0n, 5n)]);
      await pipeline.drain();
      pipeline.add([file("b")], [range(5n, 9n)]);
      await pipeline.drain();
      assert.equal(commits.length, call === "publish" ? 1 : 0);
      assert.deepEqual(visible(), []);
      assert.equal(pipeline.settled, false);
      assert.match(String(failures[0]), /EIO: input\/output error/);
      assert(failures[0] instanceof UserError && failures.length === 1);
      // What was not committed is gone; what was committed is kept for whoever publishes it.
      assert.equal((await sink.list()).length, call === "publish" ? 1 : 0);
    }, { wrap: failing({ [call]: 1 }), onSinkError: "stop" }));
}

Deno.test("pipeline: a checkpoint that cannot begin while all writers are busy is an error like any other", () => {
  const held = Promise.withResolvers<void>();
  let begins = 0;
  return withPipeline(async ({ pipeline, visible, failures }) => {
    pipeline.add(Array.from({ length: 16 }, (_, i) => file(`a${i}`)), [range(0n, 16n)]);
    pipeline.add([file("b")], [range(16n, 17n)]);
    await waitFor(() => begins === 2, { what: "the second checkpoint", everyMs: 1 });
    // A rejection that nobody waits for would end the thread here.
    await new Promise((resolve) => setTimeout(resolve));
    held.resolve();
    await pipeline.drain();
    assert.equal(visible().length, 17);
    assert.deepEqual(failures, []);
  }, {
    wrap: (sink) => ({
      ...wrapped(sink),
      async begin(ref) {
        if (++begins === 2) throw new Error("EIO: input/output error");
        const preparation = await sink.begin(ref);
        return {
          async write(each) {
            await held.promise;
            await preparation.write(each);
          },
          seal: (topic, ranges) => preparation.seal(topic, ranges),
        };
      },
    }),
  });
});

Deno.test("pipeline: the next checkpoint is not committed before the last one is published", () => {
  const order: string[] = [];
  return withPipeline(async ({ pipeline, commits }) => {
    pipeline.add([file("a")], [range(0n, 5n)]);
    pipeline.add([file("b")], [range(5n, 9n)]);
    await pipeline.drain();
    assert.deepEqual(order, ["commit 5, visible 0", "commit 9, visible 1"]);
    assert.equal(commits.length, 2);
  }, {
    wrap: failing({ publish: 2 }),
    answer: (_, { commits, visible }) => {
      order.push(`commit ${commits.at(-1)![0]!.offset}, visible ${visible().length}`);
      return { kind: "committed" };
    },
  });
});

Deno.test("pipeline: files that come while one checkpoint is in flight share the next", () =>
  withPipeline(async ({ pipeline, commits }) => {
    for (let i = 0n; i < 20n; i++) pipeline.add([file(`f${i}`)], [range(i, i + 1n)]);
    await pipeline.drain();
    assert.equal(commits.length, 2);
    assert.equal(commits[1]![0]!.offset, 20n);
  }));

Deno.test("pipeline: a range that does not start where the last one ended is a bug that is noticed", () =>
  withPipeline(async ({ pipeline }) => {
    pipeline.add([file("a")], [range(0n, 5n)]);
    pipeline.add([file("b")], [range(5n, 9n)]);
    assert.throws(
      () => pipeline.add([file("c")], [range(10n, 12n)]),
      /starts at 10, the last one ended at 9/,
    );
    await pipeline.drain();
  }));

Deno.test("pipeline: ranges without files are committed, and say where the uncovered records begin", () =>
  withPipeline(async ({ pipeline, commits, sink }) => {
    pipeline.addWithoutFiles([{ ...range(30n, 50n), uncovered: 20n }]);
    await pipeline.drain();
    assert.deepEqual(commits[0], [{
      topic: "t",
      partition: 0,
      offset: 50n,
      metadata: `k1 ${sink.store} - 20`,
    }]);
  }));

Deno.test("pipeline: a full backlog makes the caller wait until files are published", () => {
  const held = Promise.withResolvers<void>();
  return withPipeline(async ({ pipeline, visible }) => {
    pipeline.add([file("a")], [range(0n, 5n)]);
    pipeline.add([file("b")], [range(5n, 9n)]);
    let hasRoom = false;
    const room = pipeline.room().then(() => hasRoom = true);
    await waitFor(() => pipeline.checkpointId !== "" && !hasRoom, { what: "the caller to wait" });
    assert.deepEqual(visible(), []);
    held.resolve();
    await room;
    assert(visible().length > 0);
  }, {
    backlogBytesMax: 1,
    answer: async () => {
      await held.promise;
      return { kind: "committed" };
    },
  });
});
