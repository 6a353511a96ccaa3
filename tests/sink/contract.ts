/**
 * The contract of src/sink/sink.ts as tests: every sink runs them. They know nothing of folders: a prepared file may as
 * well be an upload that lacks its completion.
 */
import assert from "node:assert/strict";
import { type CheckpointRef, type FileToPrepare, type Sink, SinkError } from "../../src/sink/mod.ts";

export interface SinkUnderTest extends AsyncDisposable {
  /** Another view of the same place, as a second process has it; by default of always the same cluster and group. */
  open(of?: { readonly cluster?: string; readonly group?: string }): Promise<Sink>;
  /** What a reader finds: final name → bytes of everything that ends in .parquet, wherever it lies. */
  visible(): Promise<Map<string, Uint8Array>>;
  /** Takes a prepared file away behind the sink's back. */
  losePreparedFile(ref: CheckpointRef): Promise<void>;
  /** Where preparing and publishing two files can break off, by names of the sink's own. */
  readonly steps: { readonly prepare: readonly string[]; readonly publish: readonly string[] };
  /** From now on the step fails once; undefined: nothing fails. */
  breakAt(step: string | undefined): void;
  /** Takes the place away, and leaves nothing or another place of this kind under its name. */
  takeAway(leave: "nothing" | "another"): Promise<{ bringBack(): Promise<void> }>;
}

const range = { topic: "orders", partition: 3, first: 10n, next: 9_007_199_254_740_993n };

function ref(generation = 1): CheckpointRef {
  return { generation, id: crypto.randomUUID().replaceAll("-", "") };
}

function file(name: string, text = name): FileToPrepare {
  return { final: `${name}.parquet`, bytes: new TextEncoder().encode(text), rows: 1 };
}

