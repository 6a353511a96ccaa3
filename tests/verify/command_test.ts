/** `verify` as a user meets it, on archives that a test lays out file by file. */
import assert from "node:assert/strict";
import type { FooterContent, RangeCounts } from "../../src/parquet/mod.ts";
import { LocalSink } from "../../src/sink/mod.ts";
import { kafka2parquet } from "../cli/run_program.ts";
import { duck, type TempDir, tempDir } from "../support/mod.ts";
import { writeParquetFile } from "../support/parquet_files.ts";

const SCHEMA = { columns: [{ name: "id", type: { kind: "int64" }, nullable: false }] } as const;
const NAMES = { cluster: "cluster-1", group: "4", topic: "orders" };
const CHECKPOINT = "c".repeat(32);

/** What footers alone cannot tell. */
const FOOTERS_ALONE =
  " up to each partition's last file; --brokers also compares with what the group has committed";

type Range = Partial<RangeCounts> & { readonly first: bigint; readonly next: bigint };

/** A file of ours: rows for all offsets of its ranges, unless they say otherwise. */
async function file(
  path: string,
  ranges: readonly Range[],
  of: Partial<FooterContent> = {},
): Promise<string> {
  const whole = ranges.map((range) => ({
    topic: of.topic ?? NAMES.topic,
    partition: 0,
    rows: of.kind === "dead_letter" ? 0 : Number(range.next - range.first),
    deadLetters: {},
    skipped: {},
    ...range,
  }));
  const sum = whole.reduce(
    (sum, { rows, deadLetters }) =>
      sum + (of.kind === "dead_letter" ? Object.values(deadLetters).reduce((a, b) => a + b, 0) : rows),
    0,
  );
  await rowsFile(path, sum, {
    version: "1",
    kind: "data",
    checkpoint: CHECKPOINT,
    schemas: new Map(),
    ...NAMES,
    ...of,
    ranges: whole,
  });
  return path;
}

async function rowsFile(path: string, rows: number, content: FooterContent): Promise<void> {
  await Deno.mkdir(path.replace(/\/[^/]+$/, ""), { recursive: true });
  const values = Array.from({ length: rows }, (_, id) => [BigInt(id)]);
  await writeParquetFile(path, { schema: SCHEMA, rows: values, content });
}

async function deadLetters(path: string, rows: number, of: Partial<FooterContent> = {}): Promise<void> {
  const content = { version: "1", checkpoint: CHECKPOINT, schemas: new Map(), ranges: [], ...NAMES, ...of };
  await rowsFile(path, rows, { ...content, kind: "dead_letter" });
}

async function verify(...args: string[]) {
  const { code, stdout, stderr } = await kafka2parquet(["verify", ...args, "--json"]);
  const lines = stdout.trimEnd().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  return {
    code,
    stderr,
    partitions: lines.filter(({ kind }) => kind === "partition"),
    problems: lines.filter(({ kind }) => kind === "problem"),
    notes: lines.filter(({ kind }) => kind === "note"),
    totals: lines.at(-1),
  };
}

function data(folder: TempDir): string {
  return `${folder.path}/parquet_data/data`;
}

