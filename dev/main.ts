/**
 * `deno task dev`: the whole pipeline on this machine, from real servers to Parquet files that one can look at.
 *
 * Everything that it starts ends with it.
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { ExitCode, messageOf, UserError } from "../src/errors.ts";
import { CUSTOMER_EVENTS_TOPIC } from "./events.ts";
import { durationMs, exitCodeOf, wholeNumber } from "./flags.ts";
import { type GuardedProcess, startGuarded } from "./guard.ts";
import { startKafka } from "./kafka.ts";
import { OutputFolder } from "./output_folder.ts";
import { previewTable } from "./preview.ts";
import { ensureTopic, produceEvents, registerEventSchema } from "./producer.ts";
import { startRegistry } from "./registry.ts";

const FILES_POLL_MS = 300;
const TABLE_WIDTH_DEFAULT = 110;
/** `deno task` and the terminal may both deliver one and the same Ctrl-C. */
const SAME_SIGNAL_MS = 500;
/** Longer than the consumer's own limit for saving. */
const CONSUMER_STOP_MS = 75_000;

const HELP =
  `Starts Kafka, a schema registry, a producer of customer events and kafka2parquet: deno task dev [options]

  --brokers HOST:PORT   use this Kafka instead of starting one; the topic is made where it is missing
  --registry URL        use this schema registry instead of starting one
  --topic NAME          ${CUSTOMER_EVENTS_TOPIC} by default
  --partitions N        of a topic that has to be made; 4 by default
  --group ID            consumer group; dev by default
  --rate N              events a second; 300 by default
  --no-produce          only consume
  --output DIR          parquet_data/data by default
  --rows N              rows a file; kafka2parquet's default otherwise
  --age DURATION        age at which a file is closed; 5s by default
  --for DURATION        stop by itself after so long; otherwise at Ctrl-C
`;

interface DevOptions {
  readonly brokers: string | undefined;
  readonly registry: string | undefined;
  readonly topic: string;
  readonly partitions: number;
  readonly group: string;
  readonly rate: number;
  readonly produce: boolean;
  readonly output: string;
  readonly rows: string | undefined;
  readonly age: string;
  readonly forMs: number | undefined;
}

