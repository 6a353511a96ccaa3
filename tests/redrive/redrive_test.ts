/** Dead letters decoded again: what a user finds afterwards, and what `verify` says of it. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { ExitCode, UserError } from "../../src/errors.ts";
import { armFaults } from "../../src/fault.ts";
import { parseEntries } from "../../src/parquet/mod.ts";
import type { FileReport, Report } from "../../src/redrive/mod.ts";
import type { SchemaLookup } from "../../src/registry/mod.ts";
import { LocalSink } from "../../src/sink/mod.ts";
import { verify } from "../../src/verify/mod.ts";
import type { Archive, Row } from "../support/mod.ts";
import {
  CHECKPOINT,
  hopeless,
  makeStage,
  NAMES,
  SCHEMAS,
  type Stage,
  unknown,
  unknownByHeader,
} from "./stage.ts";

/** What is wrong with the archive, one kind a finding. */
async function problems({ output, deadLetter }: Stage): Promise<string[]> {
  const { findings } = await verify(output, { deadLetter: { folder: deadLetter, isShared: false } });
  return findings.filter(({ isProblem }) => isProblem).map(({ kind, text }) => `${kind}: ${text}`);
}

function fileReport(reports: readonly Report[]): FileReport {
  const [report] = reports;
  assert.equal(reports.length, 1);
  assert(report?.kind === "file");
  return report;
}

function contents({ files }: Archive) {
  return files.map(({ keyValues }) => parseEntries(new Map(Object.entries(keyValues)))!);
}

function ids(rows: readonly Row[]): number[] {
  return rows.map(({ id }) => Number(id)).sort((a, b) => a - b);
}

/** A data file of ten records, three of which are dead letters: of a schema that nobody knew, and one without any. */
async function makeUsual(stage: Stage): Promise<string> {
  await stage.data("a", [{ first: 0n, next: 10n, deadLetters: { "no-schema": 2, "no-header": 1 } }]);
  return await stage.letters("letters", [unknown(3), hopeless(5), unknown(6)]);
}

Deno.test("redrive: where the schema is known by now the records are rows, and the others are kept whole", async () => {
  await using stage = await makeStage();
  const source = await makeUsual(stage);
  const [before] = (await stage.dead()).rows.filter(({ offset }) => offset === 5n);
  assert.deepEqual(await problems(stage), []);
  const report = fileReport(await stage.redrive([7]));
  assert.deepEqual([report.records, report.redriven, report.path], [3, 2, source]);
  assert.deepEqual([...report.reasons], [
    ["no-schema", { records: 2, redriven: 2 }],
    ["no-header", { records: 1, redriven: 0 }],
  ]);
  const archive = await stage.rows();
  assert.deepEqual(ids(archive.rows).slice(0, 2), [3, 6]);
  const [redriven] = contents(archive).filter(({ kind }) => kind === "redriven");
  assert.deepEqual(redriven?.redriven?.source, basename(source));
  assert.deepEqual(redriven?.redriven?.offsets.map(({ first, next }) => [first, next]), [[3n, 4n], [6n, 7n]]);
  assert.deepEqual([...redriven?.schemas.keys() ?? []], [7]);
  const dead = await stage.dead();
  const why = "no wire header: the value has 2 bytes, at least 5 are needed";
  assert.deepEqual(dead.rows, [{ ...before, error: why }]);
  assert.notEqual(dead.files[0]?.path, source);
  assert.equal(dead.files[0]?.path, report.deadLetterFile);
  assert.deepEqual(await problems(stage), []);
});

Deno.test("redrive: a schema that a record header names is found there", async () => {
  await using stage = await makeStage();
  await stage.data("a", [{ first: 0n, next: 10n, deadLetters: { "no-schema": 1 } }]);
  await stage.letters("letters", [unknownByHeader(3)]);
  const report = fileReport(await stage.redrive([7]));
  assert.deepEqual([report.records, report.redriven], [1, 1]);
  assert.deepEqual(ids((await stage.rows()).rows).slice(0, 1), [3]);
  assert.deepEqual(await problems(stage), []);
});

