/**
 * `deno task bench`: how fast the program is, in one run on this machine, against what else does the same.
 *
 * (a) decoding, (b) decoding and writing, (c) from a real broker to files. Everything it starts ends with it.
 */
import { parseArgs } from "node:util";
import { exitCodeOf, wholeNumber } from "../dev/flags.ts";
import { ExitCode, messageOf, UserError } from "../src/errors.ts";
import { compare, type Comparison, knowsFlag, Stage, startUpMs } from "./end_to_end.ts";
import { decodeCases, writeCases } from "./in_process.ts";
import { median } from "./measure.ts";
import * as pipelines from "./pipelines.ts";
import { type Line, rowsPerSecond, tableOf } from "./table.ts";
import { pythonToolchain, rustToolchain } from "./toolchains.ts";
import { copyWithoutGuarantee } from "./without_guarantee.ts";

const ROUNDS = 3;
const SMALL_FILE_ROWS = 1_200;
const LARGE_FILE_ROWS = 100_000;
const SIZES = [SMALL_FILE_ROWS, LARGE_FILE_ROWS];
/** A difference of a few percent needs more rounds than one of a few times. */
const GUARANTEE_ROUNDS = 5;
const RECORDS = 1_000_000;
const QUICK_RECORDS = 200_000;
/** Slow pipelines take one record in so many. */
const PART = 5;
/** What starts once a worker must not decide how two compare with one. */
const WORKERS_TIMES = 3;
const PARTS = ["a", "b", "c"];

const HELP = `Measures kafka2parquet against other pipelines: deno task bench [options]

  --quick         ${
  QUICK_RECORDS.toLocaleString("en")
} records from end to end, where start-up weighs more; three minutes instead of ten
  --records N     ${RECORDS.toLocaleString("en")} by default; slow pipelines take a fifth of them
  --only a,b,c    a: decoding, b: decoding and writing, c: from a real broker to files
  --no-python     without the original's Python pipeline
  --rust          with a native pipeline in Rust, which is built first
`;

interface BenchOptions {
  readonly records: number;
  readonly only: readonly string[];
  readonly python: boolean;
  readonly rust: boolean;
}