Deno.test("verify: a whole archive is complete, exit 0, and all is counted", async () => {
  await using folder = await tempDir();
  await file(`${data(folder)}/b.parquet`, [{ first: 5n, next: 9n, rows: 2, skipped: { tombstone: 1 } }]);
  await file(`${data(folder)}/a.parquet`, [
    { first: 0n, next: 5n, rows: 3, deadLetters: { "no-header": 2 } },
    {
      partition: 1,
      first: 100n,
      next: 102n,
    },
  ]);
  await deadLetters(`${folder.path}/parquet_data/dead_letter/d.parquet`, 2);
  const text = await kafka2parquet(["verify", data(folder)]);
  assert.deepEqual(text, {
    code: 0,
    stderr: "",
    stdout: [
      "TOPIC   GROUP  PARTITION  OFFSETS     FILES  ROWS  DEAD LETTERS      SKIPPED",
      "orders  4              0  [0, 9)          2     5   2 no-header  1 tombstone",
      "orders  4              1  [100, 102)      1     2             0            0",
      "",
      `3 files, 7 rows: complete${FOOTERS_ALONE}`,
      "",
    ].join("\n"),
  });
  const { code, partitions, problems, notes, totals } = await verify(data(folder));
  assert.deepEqual({ code, problems, notes }, { code: 0, problems: [], notes: [] });
  assert.deepEqual(partitions[0], {
    kind: "partition",
    ...{ cluster: "cluster-1", group: "4", topic: "orders", partition: 0 },
    ranges: [{ first: 0, next: 9 }],
    files: 2,
    rows: 5,
    dead_letters: { "no-header": 2 },
    skipped: { tombstone: 1 },
    redriven: 0,
  });
  assert.deepEqual(totals, {
    kind: "totals",
    path: data(folder),
    complete: true,
    compared: false,
    files: 3,
    unknown: 0,
    unpublished: 0,
    rows: 7,
    problems: 0,
  });
});

Deno.test("verify: holes and overlaps name offsets and files, exit 3; groups are judged each on its own", async () => {
  await using folder = await tempDir();
  const a = await file(`${data(folder)}/a.parquet`, [{ first: 0n, next: 5n }]);
  const c = await file(`${data(folder)}/c.parquet`, [{ first: 8n, next: 12n }]);
  const copy = `${data(folder)}/deep/copy.parquet`;
  await file(copy, [{ first: 8n, next: 12n }]);
  await file(`${data(folder)}/other.parquet`, [{ first: 0n, next: 12n }], { group: "5" });
  const { code, problems, partitions } = await verify(data(folder));
  assert.equal(code, 3);
  const where = { cluster: "cluster-1", group: "4", topic: "orders", partition: 0 };
  assert.deepEqual(problems, [
    {
      ...{ kind: "problem", what: "overlap", ...where, first: 8, next: 12, files: [c, copy] },
      text: "the same offsets are in two files",
    },
    {
      ...{ kind: "problem", what: "hole", ...where, first: 5, next: 8, files: [a, c], before: a, after: c },
      text: "in no file",
    },
  ]);
  assert.deepEqual(partitions.map(({ group, ranges }) => [group, ranges.length]), [["4", 2], ["5", 1]]);
  const { stdout } = await kafka2parquet(["verify", data(folder)]);
  assert(
    stdout.includes(
      "hole: orders[0] [5, 8) of group 4: in no file\n  between a.parquet and c.parquet\n",
    ),
    stdout,
  );
  assert(stdout.endsWith("4 files, 25 rows: NOT complete: 1 overlap, 1 hole\n"), stdout);
});

