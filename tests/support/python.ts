/** Python's implementations, for tests that want one of another house, and the schemas of Kubernetes. */
import { cached } from "../../dev/download.ts";
import { messageOf } from "../../src/errors.ts";

const LIBRDKAFKA = "confluent-kafka==2.16.1";
const READERS = ["fastavro==1.13.1", "pyarrow==26.0.1"];
const KUBERNETES_SCHEMAS = "kubernetes-validate==1.37.0";

/** A Python with `confluent-kafka`: librdkafka. See {@link pythonWith}. */
export function pythonWithLibrdkafka(): Promise<string | undefined> {
  return pythonWith([LIBRDKAFKA], { size: "4 MB", tests: "Tests with librdkafka" });
}

/** A Python with fastavro and pyarrow. See {@link pythonWith}. */
export function pythonWithReaders(): Promise<string | undefined> {
  return pythonWith(READERS, { size: "50 MB", tests: "Comparisons with fastavro and pyarrow" });
}

/** A Python with `kubernetes_validate`, which brings the schemas of all releases. See {@link pythonWith}. */
export function pythonWithKubernetes(): Promise<string | undefined> {
  return pythonWith([KUBERNETES_SCHEMAS], { size: "11 MB", tests: "Tests of the Kubernetes manifest" });
}

/**
 * A Python that has these packages, installed on first use in a folder outside the repository.
 *
 * Where that cannot be it says so in one line and gives `undefined`; where `CI` is set it fails instead.
 */
async function pythonWith(
  packages: readonly string[],
  { size, tests }: { readonly size: string; readonly tests: string },
): Promise<string | undefined> {
  try {
    await run(["python3", "-c", "import venv, ensurepip"]);
    const folder = await cached(packages.join("-").replaceAll("==", "-"), {
      what: `${packages.join(" and ")} (${size}) from PyPI`,
      async fill(folder) {
        await run(["python3", "-m", "venv", folder]);
        await run([`${folder}/bin/python`, "-m", "pip", "install", "--quiet", ...packages]);
      },
    });
    return `${folder}/bin/python`;
  } catch (error) {
    if (Deno.env.get("CI")) throw error;
    console.error(`${tests} are skipped, they need Python 3 with venv and pip: ${messageOf(error)}`);
    return undefined;
  }
}

/** @throws {Error} with the last line that the command has written, where it fails. */
export async function run(command: readonly [string, ...string[]]): Promise<void> {
  const [program, ...args] = command;
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (success) return;
  const text = new TextDecoder();
  const lines = (text.decode(stdout) + text.decode(stderr)).trim().split("\n");
  throw new Error(`${program} ${args.slice(0, 2).join(" ")}: ${lines.at(-1)}`);
}