Deno.test("redrive: a second one changes nothing, and one with more schemas goes on", async () => {
  await using stage = await makeStage();
  await stage.data("a", [{ first: 0n, next: 10n, deadLetters: { "no-schema": 3 } }]);
  await stage.letters("letters", [unknown(3), unknown(4, 8), unknown(5, 8)]);
  await stage.redrive([7]);
  const paths = async () =>
    [...(await stage.rows()).files, ...(await stage.dead()).files].map(({ path }) => path);
  const first = await paths();
  const again = fileReport(await stage.redrive([7]));
  assert.deepEqual([again.records, again.redriven, again.deadLetterFile], [2, 0, undefined]);
  assert.deepEqual([...again.remaining], [["schema 8 is not in the registry: Schema 8 not found", 2]]);
  assert.deepEqual(await paths(), first);
  await stage.redrive([7, 8]);
  assert.deepEqual((await stage.dead()).files, []);
  assert.deepEqual(ids((await stage.rows()).rows).slice(0, 3), [3, 4, 5]);
  assert.deepEqual(await stage.redrive([7, 8]), []);
  assert.deepEqual(await problems(stage), []);
});

Deno.test("redrive: dead letters that account for offsets leave a file that goes on doing so", async () => {
  await using stage = await makeStage();
  const start = 0n;
  await stage.letters("alone", [unknown(0), unknown(1), hopeless(2)], {
    ranges: [{
      first: 0n,
      next: 4n,
      start,
      deadLetters: { "no-schema": 2, "no-header": 1 },
      skipped: { tombstone: 1 },
    }],
  });
  assert.deepEqual(await problems(stage), []);
  await stage.redrive([7]);
  const ranges = async () =>
    contents(await stage.dead()).flatMap(({ ranges }) => ranges.map(({ redriven }) => redriven));
  assert.deepEqual(await ranges(), [2]);
  assert.deepEqual(await problems(stage), []);

  await stage.letters("more", [unknown(4)], {
    ranges: [{ first: 4n, next: 5n, deadLetters: { "no-schema": 1 } }],
  });
  await stage.redrive([7]);
  assert.deepEqual((await ranges()).sort(), [1, 2]);
  assert.deepEqual((await stage.dead()).rows.map(({ offset }) => offset), [2n]);
  const { partitions, findings } = await verify(stage.output, {
    deadLetter: { folder: stage.deadLetter, isShared: false },
  });
  assert.deepEqual(findings, []);
  assert.deepEqual(partitions[0]?.ranges, [{ first: 0n, next: 5n }]);
  assert.equal(partitions[0]?.redrivenRows, 3);
});

Deno.test("redrive: schemas share files, and a new one begins where the last has its rows", async () => {
  await using stage = await makeStage();
  await stage.data("a", [{ first: 0n, next: 9n, deadLetters: { "no-schema": 6 } }]);
  await stage.letters(
    "letters",
    [0, 1, 2, 3, 4, 5].map((offset) => unknown(offset, offset % 2 === 0 ? 7 : 8)),
  );
  const report = fileReport(await stage.redrive([7, 8], { rows: 2 }));
  assert.deepEqual(report.dataFiles.map(({ rows }) => rows), [2, 2, 2]);
  const rows = (await stage.rows()).rows.filter(({ id }) => Number(id) < 1000);
  assert.deepEqual(
    rows.map(({ id, why }) => [Number(id), why]).sort(),
    [[0, null], [1, "because 1"], [2, null], [3, "because 3"], [4, null], [5, "because 5"]],
  );
  assert.deepEqual(await problems(stage), []);
});

Deno.test("redrive: verify finds a redriven file that is missing, copied, or does not fit its footer", async () => {
  await using stage = await makeStage();
  await makeUsual(stage);
  const [file] = fileReport(await stage.redrive([7])).dataFiles;
  const path = file!.path!;
  await Deno.copyFile(path, `${stage.output}/copy.parquet`);
  const copied = await problems(stage);
  assert.match(copied[0]!, /^dead-letters: footers count 3 .* hold 1, redriven files 4/);
  assert.equal(
    copied.filter((one) => one === "overlap: the same dead letters are in two redriven files").length,
    2,
  );
  await Deno.remove(path);
  assert.deepEqual(await problems(stage), []);
  await Deno.rename(`${stage.output}/copy.parquet`, `${stage.folder.path}/away.parquet`);
  assert.match((await problems(stage))[0]!, /^dead-letters: footers count 3 dead letters .* hold 1/);
});