Deno.test("verify: damaged and edited files are named; those of other programs are unknown, and no damage", async () => {
  await using folder = await tempDir();
  const path = (name: string) => `${data(folder)}/${name}.parquet`;
  await file(path("a"), [{ first: 0n, next: 5n }]);
  await duck(`COPY (SELECT 1 AS x) TO '${path("foreign")}' (FORMAT parquet)`);
  const foreign = await verify(data(folder));
  assert.deepEqual([foreign.code, foreign.totals.unknown], [0, 1]);
  assert.deepEqual(foreign.notes.map(({ what, files }) => [what, files]), [["unknown", [path("foreign")]]]);

  await Deno.writeTextFile(path("empty"), "");
  await file(path("cut"), [{ first: 5n, next: 8n }]);
  await Deno.truncate(path("cut"), 200);
  // A footer whose checksum was computed anew after the edit still has to fit the file.
  await file(path("wrong"), [{ first: 8n, next: 12n, rows: 4 }, {
    partition: 1,
    first: 0n,
    next: 3n,
    rows: 3,
  }]);
  await rowsFile(path("short"), 2, {
    ...{ version: "1", kind: "data", checkpoint: CHECKPOINT, schemas: new Map(), ...NAMES },
    ranges: [{ topic: "orders", partition: 2, first: 0n, next: 3n, rows: 3, deadLetters: {}, skipped: {} }],
  });
  const bytes = await Deno.readFile(path("wrong"));
  const at = new TextDecoder("latin1").decode(bytes).indexOf(`"next":"12"`) + 9;
  await Deno.writeFile(path("wrong"), bytes.fill("3".charCodeAt(0), at, at + 1));
  const { code, problems } = await verify(data(folder));
  assert.equal(code, 3);
  assert.deepEqual(problems.map(({ what, files, text }) => [what, files[0].split("/").at(-1), text]), [
    ["damaged", "cut.parquet", "not a whole Parquet file: it does not end in PAR1"],
    ["damaged", "empty.parquet", "not a whole Parquet file: it has 0 bytes, fewer than any Parquet file"],
    ["edited", "short.parquet", "its ranges count 3 rows, and it holds 2"],
    ["edited", "wrong.parquet", "its footer was changed after it was written"],
    ["hole", "a.parquet", "in no file"],
  ]);
});

Deno.test("verify: dead letters must be as many as footers count; their ranges count where no data file has them", async () => {
  await using folder = await tempDir();
  const aside = `${folder.path}/parquet_data/dead_letter`;
  await file(`${data(folder)}/a.parquet`, [{
    first: 0n,
    next: 5n,
    rows: 3,
    deadLetters: { "bad-value": 2 },
  }]);
  await file(`${aside}/alone.parquet`, [{ first: 5n, next: 9n, deadLetters: { "bad-value": 4 } }], {
    kind: "dead_letter",
    checkpoint: "d".repeat(32),
  });
  // Of an archive beside this one, which has its dead letters in the same folder.
  await file(`${aside}/other.parquet`, [{ first: 70n, next: 72n, deadLetters: { x: 2 } }], {
    kind: "dead_letter",
    topic: "other",
  });
  const missing = await verify(data(folder));
  assert.deepEqual([missing.code, missing.problems.map(({ what }) => what)], [3, ["dead-letters"]]);
  assert.deepEqual(missing.partitions.map(({ ranges }) => ranges), [[{ first: 0, next: 9 }]]);

  await deadLetters(`${aside}/d.parquet`, 2);
  const whole = await verify(data(folder));
  assert.deepEqual([whole.code, whole.problems], [0, []]);

  await Deno.copyFile(`${aside}/d.parquet`, `${aside}/e.parquet`);
  const copied = await verify(data(folder));
  assert.deepEqual([copied.code, copied.problems.map(({ what }) => what)], [3, ["dead-letters"]]);
  assert.match(copied.problems[0].text, /count 2 dead letters .* hold 4$/);

  await Deno.remove(`${aside}/e.parquet`);
  await Deno.rename(aside, `${folder.path}/moved`);
  const moved = await verify(data(folder));
  assert.equal(moved.code, 3);
  assert.match(moved.problems[0].text, /--dead-letter names their folder$/);
  const named = await verify(data(folder), "--dead-letter", `${folder.path}/moved`);
  assert.deepEqual(named.partitions.map(({ topic }) => topic), ["orders", "other"]);
  assert.equal(named.code, 0);
});

