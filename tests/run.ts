/**
 * `deno task test`: all tests, on a real Kafka and a real registry that it starts and stops itself.
 *
 * Arguments go to `deno test`: paths run only those tests, `--filter=NAME` only tests of that name. `--kafka VERSION`
 * is ours: the Kafka to run them on (`K2P_KAFKA_VERSION` names it too).
 */
import { messageOf, UserError } from "../src/errors.ts";
import {
  type GuardedProcess,
  KAFKA_VERSION_VARIABLE,
  kafkaVersion,
  startGuarded,
  startKafka,
  startRegistry,
} from "../dev/mod.ts";
import { cannotRun } from "./support/integration.ts";
import { ROOT } from "./support/paths.ts";

/** Folders whose tests need servers, or minutes. */
const SERVER_TESTS = ["tests/integration", "tests/interop", "tests/faults", "tests/e2e", "tests/dev"];
const INTERRUPTED_EXIT_CODE = 130;

interface Leg {
  readonly name: string;
  readonly args: readonly string[];
}

interface Result {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
}

async function main(given: readonly string[]): Promise<boolean> {
  const args = chooseKafka(given);
  const version = kafkaVersion();
  const skipped = await cannotRun();
  await using servers = new AsyncDisposableStack();
  const env: Record<string, string> = {};
  const results: Result[] = [];
  const start = async () => {
    if (skipped || Deno.env.get("K2P_TEST_BROKERS")) return;
    say("Starting Kafka and the schema registry for the integration tests");
    const kafka = startKafka({ version }).then((server) => servers.use(server));
    const registry = startRegistry().then((server) => servers.use(server));
    // Both are waited for, so that one that fails does not leave the other behind.
    await Promise.allSettled([kafka, registry]);
    env["K2P_TEST_BROKERS"] = (await kafka).bootstrap;
    env["K2P_TEST_REGISTRY"] = (await registry).url;
    say(`Kafka ${version} at ${env["K2P_TEST_BROKERS"]}, registry at ${env["K2P_TEST_REGISTRY"]}`);
  };
  const paths = args.filter((arg) => !arg.startsWith("-"));
  const flags = args.filter((arg) => arg.startsWith("-"));
  if (paths.length > 0) {
    await start();
    results.push(await run({ name: "tests", args: [...flags, ...paths] }, env));
  } else {
    // Servers come up while the unit tests run; what goes wrong there is told after them.
    const started = start();
    started.catch(() => {});
    const ignored = `--ignore=${SERVER_TESTS.join(",")}`;
    results.push(await run({ name: "unit tests", args: [...flags, ignored, "tests/"] }, env));
    await started;
    const present = SERVER_TESTS.filter((folder) => isFolder(`${ROOT}/${folder}`));
    if (present.length > 0) {
      results.push(await run({ name: "integration tests", args: [...flags, ...present] }, env));
    }
  }
  const summary = results.map(({ name, ok, seconds }) =>
    `${name} ${ok ? "passed" : "FAILED"} in ${seconds} s`
  );
  if (skipped) summary.push("integration tests SKIPPED");
  say(summary.join(", "));
  return results.every(({ ok }) => ok);
}

/** Takes `--kafka VERSION` or `--kafka=VERSION` out of the arguments; all that is started from here on follows it. */
function chooseKafka(args: readonly string[]): string[] {
  const at = args.findIndex((arg) => arg === "--kafka" || arg.startsWith("--kafka="));
  if (at < 0) return [...args];
  const isNext = args[at] === "--kafka";
  Deno.env.set(KAFKA_VERSION_VARIABLE, (isNext ? args[at + 1] : args[at]!.slice("--kafka=".length)) || "?");
  // Servers that run already are of another version.
  Deno.env.delete("K2P_TEST_BROKERS");
  return args.toSpliced(at, isNext ? 2 : 1);
}

let current: GuardedProcess | undefined;

async function run(leg: Leg, env: Record<string, string>): Promise<Result> {
  say(`Running ${leg.name}: deno test ${leg.args.join(" ")}`);
  const startedAt = Date.now();
  const command = [Deno.execPath(), "test", "-A", "--permit-no-files", ...leg.args];
  current = startGuarded(command, { env, cwd: ROOT });
  const { code } = await current.exit;
  return { name: leg.name, ok: code === 0, seconds: Math.round((Date.now() - startedAt) / 1000) };
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function say(line: string): void {
  console.error(`# ${line}`);
}

if (import.meta.main) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // The guards of tests and servers end them as soon as we are gone.
    Deno.addSignalListener(signal, () => Deno.exit(INTERRUPTED_EXIT_CODE));
  }
  try {
    Deno.exit(await main(Deno.args) ? 0 : 1);
  } catch (error) {
    say(`error: ${messageOf(error)}`);
    if (error instanceof UserError && error.hint !== undefined) say(`hint: ${error.hint}`);
    Deno.exit(1);
  }
}