function parseOptions(args: string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args,
    allowNegative: true,
    options: {
      quick: { type: "boolean", default: false },
      records: { type: "string" },
      only: { type: "string", default: PARTS.join(",") },
      python: { type: "boolean", default: true },
      rust: { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  const only = values.only.split(",");
  const unknown = only.find((part) => !PARTS.includes(part));
  if (unknown !== undefined) {
    throw new UserError(`Cannot take ${JSON.stringify(unknown)} for --only: ${PARTS.join(", ")} are known`, {
      exitCode: ExitCode.usage,
    });
  }
  const records = values.records === undefined
    ? values.quick ? QUICK_RECORDS : RECORDS
    : wholeNumber(values.records, "records");
  return { records, only, python: values.python, rust: values.rust };
}

async function bench(options: BenchOptions): Promise<void> {
  say(`${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}, ${ROUNDS} rounds, medians`);
  say(`Load before: ${Deno.loadavg().map((load) => load.toFixed(1)).join(" ")}`);
  if (options.only.includes("a")) {
    say("Decoding");
    const lines = await decodeCases(ROUNDS);
    print("(a) Decode customer events: bytes to objects or columns", tableOf(lines, lines[1]));
  }
  if (options.only.includes("b")) {
    say("Decoding and writing");
    const small = await writeCases(SMALL_FILE_ROWS, ROUNDS);
    const large = await writeCases(LARGE_FILE_ROWS, ROUNDS);
    print(
      `(b) Decode and write: to the bytes of Parquet files of ${count(SMALL_FILE_ROWS)} rows`,
      tableOf(small, small[0]),
    );
    print(`(b) The same, ${count(LARGE_FILE_ROWS)} rows a file`, tableOf(large, large[0]));
  }
  if (options.only.includes("c")) await endToEnd(options);
}

async function endToEnd(options: BenchOptions): Promise<void> {
  const fromSource = pipelines.fromSource();
  const compiled = pipelines.binary();
  const others = await otherPipelines(options);
  const ours = [
    pipelines.archiver("kafka2parquet, deno run", fromSource),
    ...compiled === undefined ? [] : [pipelines.archiver("kafka2parquet, binary", [compiled.file])],
  ];
  if (compiled === undefined) say("Without the binary: deno task compile has not been run");
  else if (compiled.isOld) say("The binary is older than the sources: deno task compile makes a new one");
  const [one] = ours;
  const two = pipelines.onTwoVersions(one!);
  say(`Starting Kafka and the registry, producing ${count(options.records)} events twice`);
  await using stage = await Stage.open(options.records);
  const part = Math.ceil(options.records / PART);
  const setting = { part, rounds: ROUNDS, progress: say };
  const lines = await compare(stage, [...others, ...ours, two], {
    ...setting,
    rowsPerFile: SIZES,
  });
  const isOriginal = (line: Line) => line.name === pipelines.ORIGINAL && line.rowsPerFile === SMALL_FILE_ROWS;
  print(
    `(c) From a real broker to files: ${count(options.records)} events, JavaScript and Python ${
      count(part)
    } of them`,
    tableOf(lines, lines.find(isOriginal) ?? lines[0]),
  );
  const facts = SIZES.map((rowsPerFile) =>
    costOfTwoVersions(lines.filter((line) => line.rowsPerFile === rowsPerFile), [one!.name, two.name])
  );
  facts.push(...await costOfGuarantee(stage, fromSource, { ...setting, rounds: GUARANTEE_ROUNDS }));
  const program = compiled === undefined ? fromSource : [compiled.file];
  const idle = await stage.idleLoad(program);
  if (idle !== undefined) facts.push(`idle: ${(idle * 100).toFixed(1)} % of one core`);
  facts.push(`--help from source: ${(await startUpMs(fromSource)).toFixed(0)} ms`);
  if (compiled !== undefined) {
    facts.push(`--help of the binary: ${(await startUpMs([compiled.file])).toFixed(0)} ms`);
  }
  if (await knowsFlag(fromSource, "--workers")) {
    say("Two workers against one, on three times as many events: each worker has a start of its own");
    await stage.grow(WORKERS_TIMES * options.records - options.records);
    const workers = await compare(
      stage,
      [1, 2].map((n) => pipelines.archiver(`--workers ${n}`, fromSource, ["--workers", String(n)])),
      { ...setting, rowsPerFile: [LARGE_FILE_ROWS] },
    );
    const [one, two] = workers.map(rowsPerSecond);
    facts.push(`--workers 2: ${(two! / one!).toFixed(2)} times the rows/s of --workers 1`);
  } else {
    say("Without --workers: the program does not know it");
  }
  console.log(facts.map((fact) => `- ${fact}`).join("\n"));
}

/** What records of two versions take and give against those of one. */
function costOfTwoVersions(lines: readonly Line[], names: readonly [one: string, two: string]): string {
  const [one, two] = names.map((name) => lines.find((line) => line.name === name)!);
  const percent = (amount: (line: Line) => number) => (amount(two!) / amount(one!) * 100).toFixed(0);
  const cpu = ({ runs }: Line) => median(runs.map(({ cpuSeconds = NaN, rows }) => cpuSeconds / rows));
  return `two versions alternating: ${percent(rowsPerSecond)} % of the rows/s of one, and ${
    percent(cpu)
  } % of its CPU time a row, at ${count(one!.rowsPerFile!)} rows a file`;
}

/** What exactly once costs, at many small files: this program against itself without it. */
async function costOfGuarantee(
  stage: Stage,
  program: readonly string[],
  setting: Omit<Comparison, "rowsPerFile">,
): Promise<string[]> {
  say("What exactly once costs: the program against a copy that syncs nothing and writes no manifest");
  const copy = await copyWithoutGuarantee(await stage.makeFolder("without_guarantee"));
  const [whole, bare] = await compare(
    stage,
    [pipelines.archiver("exactly once", program), pipelines.archiver("without", copy)],
    { ...setting, rowsPerFile: [SMALL_FILE_ROWS] },
  );
  // Round by round, because what else the machine does changes in between.
  const saved = (amount: (run: Line["runs"][number]) => number) =>
    (median(whole!.runs.map((run, round) => 1 - amount(bare!.runs[round]!) / amount(run))) * 100).toFixed(1);
  return [
    `exactly once takes ${saved(({ seconds }) => seconds)} % of the time and ${
      saved(({ cpuSeconds = NaN }) => cpuSeconds)
    } % of the CPU time at ${count(SMALL_FILE_ROWS)} rows a file`,
  ];
}

/** Those that can run here; says which cannot, and why. */
async function otherPipelines(options: BenchOptions): Promise<pipelines.Pipeline[]> {
  const python = options.python ? await pythonToolchain() : { missing: "--no-python" };
  const rust = options.rust ? await rustToolchain() : { missing: "only with --rust" };
  return [
    ...pipelines.ifThere(
      python,
      pipelines.python,
      (why) => say(`Without the original's Python pipeline: ${why}`),
    ),
    pipelines.javaScript(),
    ...pipelines.ifThere(rust, pipelines.rust, (why) => say(`Without native Rust: ${why}`)),
  ];
}

function print(title: string, table: string): void {
  console.log(`${title}\n\n${table}\n`);
}

function count(value: number): string {
  return value.toLocaleString("en");
}

function say(line: string): void {
  console.error(`# ${line}`);
}

if (import.meta.main) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // The guards of servers and programs end them as soon as we are gone, and remove their data.
    Deno.addSignalListener(signal, () => Deno.exit(ExitCode.interrupted));
  }
  try {
    const options = parseOptions(Deno.args);
    if (options === undefined) console.log(HELP);
    else await bench(options);
    Deno.exit(ExitCode.ok);
  } catch (error) {
    say(`error: ${messageOf(error)}`);
    if (error instanceof UserError && error.hint !== undefined) say(`hint: ${error.hint}`);
    Deno.exit(exitCodeOf(error));
  }
}