Deno.test("verify: what is prepared is no hole, and is named; a topic without files is missing", async () => {
  await using folder = await tempDir();
  const output = data(folder);
  await file(`${output}/a.parquet`, [{ first: 0n, next: 5n }]);
  const sink = await LocalSink.open({ output, cluster: NAMES.cluster, group: NAMES.group });
  await file(`${folder.path}/b.parquet`, [{ first: 5n, next: 9n }]);
  const ref = { generation: 3, id: "b".repeat(32) };
  const preparation = await sink.begin(ref);
  await preparation.write({
    final: "b.parquet",
    rows: 4,
    bytes: await Deno.readFile(`${folder.path}/b.parquet`),
  });
  await preparation.seal(NAMES.topic, [{ topic: NAMES.topic, partition: 0, first: 5n, next: 9n }]);
  await sink.begin({ generation: 4, id: "e".repeat(32) });
  await file(`${output}/c.parquet`, [{ first: 9n, next: 12n }]);

  const prepared = await verify(output);
  assert.deepEqual([prepared.code, prepared.problems], [0, []]);
  assert.deepEqual(prepared.notes.map(({ what }) => what), ["prepared", "prepared"]);
  assert.match(
    prepared.notes[0].text,
    /^checkpoint b+ of generation 3 is prepared, not published yet: 0 \[5, 9\)$/,
  );
  assert.match(prepared.notes[1].text, /is being written, or was given up/);

  await sink.quarantine(ref);
  const aside = await verify(output);
  assert.deepEqual([aside.code, aside.problems.map(({ what, first, next }) => [what, first, next])], [3, [[
    "hole",
    5,
    9,
  ]]]);
  assert.match(aside.problems[0].text, /^in no file; in quarantine: .*\/quarantine\/3-b+$/);

  await Deno.mkdir(`${output}/.kafka2parquet/cluster-1/4/topics`);
  await Deno.writeTextFile(`${output}/.kafka2parquet/cluster-1/4/topics/payments`, "");
  const missing = await verify(output);
  assert.deepEqual(missing.problems.map(({ what, topic }) => [what, topic]), [["missing", "payments"], [
    "hole",
    "orders",
  ]]);
});

Deno.test("verify: of a hole before the first file it is said that it lies before it", async () => {
  await using folder = await tempDir();
  const path = await file(`${data(folder)}/b.parquet`, [{ first: 5n, next: 9n, start: 2n }]);
  const { code, problems } = await verify(data(folder));
  assert.deepEqual([
    code,
    problems.map(({ first, next, files, before, after }) => ({
      ...{ first, next, files, before, after },
    })),
  ], [3, [{ first: 2, next: 5, files: [path], before: undefined, after: path }]]);
  const { stdout } = await kafka2parquet(["verify", data(folder)]);
  assert(stdout.includes("hole: orders[0] [2, 5): in no file\n  before b.parquet\n"), stdout);
});

Deno.test("verify: what is prepared and nothing else is named in the verdict", async () => {
  await using folder = await tempDir();
  const sink = await LocalSink.open({ output: data(folder), cluster: NAMES.cluster, group: NAMES.group });
  const preparation = await sink.begin({ generation: 3, id: "b".repeat(32) });
  await preparation.seal(NAMES.topic, [{ topic: NAMES.topic, partition: 0, first: 5n, next: 9n }]);
  const { code, stdout } = await kafka2parquet(["verify", data(folder)]);
  assert.equal(code, 0);
  assert(
    stdout.endsWith("\n0 files, 0 rows, 1 unpublished checkpoint: nothing is published yet\n"),
    stdout,
  );
  await file(`${data(folder)}/a.parquet`, [{ first: 0n, next: 5n }]);
  const more = await kafka2parquet(["verify", data(folder)]);
  assert(
    more.stdout.endsWith(`\n1 file, 5 rows, 1 unpublished checkpoint: complete${FOOTERS_ALONE}\n`),
    more.stdout,
  );
  assert.equal((await verify(data(folder))).totals.unpublished, 1);
});

Deno.test("verify: folders of other programs among ours are passed over", async () => {
  await using folder = await tempDir();
  await file(`${data(folder)}/a.parquet`, [{ first: 0n, next: 5n }]);
  await Deno.mkdir(`${data(folder)}/.kafka2parquet/%zz/g`, { recursive: true });
  await Deno.mkdir(`${data(folder)}/.kafka2parquet/cluster-1/%zz`, { recursive: true });
  await Deno.mkdir(`${data(folder)}/.kafka2parquet/cluster-1/4/topics`, { recursive: true });
  await Deno.writeTextFile(`${data(folder)}/.kafka2parquet/cluster-1/4/topics/%zz`, "");
  const { code, stderr, problems } = await verify(data(folder));
  assert.deepEqual({ code, stderr, problems }, { code: 0, stderr: "", problems: [] });
});