Deno.test("redrive: verify finds a dead-letter file that somebody has put back beside its rows", async () => {
  await using stage = await makeStage();
  const source = await makeUsual(stage);
  await Deno.copyFile(source, `${stage.folder.path}/backup.parquet`);
  await stage.redrive([7]);
  await Deno.copyFile(`${stage.folder.path}/backup.parquet`, source);
  assert.match((await problems(stage))[0]!, /^dead-letters: footers count 3 .* hold 4, redriven files 2/);
});

Deno.test("redrive: interrupted behind its commit it is complete for verify, and the next one ends it", async () => {
  await using stage = await makeStage();
  const source = await makeUsual(stage);
  armFaults("redrive-committed:EIO");
  await assert.rejects(stage.redrive([7]), /input\/output error/);
  armFaults(undefined);
  assert.deepEqual((await stage.dead()).files, []);
  const { findings, rows } = await verify(stage.output);
  assert.equal(rows, 9);
  assert.deepEqual(findings.map(({ kind, files }) => [kind, files]), [["prepared", [source]]]);
  // Not even the registry is needed for that.
  const reports = await stage.redrive([]);
  assert.deepEqual(reports.map(({ kind, path }) => [kind, path === source]), [["recovered", true], [
    "file",
    false,
  ]]);
  assert.deepEqual(ids((await stage.rows()).rows).slice(0, 2), [3, 6]);
  assert.deepEqual(await problems(stage), []);
});

Deno.test("redrive: a damaged file is named, and keeps no other from its turn", async () => {
  await using stage = await makeStage();
  await makeUsual(stage);
  const bytes = await Deno.readFile(await stage.letters("bad", [unknown(20)]));
  bytes[20] = bytes[20]! ^ 1;
  await Deno.writeFile(`${stage.deadLetter}/bad.parquet`, bytes);
  await Deno.writeTextFile(`${stage.deadLetter}/a.parquet`, "no Parquet file");
  await stage.data("b", [{ first: 10n, next: 12n }]);
  await Deno.rename(`${stage.output}/b.parquet`, `${stage.deadLetter}/data.parquet`);
  const reports = await stage.redrive([7]);
  assert.deepEqual(reports.map(({ kind, path }) => [kind, basename(path)]), [
    ["failed", "a.parquet"],
    ["failed", "bad.parquet"],
    ["passed-over", "data.parquet"],
    ["file", "letters.parquet"],
  ]);
  assert.equal((await Deno.stat(`${stage.deadLetter}/bad.parquet`)).isFile, true);
});

Deno.test("redrive: a schema that makes no columns leaves its records as they are, and says why", async () => {
  await using stage = await makeStage();
  await makeUsual(stage);
  const report = fileReport(
    await stage.redrive([], {
      lookup: (id) =>
        Promise.resolve({
          ...{ kind: "found", id, schemaType: "AVRO", references: [] },
          text: JSON.stringify({ type: "record", name: "R", fields: [{ name: "a", type: "nothing" }] }),
        }),
    }),
  );
  assert.equal(report.redriven, 0);
  assert([...report.remaining.keys()].some((reason) => /^schema 7: .*nothing/.test(reason)));
});

Deno.test("redrive: times that no calendar has are kept to the millisecond", async () => {
  await using stage = await makeStage();
  const times = [-1n, 0n, 8_640_000_000_000_001n, 9_223_372_036_854_775_807n, -9_223_372_036_854_775_808n];
  await stage.letters("times", [
    ...times.map((timestamp, offset) => ({ ...hopeless(offset), timestamp })),
    unknown(times.length),
  ]);
  const text = async () =>
    (await import("../../src/parquet/mod.ts")).ParquetReader.open((await stage.dead()).files[0]!.path);
  const read = async () => {
    using reader = await text();
    const rows = (await Array.fromAsync(reader.rows(Infinity))).flat();
    return rows.map((row) => [row[2], row[3]]).slice(0, times.length);
  };
  const before = await read();
  assert.equal(fileReport(await stage.redrive([7])).redriven, 1);
  assert.deepEqual(await read(), before);
});

