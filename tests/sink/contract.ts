/** The contract of src/sink/sink.ts as tests: every sink runs them. */
import assert from "node:assert/strict";
import type { CheckpointRef, FileToPrepare, Sink } from "../../src/sink/mod.ts";

export interface SinkUnderTest extends AsyncDisposable {
  /** Another view of the same place, as a second process has it. */
  open(): Promise<Sink>;
  /** What a reader finds: final name → bytes of everything that ends in .parquet, wherever it lies. */
  visible(): Promise<Map<string, Uint8Array>>;
  /** Takes a prepared file away behind the sink's back. */
  losePreparedFile(ref: CheckpointRef): Promise<void>;
}

const range = { topic: "orders", partition: 3, first: 10n, next: 9_007_199_254_740_993n };

function ref(generation = 1): CheckpointRef {
  return { generation, id: crypto.randomUUID().replaceAll("-", "") };
}

function file(name: string, text = name): FileToPrepare {
  return { final: `${name}.parquet`, bytes: new TextEncoder().encode(text), rows: 1 };
}

async function prepare(sink: Sink, files: readonly FileToPrepare[], at = ref()): Promise<CheckpointRef> {
  const preparation = await sink.begin(at);
  await Promise.all(files.map((each) => preparation.write(each)));
  await preparation.seal("orders", [range]);
  return at;
}

/** Registers the contract's tests for one kind of sink. */
export function testSinkContract(kind: string, make: () => Promise<SinkUnderTest>): void {
  const test = (name: string, body: (place: SinkUnderTest) => Promise<void>) =>
    Deno.test(`${kind}: ${name}`, async () => {
      await using place = await make();
      await body(place);
    });

  test("what is prepared is listed with its manifest, by another process too, and is not visible", async (place) => {
    const at = await prepare(await place.open(), [file("a"), file("sub/b")]);
    assert.deepEqual([...(await place.visible()).keys()], []);
    const [found, ...more] = await (await place.open()).list();
    assert.equal(more.length, 0);
    assert.deepEqual(found!.ref, at);
    assert.notEqual(typeof found!.manifest, "string");
    if (typeof found!.manifest === "string") return;
    assert.deepEqual(found!.manifest.ranges, [range]);
    assert.deepEqual(found!.manifest.files.map(({ final }) => final), ["a.parquet", "sub/b.parquet"]);
    assert.equal(found!.manifest.topic, "orders");
  });

  test("published files have their final names and bytes, and nothing stays behind", async (place) => {
    const sink = await place.open();
    const at = await prepare(sink, [file("a", "first"), file("sub/b", "second")]);
    assert.deepEqual(await sink.publish(at), { found: true, missing: [] });
    const visible = await place.visible();
    assert.deepEqual([...visible.keys()].sort(), ["a.parquet", "sub/b.parquet"]);
    assert.equal(new TextDecoder().decode(visible.get("sub/b.parquet")), "second");
    assert.deepEqual(await sink.list(), []);
  });

  test("publishing again, or by several at once, changes nothing", async (place) => {
    const sinks = await Promise.all([place.open(), place.open(), place.open()]);
    const at = await prepare(sinks[0]!, [file("a"), file("b"), file("c")]);
    await Promise.all(sinks.map((sink) => sink.publish(at)));
    assert.equal((await place.visible()).size, 3);
    assert.deepEqual(await sinks[1]!.publish(at), { found: false, missing: [] });
    assert.equal((await place.visible()).size, 3);
  });

  test("a file that is neither prepared nor published is reported, the others are published", async (place) => {
    const sink = await place.open();
    const at = await prepare(sink, [file("a"), file("b")]);
    await place.losePreparedFile(at);
    assert.deepEqual(await sink.publish(at), { found: true, missing: ["a.parquet"] });
    assert.deepEqual([...(await place.visible()).keys()], ["b.parquet"]);
  });

  test("a final file is never overwritten", async (place) => {
    const sink = await place.open();
    await sink.publish(await prepare(sink, [file("a", "old")]));
    const again = await prepare(sink, [file("a", "new")]);
    await assert.rejects(sink.publish(again), /is there already/);
    assert.equal(new TextDecoder().decode((await place.visible()).get("a.parquet")), "old");
    assert.equal((await sink.list()).length, 1);
  });

  test("a checkpoint that was not sealed is listed without a manifest, and publishes nothing", async (place) => {
    const sink = await place.open();
    const at = ref();
    await (await sink.begin(at)).write(file("a"));
    const [found] = await sink.list();
    assert.deepEqual(found!.ref, at);
    assert.equal(found!.manifest, "none");
    assert.deepEqual(await sink.publish(at), { found: false, missing: [] });
    assert.equal((await place.visible()).size, 0);
  });

  test("discarded and quarantined checkpoints are not listed and never become visible", async (place) => {
    const sink = await place.open();
    const discarded = await prepare(sink, [file("a")]);
    const quarantined = await prepare(sink, [file("b")]);
    await sink.discard(discarded);
    await sink.discard(discarded);
    await sink.quarantine(quarantined);
    await sink.quarantine(quarantined);
    assert.deepEqual(await sink.list(), []);
    await sink.publish(discarded);
    await sink.publish(quarantined);
    assert.equal((await place.visible()).size, 0);
  });

  test("published files are found, and their topic is one that the group holds", async (place) => {
    const sink = await place.open();
    assert.equal(await sink.holds("orders"), false);
    await prepare(sink, [file("never")]);
    const at = await prepare(sink, [file("a"), file("sub/b")]);
    assert.equal(await sink.holds("orders"), false);
    await sink.publish(at);
    const other = await place.open();
    assert.equal(await other.holds("orders"), true);
    assert.equal(await other.holds("payments"), false);
    const found: string[] = [];
    for await (const path of other.files()) found.push(path);
    assert.deepEqual(found.map((path) => path.split("/").at(-1)).sort(), ["a.parquet", "b.parquet"]);
  });

  test("how many partitions a topic had at first is remembered, whoever asks", async (place) => {
    const [first, second] = await Promise.all([place.open(), place.open()]);
    const told = await Promise.all([
      first!.firstPartitions("orders", 3),
      second!.firstPartitions("orders", 3),
    ]);
    assert.deepEqual(told, [3, 3]);
    assert.equal(await second!.firstPartitions("orders", 5), 3);
    assert.equal(await second!.firstPartitions("payments", 0), 0);
  });

  test("the store's id is made once, also by several at once", async (place) => {
    const sinks = await Promise.all([place.open(), place.open(), place.open()]);
    assert.equal(new Set(sinks.map(({ store }) => store)).size, 1);
    assert.equal((await place.open()).store, sinks[0]!.store);
    assert.match(sinks[0]!.store, /^[0-9a-f]{32}$/);
  });
}
