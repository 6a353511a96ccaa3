/** Kafka's jars and the registry's archive from Maven Central, cached outside the repository. */
import { ExitCode, UserError } from "../src/errors.ts";
import { startGuarded } from "./guard.ts";
import { findMaven } from "./tools.ts";

/** The first one is the default. */
export const KAFKA_VERSIONS = ["4.3.1", "3.9.2"] as const;
export type KafkaVersion = typeof KAFKA_VERSIONS[number];

/** The last registry that runs on Java 17. */
const REGISTRY_VERSION = "3.0.9";

/** Kafka brings version 1.7 of the logging interface: a version 2 binding would log nothing. */
const SLF4J_SIMPLE_VERSION = "1.7.36";

const PROGRESS_EVERY_MS = 3_000;
const MAVEN_TAIL_LINES = 8;

/** The folder that holds Kafka's jars, downloaded where it is not there yet. */
export function kafkaLib(version: KafkaVersion): Promise<string> {
  return cached(`kafka-${version}`, {
    what: `Kafka ${version} (45 MB) from Maven Central`,
    fill: (folder) => fillKafka(version, folder),
  });
}

/** The folder that holds the registry: one runnable jar, and its libraries. */
export function registryHome(): Promise<string> {
  return cached(`apicurio-${REGISTRY_VERSION}`, {
    what: `Apicurio registry ${REGISTRY_VERSION} (104 MB) from Maven Central`,
    fill: fillRegistry,
  });
}

/** `XDG_CACHE_HOME`, else `~/.cache`, and `kafka2parquet` in it. */
export function cacheFolder(): string {
  const base = Deno.env.get("XDG_CACHE_HOME") || `${Deno.env.get("HOME") ?? "."}/.cache`;
  return `${base}/kafka2parquet`;
}

export interface Download {
  /** For people: `Kafka 4.3.1 (45 MB) from Maven Central`. */
  readonly what: string;
  fill(folder: string): Promise<void>;
}

/**
 * The folder of that name in the cache, filled where it is not there yet: under another name until it is whole, so
 * that a download that was broken off is never taken for one.
 */
export async function cached(name: string, download: Download): Promise<string> {
  const cache = cacheFolder();
  const target = `${cache}/${name}`;
  if (await isFolder(target)) return target;
  await Deno.mkdir(cache, { recursive: true });
  using lock = await Deno.open(`${cache}/${name}.lock`, { create: true, write: true });
  await lock.lock(true);
  // Another process may have finished the same download while we waited for the lock.
  if (await isFolder(target)) return target;
  say(`Downloading ${download.what}, once, into ${cache}`);
  const startedAt = Date.now();
  const folder = await Deno.makeTempDir({ dir: cache, prefix: `${name}-` });
  try {
    await download.fill(folder);
    await Deno.rename(folder, target);
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
  say(`Downloaded ${download.what} in ${Math.round((Date.now() - startedAt) / 1000)} s`);
  return target;
}

async function fillKafka(version: KafkaVersion, folder: string): Promise<void> {
  const pom = `${folder}/pom.xml`;
  await Deno.writeTextFile(
    pom,
    `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev</groupId><artifactId>kafka-server</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>${SLF4J_SIMPLE_VERSION}</version></dependency>
  </dependencies>
</project>
`,
  );
  await maven([
    "-f",
    pom,
    "dependency:copy-dependencies",
    `-DoutputDirectory=${folder}`,
    "-DincludeScope=runtime",
  ], {
    what: `Kafka ${version}`,
    folder,
  });
}

async function fillRegistry(folder: string): Promise<void> {
  const archive = `${folder}/registry.tar.gz`;
  // Later versions of the plug-in insist on the parent pom, which is not in Maven Central.
  await maven([
    "org.apache.maven.plugins:maven-dependency-plugin:2.10:get",
    `-Dartifact=io.apicurio:apicurio-registry-app:${REGISTRY_VERSION}:tar.gz:all`,
    "-Dtransitive=false",
    `-Ddest=${archive}`,
  ], { what: "Apicurio registry", folder });
  const tar = await new Deno.Command("tar", { args: ["-xzf", archive, "-C", folder] }).output();
  if (!tar.success) {
    throw new UserError(`Cannot unpack ${archive}: ${new TextDecoder().decode(tar.stderr).trim()}`);
  }
  await Deno.remove(archive);
}

/** Runs Maven in `folder`, which its guard removes where we are killed before the end. */
async function maven(
  args: readonly string[],
  { what, folder }: { readonly what: string; readonly folder: string },
): Promise<void> {
  // Without -B: only then does Maven tell how far a file is.
  const child = startGuarded([await findMaven(), "-Dstyle.color=never", ...args], {
    output: "piped",
    cwd: folder,
    scratchDir: folder,
  });
  const startedAt = Date.now();
  const tail: string[] = [];
  let files = 0;
  let current = "";
  const ticker = setInterval(() => {
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    const done = files === 1 ? "1 file" : `${files} files`;
    // Several downloads may go on at the same time.
    say(`  ${what}: ${done} after ${seconds} s${current && `, now ${current}`}`);
  }, PROGRESS_EVERY_MS);
  const follow = async (stream: ReadableStream<Uint8Array>) => {
    for await (const line of linesOf(stream)) {
      const progress = /^Progress \(\d+\): (.*)/.exec(line);
      if (progress !== null) {
        current = progress[1]?.trim() ?? "";
        continue;
      }
      if (line.startsWith("Downloaded from ")) files++;
      if (line.trim() !== "") tail.push(line);
      if (tail.length > MAVEN_TAIL_LINES) tail.shift();
    }
  };
  try {
    const [{ code }] = await Promise.all([child.exit, follow(child.stdout), follow(child.stderr)]);
    if (code === 0) return;
    throw new UserError(`Maven could not download (exit code ${code}):\n${tail.join("\n")}`, {
      hint: "Check that Maven Central can be reached, or use Docker: docker compose up.",
      exitCode: ExitCode.unavailable,
    });
  } finally {
    clearInterval(ticker);
  }
}

/** The lines of a byte stream, without their ends (`\n`, `\r\n` or `\r`); a last line needs none. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function say(line: string): void {
  console.error(line);
}
