/** `redrive` as a user meets it: tables, lines of JSON, exit codes. */
import assert from "node:assert/strict";
import { hopeless, makeStage, SCHEMAS, type Stage, unknown } from "../redrive/stage.ts";
import { readParquet } from "../support/mod.ts";
import { kafka2parquet } from "./run_program.ts";

/** A registry that knows these schemas. */
function startRegistry(...known: (7 | 8)[]) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const id = Number(new URL(request.url).pathname.split("/").at(-1));
    const found = known.find((one) => one === id);
    return found !== undefined
      ? Response.json({ schema: JSON.stringify(SCHEMAS[found]) })
      : Response.json({ error_code: 40403, message: `Schema ${id} not found` }, { status: 404 });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function makeUsual(stage: Stage): Promise<void> {
  await stage.data("a", [{ first: 0n, next: 10n, deadLetters: { "no-schema": 3, "no-header": 1 } }]);
  await stage.letters("letters", [unknown(3), hopeless(5), unknown(6), unknown(7, 8)]);
}

Deno.test("redrive: a table by reason, what is bad still, and the verdict; exit 3, then 0 where nothing is left", async () => {
  await using registry = startRegistry(7);
  await using stage = await makeStage();
  await makeUsual(stage);
  const args = ["redrive", stage.deadLetter, "--registry", registry.url];
  const dry = await kafka2parquet([...args, "--dry-run"]);
  assert.match(dry.stdout, /^1 file, 4 dead letters: 2 would become rows in 1 data file, 2 are bad still$/m);
  const { code, stdout, stderr } = await kafka2parquet(args);
  assert.deepEqual({ code, stderr, stdout: stdout.split("\n") }, {
    code: 3,
    stderr: "",
    stdout: [
      "REASON     DEAD LETTERS  REDRIVEN  STILL BAD",
      "no-schema             3         2          1",
      "no-header             1         0          1",
      "",
      "still bad: 1: no wire header: the value has 2 bytes, at least 5 are needed",
      "still bad: 1: schema 8 is not in the registry: Schema 8 not found",
      "",
      "1 file, 4 dead letters: 2 became rows in 1 data file, 2 are bad still",
      "",
    ],
  });
  for (const { path } of (await stage.dead()).files) await Deno.remove(path);
  const empty = await kafka2parquet(args);
  assert.deepEqual([empty.code, empty.stdout], [0, `No dead letter in ${stage.deadLetter}\n`]);
});

Deno.test("redrive --json: a line for each file, the totals last", async () => {
  await using registry = startRegistry(7);
  await using stage = await makeStage();
  await makeUsual(stage);
  await Deno.writeTextFile(`${stage.deadLetter}/broken.parquet`, "");
  const { code, stdout, stderr } = await kafka2parquet(
    // The archive's folder may be named by the variable, as for archiving.
    ["redrive", stage.deadLetter, "--json", "--compression", "zstd"],
    { KAFKA2PARQUET_OUTPUT: stage.output, KAFKA2PARQUET_REGISTRY: registry.url },
  );
  assert.equal(code, 1);
  assert.match(stderr, /^error: .*broken\.parquet: not a whole Parquet file/);
  const [broken, file, totals] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(broken.kind, "error");
  const { data_files, dead_letter_file, ...rest } = file;
  assert.deepEqual(rest, {
    ...{
      kind: "file",
      path: `${stage.deadLetter}/letters.parquet`,
      topic: "orders",
      records: 4,
      redriven: 2,
    },
    reasons: { "no-schema": { records: 3, redriven: 2 }, "no-header": { records: 1, redriven: 0 } },
    remaining: [
      { error: "no wire header: the value has 2 bytes, at least 5 are needed", records: 1 },
      { error: "schema 8 is not in the registry: Schema 8 not found", records: 1 },
    ],
    missing: [],
  });
  const redriven = (await stage.rows()).files.filter(({ path }) => !path.endsWith("/a.parquet"));
  assert.deepEqual(data_files, redriven.map(({ path, rows }) => ({ path, rows: rows.length })));
  assert.equal(redriven[0]!.metadata.row_groups[0]!.columns[0]!.meta_data!.codec, "ZSTD");
  assert.equal((await readParquet(dead_letter_file)).rows.length, 2);
  assert.deepEqual(totals, {
    ...{ kind: "totals", path: stage.deadLetter, dry_run: false },
    ...{ files: 1, records: 4, redriven: 2, remaining: 2, reasons: rest.reasons },
    ...{ data_files: 1, recovered: 0, gone: 0, problems: 1 },
    passed_over: { "other-kind": 0, "foreign": 0, "publishing": 0 },
  });
});

Deno.test("redrive: which columns there are is read as archiving reads it, and a pattern that fits nothing is told", async () => {
  await using registry = startRegistry(7, 8);
  await using stage = await makeStage();
  await stage.letters("letters", [unknown(3, 8), unknown(4)]);
  const { code, stderr } = await kafka2parquet(
    ["redrive", stage.deadLetter, "--registry", registry.url, "--exclude", "why,wy"],
    { KAFKA2PARQUET_METADATA: "key:string,offset" },
  );
  assert.equal(code, 0, stderr);
  assert.match(stderr, /warning .*wy: did you mean why\?/);
  assert.deepEqual((await stage.rows()).rows, [
    { "_kafka.offset": 3n, "_kafka.key": "key 3", id: 3n },
    { "_kafka.offset": 4n, "_kafka.key": "key 4", id: 4n },
  ]);
});

Deno.test("redrive: what cannot be is said before anything is done", async () => {
  await using stage = await makeStage();
  await makeUsual(stage);
  const gone = `${stage.folder.path}/gone`;
  for (
    const [args, code, error] of [
      [[gone], 1, /^error: Cannot read .*gone: no such folder\nhint: .*--dead-letter/],
      [
        [stage.deadLetter, "--output", gone],
        1,
        /^error: Cannot read .*gone: no such folder\nhint: .*--output/,
      ],
      [[stage.deadLetter, "--registry", "http://127.0.0.1:1"], 69, /error: Cannot reach the schema registry/],
      [[stage.deadLetter, "--rows", "none"], 2, /^error: --rows "none" is no whole number/],
      [[], 2, /^error: redrive needs a DIR\n/],
    ] as const
  ) {
    const result = await kafka2parquet(["redrive", ...args]);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, error);
  }
  assert.equal((await stage.dead()).rows.length, 4);
});
