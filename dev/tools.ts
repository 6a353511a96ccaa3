/** The programs that the servers need: a Java runtime, and Maven for the first download. */
import { ExitCode, UserError } from "../src/errors.ts";

/** Kafka 4 brokers need Java 17. */
const JAVA_MIN_VERSION = 17;

const INSTALL_HINT =
  "Debian, Ubuntu: apt install openjdk-17-jre-headless maven; macOS: brew install openjdk@17 maven; " +
  "or use Docker: docker compose up.";

/**
 * The path of a Java runtime, `JAVA_HOME`'s first.
 *
 * @throws {UserError} where there is none, or only an older one.
 */
export async function findJava(): Promise<string> {
  const home = Deno.env.get("JAVA_HOME");
  const candidates = home ? [`${home}/bin/java`, "java"] : ["java"];
  let tooOld: number | undefined;
  for (const java of candidates) {
    const version = javaMajorVersion(await outputOf([java, "-version"]) ?? "");
    if (version === undefined) continue;
    if (version >= JAVA_MIN_VERSION) return java;
    tooOld = version;
  }
  throw new UserError(
    tooOld === undefined
      ? `Cannot start Kafka and the schema registry: no Java runtime found, version ${JAVA_MIN_VERSION} or later is needed`
      : `Cannot start Kafka and the schema registry: Java ${tooOld} found, version ${JAVA_MIN_VERSION} or later is needed`,
    { hint: INSTALL_HINT, exitCode: ExitCode.unavailable },
  );
}

/**
 * Maven's command.
 *
 * @throws {UserError} where it is not installed.
 */
export async function findMaven(): Promise<string> {
  if (await outputOf(["mvn", "-version"]) !== undefined) return "mvn";
  throw new UserError(
    "Cannot download Kafka and the schema registry: Maven (the command mvn) is not installed",
    { hint: INSTALL_HINT, exitCode: ExitCode.unavailable },
  );
}

/** The major version in what `java -version` prints: `17.0.15` gives 17, `1.8.0_392` gives 8. */
export function javaMajorVersion(text: string): number | undefined {
  const match = /version "(?:1\.)?(\d+)/.exec(text);
  return match === null ? undefined : Number(match[1]);
}

async function outputOf(command: readonly [string, ...string[]]): Promise<string | undefined> {
  const [program, ...args] = command;
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
    return success ? new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) {
      return undefined;
    }
    throw error;
  }
}