Deno.test("verify: what cannot be read is named, and the rest is verified", async () => {
  await using folder = await tempDir();
  await file(`${data(folder)}/a.parquet`, [{ first: 0n, next: 5n }]);
  const secret = `${data(folder)}/secret`;
  const store = `${data(folder)}/.kafka2parquet/store`;
  // Root may read all that modes forbid, but no folder as a file.
  await Deno.mkdir(store, { recursive: true });
  const home = `${data(folder)}/.kafka2parquet/cluster-1/4`;
  await Deno.mkdir(`${home}/topics`, { recursive: true });
  await Deno.chmod(home, 0o000);
  await Deno.mkdir(secret, { mode: 0o000 });
  const isDenied = await Array.fromAsync(Deno.readDir(secret)).then(() => false, () => true);
  const { code, partitions, problems } = await verify(data(folder)).finally(async () => {
    for (const path of [secret, home]) await Deno.chmod(path, 0o700);
  });
  assert.equal(code, 3);
  assert.deepEqual(partitions.map(({ ranges }) => ranges), [[{ first: 0, next: 5 }]]);
  assert(problems.every(({ what }) => what === "unreadable"));
  const expected = isDenied ? [secret, home, store] : [store];
  assert.deepEqual(problems.map(({ files }) => files[0]).sort(), expected.sort());
  if (isDenied) {
    assert(
      problems.some(({ text }) => text === "permission denied: nothing can be said of what is in it"),
      JSON.stringify(problems),
    );
  }
});

Deno.test("verify: an edited file is one problem, with all that does not fit", async () => {
  await using folder = await tempDir();
  const path = await file(`${data(folder)}/a.parquet`, [{ first: 0n, next: 5n, rows: 3 }]);
  const bytes = await Deno.readFile(path);
  const at = new TextDecoder("latin1").decode(bytes).indexOf(`"next":"5"`) + 8;
  await Deno.writeFile(path, bytes.fill("1".charCodeAt(0), at, at + 1));
  const { code, problems } = await verify(data(folder));
  assert.deepEqual([code, problems.map(({ what, text }) => [what, text])], [3, [[
    "edited",
    "its footer was changed after it was written; " +
    "partition 0 [0, 1) has 1 offsets, too few for the 3 records that it counts",
  ]]]);
});

