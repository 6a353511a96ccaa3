/** Exchanging a file for others: whatever breaks off where, a reader finds the one or the others, and never both. */
import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { UserError } from "../../src/errors.ts";
import { armFaults, REDRIVE_POINTS } from "../../src/fault.ts";
import { findHomes, fingerprintOf, LocalExchange } from "../../src/sink/mod.ts";
import { parquetFiles, tempDir } from "../support/mod.ts";

const text = new TextEncoder();
/** Two files in place of one, in both folders. */
const FILES = [
  { final: "rows.parquet", bytes: text.encode("rows"), rows: 1 },
  { final: "../dead_letter/rest.parquet", bytes: text.encode("rest"), rows: 2 },
];
const BEFORE = ["dead_letter/source.parquet"];
const AFTER = ["data/rows.parquet", "dead_letter/rest.parquet"];

interface Place extends AsyncDisposable {
  readonly output: string;
  readonly source: string;
  open(): Promise<LocalExchange>;
  /** Exchanges the source. */
  exchange(): Promise<string>;
  /** What a reader finds, hidden folders included. */
  visible(): Promise<string[]>;
  /** What is left in the program's own folder. */
  hidden(): Promise<string[]>;
}

async function makePlace(): Promise<Place> {
  const folder = await tempDir();
  const output = join(folder.path, "data");
  const sources = join(folder.path, "dead_letter");
  const source = join(sources, "source.parquet");
  for (const path of [output, sources]) await Deno.mkdir(path);
  await Deno.writeTextFile(source, "source");
  const open = () => LocalExchange.open({ output, sources });
  return {
    output,
    source,
    open,
    async exchange() {
      using exchange = await open();
      return (await exchange.replace(source, await fingerprintOf(source), FILES)).kind;
    },
    visible: async () => (await parquetFiles(folder.path)).map((path) => relative(folder.path, path)).sort(),
    async hidden() {
      const home = join(output, ".kafka2parquet/redrive");
      return (await Array.fromAsync(Deno.readDir(home))).map(({ name }) => name).filter((name) =>
        name !== "lock"
      );
    },
    async [Symbol.asyncDispose]() {
      armFaults(undefined);
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function recover(place: Place): Promise<number> {
  using exchange = await place.open();
  return (await exchange.recover()).length;
}

Deno.test("exchange: others come in a file's place, in one step", async () => {
  await using place = await makePlace();
  assert.equal(await place.exchange(), "done");
  assert.deepEqual(await place.visible(), AFTER);
  assert.equal(await Deno.readTextFile(join(place.output, "rows.parquet")), "rows");
  assert.deepEqual(await place.hidden(), []);
  assert.equal(await recover(place), 0);
  assert.deepEqual(await place.visible(), AFTER);
});

/** From here on the exchange is committed. */
const COMMIT = REDRIVE_POINTS.indexOf("redrive-committed");
const STEPS = [
  ...REDRIVE_POINTS.filter((point) => point !== "redrive-file-written"),
  ...["redrive-file-written@1", "redrive-file-written@2", "file-linked@1", "file-linked@2"],
];

for (const step of STEPS) {
  Deno.test(`exchange: broken off at ${step}, then recovered`, async () => {
    await using place = await makePlace();
    const [point, passing = "1"] = step.split("@");
    const index = REDRIVE_POINTS.findIndex((one) => one === point);
    const isCommitted = index < 0 || index >= COMMIT;
    armFaults(`${point}:EIO@${passing}`);
    await assert.rejects(place.exchange(), /input\/output error/, "the fault was not met");
    armFaults(undefined);
    const between = await place.visible();
    assert(
      !between.includes(BEFORE[0]!) || between.length === 1,
      `the source is visible beside what came in its place: ${between}`,
    );
    if (!isCommitted) assert.deepEqual(between, BEFORE);
    await recover(place);
    assert.deepEqual(await place.visible(), isCommitted ? AFTER : BEFORE);
    assert.deepEqual(await place.hidden(), []);
    if (!isCommitted) {
      assert.equal(await place.exchange(), "done");
      assert.deepEqual(await place.visible(), AFTER);
    }
  });
}

/** Within a recovery that follows a death behind the commit. */
const RECOVERY: readonly string[] = [...REDRIVE_POINTS.slice(COMMIT + 1), "file-linked"];

for (const step of RECOVERY) {
  Deno.test(`exchange: a recovery that breaks off at ${step} is ended by the next`, async () => {
    await using place = await makePlace();
    armFaults("redrive-committed:EIO");
    await assert.rejects(place.exchange());
    armFaults(`${step}:EIO`);
    await assert.rejects(recover(place), /input\/output error/);
    armFaults(undefined);
    await recover(place);
    assert.deepEqual(await place.visible(), AFTER);
    assert.deepEqual(await place.hidden(), []);
  });
}

Deno.test("exchange: a source that was changed since it was read stays as it is", async () => {
  await using place = await makePlace();
  using exchange = await place.open();
  const read = await fingerprintOf(place.source);
  await Deno.writeTextFile(place.source, "edited");
  assert.equal((await exchange.replace(place.source, read, FILES)).kind, "changed");
  assert.deepEqual(await place.visible(), BEFORE);
  assert.equal(await Deno.readTextFile(place.source), "edited");
  assert.deepEqual(await place.hidden(), []);
});

Deno.test("exchange: a source that was changed is put back by the recovery, too", async () => {
  await using place = await makePlace();
  const read = await fingerprintOf(place.source);
  await Deno.writeTextFile(place.source, "edited");
  armFaults("redrive-committed:EIO");
  {
    using exchange = await place.open();
    await assert.rejects(exchange.replace(place.source, read, FILES));
  }
  armFaults(undefined);
  assert.equal(await recover(place), 0);
  assert.deepEqual(await place.visible(), BEFORE);
  assert.equal(await Deno.readTextFile(place.source), "edited");
});

Deno.test("exchange: of two at once on one archive one is refused, and the lock dies with its owner", async () => {
  await using place = await makePlace();
  {
    using _first = await place.open();
    await assert.rejects(place.open(), (error) => {
      assert(error instanceof UserError);
      assert.equal(error.message, `Another redrive is at work in ${place.output}`);
      return true;
    });
  }
  assert.equal(await place.exchange(), "done");
});

Deno.test("exchange: of two archives that want the same source one has it, even where the other dies", async () => {
  await using place = await makePlace();
  const other = join(place.output, "../other");
  await Deno.mkdir(other);
  const sources = join(place.output, "../dead_letter");
  const read = await fingerprintOf(place.source);
  // The other has prepared all and dies before its rename.
  armFaults("redrive-prepared:EIO");
  {
    using exchange = await LocalExchange.open({ output: other, sources });
    await assert.rejects(exchange.replace(place.source, read, FILES.slice(0, 1)));
  }
  armFaults(undefined);
  assert.equal(await place.exchange(), "done");
  using exchange = await LocalExchange.open({ output: other, sources });
  assert.deepEqual(await exchange.recover(), []);
  assert.deepEqual((await exchange.replace(place.source, read, FILES.slice(0, 1))).kind, "gone");
  assert.deepEqual(await place.visible(), AFTER);
});

Deno.test("exchange: a file that has a final name already is never overwritten", async () => {
  await using place = await makePlace();
  await Deno.writeTextFile(join(place.output, "rows.parquet"), "mine");
  await assert.rejects(place.exchange(), /is there already/);
  assert.equal(await Deno.readTextFile(join(place.output, "rows.parquet")), "mine");
  // Nothing is lost of it: it waits until the name is free.
  await Deno.remove(join(place.output, "rows.parquet"));
  assert.equal(await recover(place), 1);
  assert.deepEqual(await place.visible(), AFTER);
});

Deno.test("exchange: an archive that is not there is not made", async () => {
  await using place = await makePlace();
  const output = join(place.output, "../gone");
  await assert.rejects(LocalExchange.open({ output, sources: join(place.output, "../dead_letter") }), {
    name: "UserError",
    message: /^Cannot write to .*gone/,
  });
  await assert.rejects(Deno.stat(output), Deno.errors.NotFound);
});

Deno.test("exchange: a reader of the program's own folders finds what is not ended", async () => {
  await using place = await makePlace();
  for (const [point, isCommitted] of [["redrive-prepared", false], ["redrive-committed", true]] as const) {
    armFaults(`${point}:EIO`);
    const discards = !isCommitted;
    if (discards) armFaults(`${point}:EIO,redrive-discarding:EIO`);
    await assert.rejects(place.exchange());
    armFaults(undefined);
    const { exchanges, homes } = await findHomes(place.output);
    assert.deepEqual(exchanges.map((one) => [one.isCommitted, one.manifest?.source]), [
      [isCommitted, "../dead_letter/source.parquet"],
    ]);
    assert(homes.every(({ checkpoints }) => checkpoints.length === 0));
    await recover(place);
  }
});
