import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { UserError } from "../../src/errors.ts";
import { armFaults } from "../../src/fault.ts";
import { LocalSink } from "../../src/sink/mod.ts";
import { type SinkUnderTest, testSinkContract } from "./contract.ts";

const NAMES = { cluster: "c1", group: "4" };

async function* parquetFiles(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* parquetFiles(path);
    else if (entry.name.endsWith(".parquet")) yield path;
  }
}

/** Where the local sink has its fault points; with two files some are passed twice. */
const PREPARE_STEPS = [
  ...["folder-made", "file-written@1", "file-written@2", "file-synced@1", "file-synced@2"],
  ...["manifest-written", "manifest-renamed", "folder-synced", "home-synced"],
];
const PUBLISH_STEPS = [
  ...["before-publish", "file-linked@1", "file-unlinked@1", "file-linked@2", "file-unlinked@2"],
  ...["final-synced", "topic-marked", "manifest-removed", "folder-removed"],
];

async function makeLocal(): Promise<SinkUnderTest> {
  const folder = await Deno.makeTempDir({ prefix: "k2p-sink-" });
  const output = join(folder, "data");
  return {
    steps: { prepare: PREPARE_STEPS, publish: PUBLISH_STEPS },
    breakAt(step) {
      const [point, passing = "1"] = step?.split("@") ?? [];
      armFaults(step && `${point}:EIO@${passing}`);
    },
    async takeAway(leave) {
      await Deno.rename(output, `${output}.away`);
      if (leave === "another") await LocalSink.open({ output, ...NAMES });
      return {
        async bringBack() {
          const left = leave === "another"
            ? await (await LocalSink.open({ output, ...NAMES })).list()
            : await Array.fromAsync(Deno.readDir(folder)).then((all) => all.slice(1));
          assert.deepEqual(left, [], "nothing is made in its place");
          if (leave === "another") await Deno.remove(output, { recursive: true });
          await Deno.rename(`${output}.away`, output);
        },
      };
    },
    open: (of) => LocalSink.open({ output, ...NAMES, ...of }),
    async visible() {
      const found = new Map<string, Uint8Array>();
      for await (const path of parquetFiles(output)) {
        found.set(relative(output, path), await Deno.readFile(path));
      }
      return found;
    },
    async losePreparedFile(ref) {
      await Deno.remove(join(output, ".kafka2parquet/c1/4", `${ref.generation}-${ref.id}`, "0.parquet.tmp"));
    },
    async [Symbol.asyncDispose]() {
      armFaults(undefined);
      await Deno.remove(folder, { recursive: true });
    },
  };
}

testSinkContract("local sink", makeLocal);

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "k2p-sink-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function prepareOne(sink: LocalSink, final: string) {
  const ref = { generation: 1, id: crypto.randomUUID().replaceAll("-", "") };
  const preparation = await sink.begin(ref);
  await preparation.write({ final, bytes: new Uint8Array([1, 2, 3]), rows: 1 });
  await preparation.seal("orders", []);
  return ref;
}

Deno.test("local sink: a publish that was interrupted between link and unlink is finished", () =>
  withFolder(async (output) => {
    const sink = await LocalSink.open({ output, ...NAMES });
    const ref = await prepareOne(sink, "a.parquet");
    const folder = join(output, ".kafka2parquet/c1/4", `1-${ref.id}`);
    await Deno.link(join(folder, "0.parquet.tmp"), join(output, "a.parquet"));
    assert.deepEqual(await sink.publish(ref), { found: true, missing: [] });
    assert.deepEqual(await Deno.readFile(join(output, "a.parquet")), new Uint8Array([1, 2, 3]));
    assert.deepEqual(await sink.list(), []);
  }));

Deno.test("local sink: a manifest of a newer format is neither taken for none nor published", () =>
  withFolder(async (output) => {
    const sink = await LocalSink.open({ output, ...NAMES });
    const ref = await prepareOne(sink, "a.parquet");
    const manifest = join(output, ".kafka2parquet/c1/4", `1-${ref.id}`, "manifest.json");
    const text = await Deno.readTextFile(manifest);
    await Deno.writeTextFile(manifest, text.replace('"format": 1', '"format": 2'));
    assert.equal((await sink.list())[0]!.manifest, "unreadable");
    await assert.rejects(sink.publish(ref), /cannot be read/);
  }));

Deno.test("local sink: final folders that were removed meanwhile are made again", () =>
  withFolder(async (folder) => {
    const output = join(folder, "data");
    const deadLetter = join(folder, "dead_letter");
    const sink = await LocalSink.open({ output, alsoInto: [deadLetter], ...NAMES });
    const ref = await prepareOne(sink, "../dead_letter/a.parquet");
    await Deno.remove(deadLetter);
    await sink.publish(ref);
    assert.equal((await Deno.stat(join(deadLetter, "a.parquet"))).size, 3);
  }));

Deno.test("local sink: groups have homes of their own, whatever they are called", () =>
  withFolder(async (output) => {
    for (const group of ["a/b", "..", ".", "a b", "ä"]) {
      const sink = await LocalSink.open({ output, cluster: "c1", group });
      await prepareOne(sink, "a.parquet");
      assert.equal((await sink.list()).length, 1, group);
    }
    assert.deepEqual([...Deno.readDirSync(output)].map(({ name }) => name), [".kafka2parquet"]);
  }));

Deno.test("local sink: the folder that cannot be written is named, with the flag that gives it", () =>
  withFolder(async (folder) => {
    const file = join(folder, "file");
    await Deno.writeTextFile(file, "");
    for (
      const [options, blamed, flag] of [
        [{ output: file }, file, /^Give --output a folder/],
        [{ output: join(file, "data") }, join(file, "data"), /^Give --output a folder/],
        [{ output: folder, alsoInto: [join(file, "dl")] }, join(file, "dl"), /^Give --dead-letter a folder/],
      ] as const
    ) {
      await assert.rejects(LocalSink.open({ ...options, ...NAMES }), (error) => {
        assert(error instanceof UserError);
        assert(error.message.startsWith(`Cannot write to ${blamed}: `), error.message);
        assert.match(error.hint ?? "", flag);
        return true;
      });
    }
  }));

Deno.test({
  name: "local sink: a folder that the program may not write to is told without the runtime's own words",
  permissions: { read: true, write: false },
  async fn() {
    await assert.rejects(LocalSink.open({ output: "no/such/folder", ...NAMES }), {
      message: "Cannot write to no/such/folder: this program was not given the right to write there",
      exitCode: 78,
    });
  },
});

Deno.test({
  name: "local sink: folders on two file systems are refused at the start",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (output) => {
      const other = await Deno.makeTempDir({ dir: "/dev/shm", prefix: "k2p-sink-" });
      try {
        await assert.rejects(
          LocalSink.open({ output, alsoInto: [other], ...NAMES }),
          (error) => error instanceof UserError && /same file system/.test(error.hint ?? ""),
        );
        assert.deepEqual([...Deno.readDirSync(other)], []);
      } finally {
        await Deno.remove(other, { recursive: true });
      }
    }),
});

Deno.test("local sink: a store file that holds no id is an error, and is left as it is", () =>
  withFolder(async (output) => {
    await LocalSink.open({ output, ...NAMES });
    const path = join(output, ".kafka2parquet/store");
    await Deno.writeTextFile(path, "nonsense\n");
    await assert.rejects(LocalSink.open({ output, ...NAMES }), /does not hold a store id/);
    assert.equal(await Deno.readTextFile(path), "nonsense\n");
  }));