async function pathsOf(sink: Sink): Promise<string[]> {
  return (await Array.fromAsync(sink.files())).map((path) => path.split("/").at(-1)!).sort();
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
    const at = await prepare(await place.open(), [file("a", "first"), file("sub/b", "second")]);
    // By a process that has not prepared them, and knows nothing but what was made durable.
    const sink = await place.open();
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
    assert.deepEqual(await pathsOf(sink), []);
  });

  test("what is in quarantine can be looked at, and dropped", async (place) => {
    const sink = await place.open();
    assert.deepEqual(await sink.quarantined(), []);
    const [kept, dropped] = [await prepare(sink, [file("a")]), await prepare(sink, [file("b")])];
    for (const at of [kept, dropped]) await sink.quarantine(at);
    const other = await place.open();
    assert.equal((await other.quarantined()).length, 2);
    assert.deepEqual(await (await place.open({ group: "other" })).quarantined(), []);
    await other.dropQuarantined(dropped);
    await other.dropQuarantined(dropped);
    const [found, ...more] = await sink.quarantined();
    assert.deepEqual([found!.ref, more.length], [kept, 0]);
    assert(typeof found!.manifest !== "string");
    assert.deepEqual(found!.manifest.ranges, [range]);
  });

  test("checkpoints are listed with their generation and age, those of other groups and clusters are not", async (place) => {
    const sink = await place.open();
    const refs = [await prepare(sink, [file("a")], ref(1)), await prepare(sink, [file("b")], ref(12))];
    for (const owner of [{ group: "other" }, { cluster: "other" }]) {
      const other = await place.open(owner);
      assert.deepEqual(await other.list(), []);
      await prepare(other, [file(`c-${Object.keys(owner)}`)]);
      assert.equal((await other.list()).length, 1);
    }
    const found = (await sink.list()).toSorted((a, b) => a.ref.generation - b.ref.generation);
    assert.deepEqual(found.map((each) => each.ref), refs);
    for (const { ageMs } of found) assert(ageMs >= -1000 && ageMs < 60_000, `${ageMs} ms`);
  });

  test("a publish that breaks off anywhere is finished by others, at once or later", async (place) => {
    for (const step of place.steps.publish) {
      const sinks = await Promise.all([place.open(), place.open(), place.open()]);
      const names = [crypto.randomUUID(), crypto.randomUUID()];
      const at = await prepare(sinks[0]!, names.map((name) => file(name)));
      place.breakAt(step);
      await assert.rejects(sinks[0]!.publish(at), SinkError, step);
      place.breakAt(undefined);
      const published = await Promise.all(sinks.map((sink) => sink.publish(at)));
      assert.deepEqual(published.flatMap(({ missing }) => missing), [], step);
      const visible = await place.visible();
      for (const name of names) {
        assert.equal(new TextDecoder().decode(visible.get(`${name}.parquet`)), name, step);
      }
      // What is left, if anything, is no checkpoint any more: the judge takes it for one that was never sealed.
      assert(!(await sinks[1]!.list()).some(({ manifest }) => manifest !== "none"), step);
      assert.equal(await sinks[2]!.holds("orders"), true, step);
    }
    assert.equal((await place.visible()).size, 2 * place.steps.publish.length);
  });

  test("what fails while it is prepared is discarded, and begun again under the same name", async (place) => {
    const sink = await place.open();
    for (const step of place.steps.prepare) {
      const at = ref();
      const names = [crypto.randomUUID(), crypto.randomUUID()];
      const attempt = async () => {
        const preparation = await sink.begin(at);
        for (const name of names) await preparation.write(file(name));
        await preparation.seal("orders", [range]);
      };
      place.breakAt(step);
      await assert.rejects(attempt(), SinkError, step);
      place.breakAt(undefined);
      await sink.discard(at);
      assert.deepEqual(await sink.list(), [], step);
      await attempt();
      await sink.publish(at);
      const visible = await place.visible();
      for (const name of names) assert(visible.has(`${name}.parquet`), step);
    }
    assert.equal((await place.visible()).size, 2 * place.steps.prepare.length);
  });

  for (const leave of ["nothing", "another"] as const) {
    test(`a place that is gone, with ${leave} under its name, is waited for`, async (place) => {
      const sink = await place.open();
      const [sealed, begun] = [await prepare(sink, [file("a")]), ref()];
      const preparation = await sink.begin(begun);
      const away = await place.takeAway(leave);
      const calls: Record<string, () => Promise<unknown>> = {
        begin: () => sink.begin(ref()),
        write: async () => {
          await preparation.write(file("b"));
          await preparation.seal("orders", [range]);
        },
        publish: () => sink.publish(sealed),
        list: () => sink.list(),
        quarantined: () => sink.quarantined(),
        quarantine: () => sink.quarantine(sealed),
        holds: () => sink.holds("orders"),
        firstPartitions: () => sink.firstPartitions("orders", 3),
        files: () => pathsOf(sink),
      };
      for (const [name, call] of Object.entries(calls)) await assert.rejects(call(), SinkError, name);
      await away.bringBack();
      assert.deepEqual(await sink.publish(sealed), { found: true, missing: [] });
      await sink.publish(await prepare(sink, [file("c")]));
      assert.deepEqual([...(await place.visible()).keys()].sort(), ["a.parquet", "c.parquet"]);
    });
  }

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
    const otherGroup = await place.open({ group: "other" });
    assert.equal(await otherGroup.holds("orders"), false);
    await otherGroup.publish(await prepare(otherGroup, [file("c")]));
    assert.deepEqual(await pathsOf(other), ["a.parquet", "b.parquet", "c.parquet"]);
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
    assert.equal(await (await place.open({ group: "other" })).firstPartitions("orders", 7), 7);
  });

  test("the store's id is made once, also by several at once", async (place) => {
    const sinks = await Promise.all([place.open(), place.open(), place.open()]);
    assert.equal(new Set(sinks.map(({ store }) => store)).size, 1);
    assert.equal((await place.open()).store, sinks[0]!.store);
    assert.equal((await place.open({ cluster: "other", group: "other" })).store, sinks[0]!.store);
    assert.match(sinks[0]!.store, /^[0-9a-f]{32}$/);
  });
}