Deno.test("verify: mistakes in what archiving is configured by are named, with and without brokers", async () => {
  await using folder = await tempDir();
  await file(`${data(folder)}/a.parquet`, [{ first: 0n, next: 5n }]);
  const properties = `${folder.path}/client.properties`;
  const gone = `${folder.path}/gone`;
  for (
    const [args, env, error] of [
      [["--kafka-config", gone], {}, /^error: Cannot read the Kafka client's file .*gone: no such file/],
      [["--config", gone], {}, /^error: Cannot read .*gone/],
      [[], { KAFKA2PARQUET_BROKER: "x" }, /^error: Unknown environment variable KAFKA2PARQUET_BROKER\n/],
      [["--kafka-config", properties], {}, /^error: .*client\.properties names no brokers to compare with\n/],
    ] as const
  ) {
    await Deno.writeTextFile(properties, "security.protocol=PLAINTEXT\n");
    const { code, stderr } = await kafka2parquet(["verify", data(folder), ...args], env);
    assert.equal(code, 78, stderr);
    assert.match(stderr, error);
  }
  // The variables of archiving alone ask for no comparison, and neither does a file that one of them names.
  await Deno.writeTextFile(properties, "bootstrap.servers=127.0.0.1:1\nno.such.key=1\n");
  const env = { KAFKA2PARQUET_BROKERS: "127.0.0.1:1", KAFKA2PARQUET_KAFKA_CONFIG: properties };
  const alone = await kafka2parquet(["verify", data(folder)], env);
  assert.equal(alone.code, 0, alone.stderr);
  assert.match(alone.stderr, /Unknown keys in .*client\.properties: no\.such\.key\n$/);
});

Deno.test("verify: an archive that begins in quarantine has a hole there; --from-first-file begins at the first file", async () => {
  await using folder = await tempDir();
  await file(`${data(folder)}/a.parquet`, [{ first: 40n, next: 50n, start: 40n }]);
  assert.equal((await verify(data(folder))).code, 0);
  const sink = await LocalSink.open({ output: data(folder), cluster: NAMES.cluster, group: NAMES.group });
  const ref = { generation: 1, id: CHECKPOINT };
  const preparation = await sink.begin(ref);
  await preparation.seal(NAMES.topic, [{ topic: NAMES.topic, partition: 0, first: 20n, next: 40n }]);
  await sink.quarantine(ref);
  const { code, problems } = await verify(data(folder));
  assert.deepEqual([code, problems.map(({ first, next }) => [first, next])], [3, [[20, 40]]]);
  assert.match(problems[0].text, /in quarantine/);
  assert.equal((await verify(data(folder), "--from-first-file")).code, 0);
});

Deno.test("verify: dead letters of another archive beside this one are not missed here", async () => {
  await using folder = await tempDir();
  await file(`${data(folder)}/a.parquet`, [{ first: 0n, next: 5n }]);
  const beside = `${folder.path}/parquet_data/dead_letter`;
  await deadLetters(`${beside}/b.parquet`, 2, { checkpoint: "d".repeat(32) });
  assert.equal((await verify(data(folder))).code, 0);
  assert.equal((await verify(data(folder), "--dead-letter", beside)).code, 3);
});

Deno.test("verify --topic looks at those topics only", async () => {
  await using folder = await tempDir();
  await file(`${data(folder)}/a.parquet`, [{ first: 0n, next: 5n }]);
  await file(`${data(folder)}/b.parquet`, [{ first: 7n, next: 9n }]);
  await file(`${data(folder)}/c.parquet`, [{ topic: "payments", first: 0n, next: 5n }], {
    topic: "payments",
  });
  for (const topic of ["payments", "/pay.*/"]) {
    const { code, partitions } = await verify(data(folder), "--topic", topic);
    assert.deepEqual([code, partitions.map(({ topic }) => topic)], [0, ["payments"]]);
  }
  assert.equal((await verify(data(folder), "--topic", "orders,payments")).code, 3);
  const none = await verify(data(folder), "--topic", "order");
  assert.deepEqual([none.code, none.stderr.split("\n")[0]], [
    1,
    `error: There is no file of order in ${data(folder)}`,
  ]);
});

Deno.test("verify: without an archive it says so, and never exit 0", async () => {
  await using folder = await tempDir();
  const nothing = await verify(folder.path);
  assert.equal(nothing.code, 1);
  assert(
    nothing.stderr.startsWith(`error: There is no Parquet file in ${folder.path}\nhint: `),
    nothing.stderr,
  );
  const gone = await verify(`${folder.path}/gone`);
  assert.equal(gone.code, 1);
  assert(gone.stderr.startsWith(`error: Cannot read ${folder.path}/gone: no such folder\n`), gone.stderr);
  await file(`${data(folder)}/a.parquet`, [{ first: 0n, next: 5n }]);
  const around = await verify(data(folder), "--dead-letter", folder.path);
  assert.equal(around.code, 2);
  const unreachable = await verify(data(folder), "--brokers", "127.0.0.1:1");
  assert.equal(unreachable.code, 69);
  // What was logged on the way stands before it.
  assert.match(unreachable.stderr, /error: Cannot reach Kafka at 127\.0\.0\.1:1.*\nhint: .*\n$/);
});