function parseOptions(args: string[]): DevOptions | undefined {
  const { values } = parseArgs({
    args,
    allowNegative: true,
    options: {
      brokers: { type: "string" },
      registry: { type: "string" },
      topic: { type: "string", default: CUSTOMER_EVENTS_TOPIC },
      partitions: { type: "string", default: "4" },
      group: { type: "string", default: "dev" },
      rate: { type: "string", default: "300" },
      produce: { type: "boolean", default: true },
      output: { type: "string", default: "parquet_data/data" },
      rows: { type: "string" },
      age: { type: "string", default: "5s" },
      for: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  const { brokers, registry, topic, group, produce, output, rows, age } = values;
  return {
    ...{ brokers, registry, topic, group, produce, output, rows, age },
    partitions: wholeNumber(values.partitions, "partitions"),
    rate: wholeNumber(values.rate, "rate"),
    forMs: values.for === undefined ? undefined : durationMs(values.for, "for"),
  };
}

/** Until the servers are up there is nothing to save. */
let starting = true;

/** Runs until Ctrl-C, `--for` or the consumer's end; gives the exit code. */
async function dev(options: DevOptions, stop: AbortController): Promise<number> {
  await using cleanup = new AsyncDisposableStack();
  const { brokers, registry } = await findServers(options, cleanup);
  starting = false;
  await ensureTopic({ ...options, brokers, stop: stop.signal });
  await registerEventSchema({ ...options, registry, stop: stop.signal });
  const output = new OutputFolder(options.output);
  await output.forgetPresentFiles();

  const producing = options.produce
    ? startProducer({ options, brokers, registry, stop })
    : Promise.resolve(0);
  const consumer = startConsumer(options, { brokers, registry });
  cleanup.defer(() => consumer.stop().then(() => {}));
  consumer.exit.then(() => stop.abort(), () => stop.abort());
  if (options.forMs !== undefined) {
    const timer = setTimeout(() => stop.abort(), options.forMs);
    cleanup.defer(() => clearTimeout(timer));
  }

  await showFirstFiles(output, stop.signal);
  if (!stop.signal.aborted && options.forMs === undefined) {
    say("It goes on. Ctrl-C saves the rest and stops everything.");
  }
  await aborted(stop.signal);
  const endedByItself = consumer.ended;
  const produced = await producing;
  if (!endedByItself) say("Stopping: the consumer saves what it holds, then the servers end.");
  const { code } = await consumer.stop(CONSUMER_STOP_MS);
  const { files, rows } = await output.count();
  if (options.produce) say(`${count(produced, "event")} produced.`);
  say(`${count(files, "file")} with ${count(rows, "row")} in ${output.path}`);
  if (endedByItself || code !== 0) {
    say(`The consumer ended ${endedByItself ? "by itself " : ""}with exit code ${code}.`);
  }
  return endedByItself && code === 0 ? ExitCode.failure : code;
}

/** The servers that were named, and new ones in place of those that were not. */
async function findServers(options: DevOptions, cleanup: AsyncDisposableStack) {
  const missing = [options.brokers ? "" : "Kafka", options.registry ? "" : "schema registry"].filter(Boolean);
  if (missing.length > 0) say(`Starting ${missing.join(" and ")} …`);
  const kafka = options.brokers ?? startKafka().then((server) => cleanup.use(server).bootstrap);
  const schemas = options.registry ?? startRegistry().then((server) => cleanup.use(server).url);
  // Both are waited for, so that one that fails does not leave the other behind.
  await Promise.allSettled([kafka, schemas]);
  const brokers = await kafka;
  const registry = (await schemas).replace(/\/$/, "");
  say(`Kafka at ${brokers}, topic ${options.topic}`);
  say(`Schema registry at ${registry}`);
  return { brokers, registry };
}

interface ProducerPlace {
  readonly options: DevOptions;
  readonly brokers: string;
  readonly registry: string;
  readonly stop: AbortController;
}

/** A producer that fails stops everything else; its error is told once, here. */
async function startProducer({ options, brokers, registry, stop }: ProducerPlace): Promise<number> {
  say(`Producing ${options.rate} events a second`);
  let sent = 0;
  try {
    await produceEvents({
      brokers,
      registry,
      topic: options.topic,
      partitions: options.partitions,
      rate: options.rate,
      seed: Date.now(),
      compression: "none",
      stop: stop.signal,
      progress: (soFar) => sent = soFar,
    });
  } catch (error) {
    if (!stop.signal.aborted) say(`error: the producer failed: ${messageOf(error)}`);
    stop.abort();
  }
  return sent;
}

function startConsumer(options: DevOptions, servers: { brokers: string; registry: string }): GuardedProcess {
  const program = fileURLToPath(new URL("../main.ts", import.meta.url));
  const flags = [
    ["--brokers", servers.brokers],
    ["--registry", servers.registry],
    ["--topic", options.topic],
    ["--group", options.group],
    ["--output", options.output],
    ["--age", options.age],
    ["--log-format", "text"],
    ...(options.rows === undefined ? [] : [["--rows", options.rows]]),
  ];
  say(`Running kafka2parquet ${flags.flat().join(" ")}`);
  return startGuarded([Deno.execPath(), "run", "-A", program, "run", ...flags.flat()], {
    // The terminal is ours too: lines of two writers would run into its status line.
    env: { KAFKA2PARQUET_STATUS_LINE: "off" },
  });
}

async function showFirstFiles(output: OutputFolder, stop: AbortSignal): Promise<void> {
  let first: string | undefined;
  while (first === undefined && !stop.aborted) {
    [first] = await output.newFiles();
    if (first === undefined) await pause(FILES_POLL_MS, stop);
  }
  if (first === undefined) return;
  const lines = await previewTable(first, terminalWidth());
  console.log(["", `The first file is there: ${first}`, "", ...lines, ""].join("\n"));
}

function terminalWidth(): number {
  try {
    return Deno.stdout.isTerminal() ? Deno.consoleSize().columns : TABLE_WIDTH_DEFAULT;
  } catch {
    return TABLE_WIDTH_DEFAULT;
  }
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  stop.addEventListener("abort", () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function count(number: number, what: string): string {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}

function say(line: string): void {
  console.error(`# ${line}`);
}

/**
 * The first Ctrl-C stops in good order; a second one ends everything at once, and so does one while the servers are
 * still starting: the guards of what was started end it, and remove its data.
 */
function listenForSignals(stop: AbortController): void {
  let firstAt: number | undefined;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      const now = Date.now();
      firstAt ??= now;
      if (starting || now - firstAt > SAME_SIGNAL_MS) Deno.exit(ExitCode.interrupted);
      stop.abort();
    });
  }
}

async function main(): Promise<number> {
  const stop = new AbortController();
  try {
    const options = parseOptions(Deno.args);
    if (options === undefined) {
      console.log(HELP);
      return ExitCode.ok;
    }
    listenForSignals(stop);
    return await dev(options, stop);
  } catch (error) {
    if (stop.signal.aborted) return ExitCode.ok;
    say(`error: ${messageOf(error)}`);
    if (error instanceof UserError && error.hint !== undefined) say(`hint: ${error.hint}`);
    return exitCodeOf(error);
  }
}

if (import.meta.main) Deno.exit(await main());
