/** A folder looked at and tried out before anything is archived into it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../src/errors.ts";
import { LocalSink, lookInto, tryOut } from "../../src/sink/mod.ts";
import { tempDir } from "../support/temp.ts";

const OF = { cluster: "c1", group: "4" };

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

Deno.test("look: a folder that is not there is tried where it would be made, and is not made", async () => {
  await using folder = await tempDir();
  const [output, deadLetter] = [join(folder.path, "a/b/data"), join(folder.path, "dead")];
  const [data, dead] = await tryOut({ output, alsoInto: [deadLetter], ...OF });
  assert.equal(data!.tried, folder.path);
  assert.equal(dead!.tried, folder.path);
  assert.ok(data!.freeBytes! > 0);
  assert.deepEqual(await names(folder.path), []);
});

Deno.test("look: an archive that is there is tried in place, and is as it was", async () => {
  await using folder = await tempDir();
  const output = join(folder.path, "data");
  await LocalSink.open({ output, ...OF });
  const before = [await names(output), await names(join(output, ".kafka2parquet/c1/4"))];
  const [data] = await tryOut({ output, ...OF });
  assert.equal(data!.tried, output);
  assert.deepEqual([await names(output), await names(join(output, ".kafka2parquet/c1/4"))], before);
});

Deno.test("look: a file in the way is told, with the flag that names another folder", async () => {
  await using folder = await tempDir();
  const output = join(folder.path, "data");
  await Deno.writeTextFile(output, "");
  for (const taken of [output, join(output, "below")]) {
    await assert.rejects(tryOut({ output: taken, ...OF }), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, new RegExp(`^Cannot write to ${taken}: `));
      assert.match(error.hint!, /--output/);
      return true;
    });
  }
});

Deno.test("look: what an archive remembers is read as it was written, and nothing is remembered by looking", async () => {
  await using folder = await tempDir();
  const output = join(folder.path, "data");
  const look = lookInto({ output, ...OF });
  assert.equal(await look.firstPartitions("orders", 7), 7);
  assert.equal(await look.holds("orders"), false);
  assert.deepEqual(await Array.fromAsync(look.files()), []);
  assert.deepEqual(await names(folder.path), []);
  const sink = await LocalSink.open({ output, ...OF });
  await sink.firstPartitions("orders", 3);
  assert.equal(await look.firstPartitions("orders", 7), 3);
  const ref = { generation: 1, id: "0".repeat(32) };
  await (await sink.begin(ref)).seal("orders", []);
  assert.equal(await look.holds("orders"), false);
  await sink.publish(ref);
  assert.equal(await look.holds("orders"), true);
  assert.equal(await lookInto({ output, ...OF, group: "5" }).holds("orders"), false);
});
