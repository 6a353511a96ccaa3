/** From a real broker to files: every pipeline as a program of its own, on the same topic. */
import { startGuarded, startKafka, startRegistry } from "../dev/mod.ts";
import { CUSTOMER_EVENT_SCHEMA } from "../dev/events.ts";
import { lastLines } from "../dev/server_process.ts";
import { ensureTopic, produceEvents, type ProducerOptions, registerEventSchema } from "../dev/producer.ts";
import { readFooter } from "../src/parquet/mod.ts";
import { measureProgram, measureRunning, median, type Run } from "./measure.ts";
import { type Job, type Pipeline, servers } from "./pipelines.ts";
import type { Line } from "./table.ts";

const TOPIC = "bench";
/** As many records, of two schema versions that alternate. */
const MIXED_TOPIC = "bench-mixed";
const WARM_TOPIC = "bench-warm";
const IDLE_TOPIC = "bench-idle";
const PARTITIONS = 4;
const WARM_RECORDS = 5_000;
const PRODUCER_SEED = 1;
const BROKER_HEAP_MB = 512;
const RUN_LIMIT_MS = 240_000;
const IDLE_DURATION_MS = 10_000;
/** After joining, so that start-up is over. */
const IDLE_SETTLE_MS = 3_000;
const JOIN_LIMIT_MS = 30_000;
const JOIN_POLL_MS = 100;
const START_UPS = 7;

/** Kafka, a registry, and topics that are full: all that the programs need. */
export class Stage implements AsyncDisposable {
  readonly #brokers: string;
  readonly #registry: string;
  readonly #schemaIds: ReadonlyMap<string, number>;
  readonly #folder: string;
  readonly #cleanup: AsyncDisposableStack;
  #records: number;
  #runs = 0;

  private constructor(parts: {
    brokers: string;
    registry: string;
    records: number;
    schemaIds: ReadonlyMap<string, number>;
    folder: string;
    cleanup: AsyncDisposableStack;
  }) {
    this.#brokers = parts.brokers;
    this.#registry = parts.registry;
    this.#records = parts.records;
    this.#schemaIds = parts.schemaIds;
    this.#folder = parts.folder;
    this.#cleanup = parts.cleanup;
  }