Deno.test("redrive: a dry run says what would be, and changes nothing", async () => {
  await using stage = await makeStage();
  const source = await makeUsual(stage);
  const report = fileReport(await stage.redrive([7], { dryRun: true }));
  assert.deepEqual([report.redriven, report.dataFiles], [2, [{ path: undefined, rows: 2 }]]);
  assert.deepEqual((await stage.dead()).files.map(({ path }) => path), [source]);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(stage.output), ({ name }) => name), ["a.parquet"]);
});

Deno.test("redrive: where each topic has a folder, rows go into that of theirs", async () => {
  for (
    const [folders, files, expected] of [
      [["orders", "payments"], [], "orders/"],
      [["payments"], [], "orders/"],
      [["backup"], ["a"], ""],
      [[], [], ""],
    ] as const
  ) {
    await using stage = await makeStage();
    for (const name of folders) await Deno.mkdir(`${stage.output}/${name}`);
    for (const name of files) await stage.data(name, [{ first: 0n, next: 2n }]);
    await stage.letters("letters", [unknown(3)]);
    const [file] = fileReport(await stage.redrive([7])).dataFiles;
    assert.equal(file!.path!.slice(stage.output.length + 1), expected + basename(file!.path!));
  }
});

/** Opens the archive as the program does, with a checkpoint of that id prepared. */
async function prepare(stage: Stage, of: { readonly group: string; readonly topic: string }) {
  const sink = await LocalSink.open({ output: stage.output, cluster: NAMES.cluster, group: of.group });
  const ref = { generation: 1, id: CHECKPOINT };
  const preparation = await sink.begin(ref);
  await preparation.seal(of.topic, []);
  return () => sink.publish(ref);
}

Deno.test("redrive: dead letters of another archive that shares the folder are left alone", async () => {
  for (const [group, topic] of [["other", NAMES.topic], [NAMES.group, "payments"]] as const) {
    await using stage = await makeStage();
    const publish = await prepare(stage, { group, topic });
    await publish();
    await stage.letters("letters", [unknown(3)]);
    const reports = await stage.redrive([7]);
    assert.deepEqual(reports.map((one) => one.kind === "passed-over" && one.why), ["foreign"]);
    assert.equal((await stage.dead()).rows.length, 1);
  }
});

Deno.test("redrive: a file whose checkpoint is not published to its end waits, or it would come back", async () => {
  await using stage = await makeStage();
  const publish = await prepare(stage, NAMES);
  await makeUsual(stage);
  const why = async () =>
    (await stage.redrive([7])).map((one) => one.kind === "passed-over" ? one.why : one.kind);
  assert.deepEqual(await why(), ["publishing"]);
  await publish();
  assert.deepEqual(await why(), ["file"]);
  assert.equal((await stage.dead()).rows.length, 1);
});

Deno.test("redrive: a registry that goes silent ends it; what was done by then is done, and nothing else", async () => {
  await using stage = await makeStage();
  await stage.data("a", [{ first: 0n, next: 10n, deadLetters: { "no-schema": 3 } }]);
  await stage.letters("a", [unknown(3)]);
  await stage.letters("b", [unknown(4), unknown(5, 8)]);
  const silent = new UserError("The schema registry has stopped answering", {
    exitCode: ExitCode.unavailable,
  });
  const lookup = (id: number): Promise<SchemaLookup> =>
    id === 8 ? Promise.reject(silent) : Promise.resolve({
      ...{ kind: "found", id, schemaType: "AVRO", references: [] },
      text: JSON.stringify(SCHEMAS[7]),
    });
  await assert.rejects(stage.redrive([], { lookup }), silent);
  assert.deepEqual((await stage.dead()).rows.map(({ offset }) => offset), [4n, 5n]);
  assert.deepEqual(await problems(stage), []);
  await stage.redrive([7, 8]);
  assert.deepEqual(ids((await stage.rows()).rows).slice(0, 3), [3, 4, 5]);
  assert.deepEqual(await problems(stage), []);
});
