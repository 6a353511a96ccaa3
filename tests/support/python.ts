/** What Python brings: librdkafka, for tests that want a producer of another house, and the schemas of Kubernetes. */
import { cached } from "../../dev/download.ts";
import { messageOf } from "../../src/errors.ts";

interface PythonPackage {
  readonly name: string;
  readonly version: string;
  /** For people: `4 MB`. */
  readonly size: string;
}

const LIBRDKAFKA: PythonPackage = { name: "confluent-kafka", version: "2.16.1", size: "4 MB" };
const KUBERNETES_SCHEMAS: PythonPackage = { name: "kubernetes-validate", version: "1.37.0", size: "11 MB" };

/**
 * A Python that has `confluent-kafka`, installed on first use in a folder outside the repository.
 *
 * Where that cannot be it says so in one line and gives `undefined`; where `CI` is set it fails instead.
 */
export async function pythonWithLibrdkafka(): Promise<string | undefined> {
  return await pythonWith(LIBRDKAFKA, "Tests with librdkafka");
}

/** The same with `kubernetes_validate`, which brings the schemas of all releases of Kubernetes. */
export async function pythonWithKubernetes(): Promise<string | undefined> {
  return await pythonWith(KUBERNETES_SCHEMAS, "Tests of the Kubernetes manifest");
}

async function pythonWith(
  { name, version, size }: PythonPackage,
  tests: string,
): Promise<string | undefined> {
  try {
    await run(["python3", "-c", "import venv, ensurepip"]);
    const folder = await cached(`${name}-${version}`, {
      what: `${name} ${version} (${size}) from PyPI`,
      async fill(folder) {
        await run(["python3", "-m", "venv", folder]);
        await run([`${folder}/bin/python`, "-m", "pip", "install", "--quiet", `${name}==${version}`]);
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