  /** Starts the servers and produces `records` events. */
  static async open(records: number): Promise<Stage> {
    await using cleanup = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "kafka2parquet-bench-" });
    cleanup.defer(() => Deno.remove(folder, { recursive: true }));
    // Where a signal ends us between two programs, no guard would remove it.
    const removeAtExit = () => Deno.removeSync(folder, { recursive: true });
    globalThis.addEventListener("unload", removeAtExit);
    cleanup.defer(() => globalThis.removeEventListener("unload", removeAtExit));
    const kafka = startKafka({ heapMb: BROKER_HEAP_MB }).then((server) => cleanup.use(server));
    const schemas = startRegistry().then((server) => cleanup.use(server));
    // Both are waited for, so that one that fails does not leave the other behind.
    await Promise.allSettled([kafka, schemas]);
    const brokers = (await kafka).bootstrap;
    const registry = (await schemas).url;
    const schemaIds = new Map<string, number>();
    const topics = [[WARM_TOPIC, WARM_RECORDS], [TOPIC, records], [MIXED_TOPIC, records], [
      IDLE_TOPIC,
      0,
    ]] as const;
    for (const [topic, count] of topics) {
      const place = { brokers, registry, topic, partitions: PARTITIONS };
      await ensureTopic(place);
      schemaIds.set(topic, await registerEventSchema(place));
      if (count > 0) await produce({ ...place, alternating: topic === MIXED_TOPIC }, count);
    }
    await Deno.writeTextFile(`${folder}/schema.json`, JSON.stringify(CUSTOMER_EVENT_SCHEMA));
    return new Stage({ brokers, registry, records, schemaIds, folder, cleanup: cleanup.move() });
  }

  /** Adds events to the topic of one version. */
  async grow(records: number): Promise<void> {
    const place = { brokers: this.#brokers, registry: this.#registry, topic: TOPIC, partitions: PARTITIONS };
    await produce(place, records);
    this.#records += records;
  }

  /** An empty folder that goes with the stage. */
  async makeFolder(name: string): Promise<string> {
    const path = `${this.#folder}/${name}`;
    await Deno.mkdir(path);
    return path;
  }

  /** One short run on few records: what is downloaded, compiled or cached at the first start. */
  async warmUp(pipeline: Pipeline): Promise<void> {
    await this.#run(pipeline, this.#job(WARM_TOPIC, { rowsPerFile: 1_200, records: WARM_RECORDS }));
  }

  /** One run; a pipeline that takes a part takes `part` records. */
  async run(pipeline: Pipeline, rowsPerFile: number, part: number): Promise<Run> {
    const records = pipeline.takesPart ? part : this.#records;
    const topic = pipeline.takesTwoVersions ? MIXED_TOPIC : TOPIC;
    return await this.#run(pipeline, this.#job(topic, { rowsPerFile, records }));
  }

  /** Processor seconds a second of a program that has nothing to do. */
  async idleLoad(program: readonly string[]): Promise<number | undefined> {
    const job = this.#job(IDLE_TOPIC, { rowsPerFile: 1_200, records: 0 });
    const logFile = `${this.#folder}/idle.log`;
    const running = startGuarded([...program, ...servers(job)], { logFile, scratchDir: this.#folder });
    try {
      const deadline = Date.now() + JOIN_LIMIT_MS;
      while (!(await lastLines(logFile, 100)).includes("Joined")) {
        if (running.ended || Date.now() > deadline) {
          throw new Error(`it did not join\n${await lastLines(logFile, 8)}`);
        }
        await pause(JOIN_POLL_MS);
      }
      await pause(IDLE_SETTLE_MS);
      const seconds = await measureRunning(running, IDLE_DURATION_MS);
      return seconds === undefined ? undefined : seconds / (IDLE_DURATION_MS / 1000);
    } finally {
      await running.stop();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup.disposeAsync();
  }

  #job(topic: string, { rowsPerFile, records }: { rowsPerFile: number; records: number }): Job {
    const number = this.#runs++;
    return {
      ...{ brokers: this.#brokers, registry: this.#registry, topic, rowsPerFile, records },
      group: `bench-${number}`,
      output: `${this.#folder}/${number}/data`,
      schemaId: this.#schemaIds.get(topic)!,
      schemaFile: `${this.#folder}/schema.json`,
    };
  }

  /** @throws {Error} where the program fails, or its files do not hold each record once. */
  async #run(pipeline: Pipeline, job: Job): Promise<Run> {
    await Deno.mkdir(job.output, { recursive: true });
    try {
      const logFile = `${this.#folder}/program.log`;
      await Deno.writeTextFile(logFile, "");
      const measured = await measureProgram(pipeline.command(job), {
        logFile,
        scratchDir: this.#folder,
        limitMs: RUN_LIMIT_MS,
      });
      const { rows, bytes } = await countFiles(job.output);
      if (rows !== job.records) throw new Error(`${rows} rows in its files, ${job.records} are right`);
      return { ...measured, rows, fileBytes: bytes };
    } catch (error) {
      throw new Error(`${pipeline.name}, ${job.rowsPerFile} rows a file: ${(error as Error).message}`, {
        cause: error,
      });
    } finally {
      await Deno.remove(job.output, { recursive: true });
    }
  }
}

export interface Comparison {
  readonly rowsPerFile: readonly number[];
  readonly part: number;
  readonly rounds: number;
  progress(line: string): void;
}

/** All pipelines in each round, every other round in the opposite order. */
export async function compare(
  stage: Stage,
  pipelines: readonly Pipeline[],
  { rowsPerFile, part, rounds, progress }: Comparison,
): Promise<Line[]> {
  for (const pipeline of pipelines) await stage.warmUp(pipeline);
  const lines = pipelines.flatMap((pipeline) =>
    rowsPerFile.map((rows) => ({ pipeline, name: pipeline.name, rowsPerFile: rows, runs: [] as Run[] }))
  );
  for (let round = 0; round < rounds; round++) {
    for (const line of round % 2 === 0 ? lines : lines.toReversed()) {
      const run = await stage.run(line.pipeline, line.rowsPerFile, part);
      line.runs.push(run);
      const rate = Math.round(run.rows / run.seconds).toLocaleString("en");
      progress(`round ${round + 1}: ${line.name}, ${line.rowsPerFile} rows a file: ${rate} rows/s`);
    }
  }
  return lines;
}

/** Milliseconds from the start of a program to the end of its `--help`: the median of several. */
export async function startUpMs(program: readonly string[]): Promise<number> {
  const [command = "", ...args] = program;
  const times: number[] = [];
  for (let time = 0; time < START_UPS; time++) {
    const startMs = performance.now();
    const { success } = await new Deno.Command(command, { args: [...args, "--help"], stdout: "null" })
      .output();
    if (!success) throw new Error("--help failed");
    times.push(performance.now() - startMs);
  }
  return median(times);
}

/** Whether the program knows a flag. */
export async function knowsFlag(program: readonly string[], flag: string): Promise<boolean> {
  const [command = "", ...args] = program;
  const { stdout } = await new Deno.Command(command, { args: [...args, "--help"], stderr: "null" }).output();
  return new TextDecoder().decode(stdout).includes(flag);
}

async function produce(
  place: Pick<ProducerOptions, "brokers" | "registry" | "topic" | "partitions" | "alternating">,
  count: number,
): Promise<void> {
  await produceEvents({ ...place, rate: "max", count, seed: PRODUCER_SEED, compression: "none" });
}

async function countFiles(folder: string): Promise<{ rows: number; bytes: number }> {
  let [rows, bytes] = [0, 0];
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) {
      const inside = await countFiles(path);
      rows += inside.rows;
      bytes += inside.bytes;
    } else if (entry.name.endsWith(".parquet")) {
      rows += (await readFooter(path)).rows;
      bytes += (await Deno.stat(path)).size;
    }
  }
  return { rows, bytes };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
