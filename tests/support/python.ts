/** librdkafka as Python brings it, for tests that want a producer of another house. */
import { cached } from "../../dev/download.ts";
import { messageOf } from "../../src/errors.ts";

const VERSION = "2.16.1";

/**
 * A Python that has `confluent-kafka`, installed on first use in a folder outside the repository.
 *
 * Where that cannot be it says so in one line and gives `undefined`; where `CI` is set it fails instead.
 */
export async function pythonWithLibrdkafka(): Promise<string | undefined> {
  try {
    await run(["python3", "-c", "import venv, ensurepip"]);
    const folder = await cached(`confluent-kafka-${VERSION}`, {
      what: `confluent-kafka ${VERSION} (4 MB) from PyPI`,
      async fill(folder) {
        await run(["python3", "-m", "venv", folder]);
        await run([`${folder}/bin/python`, "-m", "pip", "install", "--quiet", `confluent-kafka==${VERSION}`]);
      },
    });
    return `${folder}/bin/python`;
  } catch (error) {
    if (Deno.env.get("CI")) throw error;
    console.error(
      `Tests with librdkafka are skipped, they need Python 3 with venv and pip: ${messageOf(error)}`,
    );
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
