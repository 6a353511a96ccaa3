/**
 * Reading all that a configuration can come from: environment, config file, a Kafka client's file, files of secrets.
 */
import { getLogger } from "@logtape/logtape";

import { ExitCode, messageOf, UserError } from "../errors.ts";
import { readClientProperties } from "./client_properties.ts";
import { readConfigFile } from "./config_file.ts";
import { ALL_OPTIONS, envName, FILE_SUFFIX } from "./options.ts";
import { checkEnvNames, clientConfigPath, configFilePath, type Sources, type Texts } from "./resolve.ts";

const log = getLogger(["kafka2parquet", "cli"]);

/** What is larger is no password. */
const SECRET_BYTES_MAX = 64 * 1024;

export interface ReadSources {
  readonly sources: Sources;
  /** Keys of a Kafka client's file that nobody knows. */
  readonly unknownKeys: readonly string[];
  /** Says what was not understood; to be called once there is a log. */
  tell(): void;
}

/** Throws {@link UserError}, with exit code 78 where a file is at fault. */
export async function readSources(flags: Texts): Promise<ReadSources> {
  const env = Deno.env.toObject();
  checkEnvNames(env);
  let sources: Sources = {
    flags,
    env,
    terminal: Deno.stderr.isTerminal(),
    secrets: await readSecretFiles(env),
  };
  const path = configFilePath(sources);
  if (path !== undefined) sources = { ...sources, file: { path, texts: await readConfigFile(path) } };
  const clientPath = clientConfigPath(sources);
  if (clientPath === undefined) return { sources, unknownKeys: [], tell: () => {} };
  const { texts, unknown, unused } = await readClientProperties(clientPath);
  return {
    sources: { ...sources, client: { path: clientPath, texts } },
    unknownKeys: unknown,
    tell() {
      if (unknown.length > 0) {
        log.warn("Unknown keys in {path}: {keys}", { path: clientPath, keys: unknown });
      }
      if (unused.length > 0) {
        log.info("Not used of {path}, because they are no matter of brokers or security: {keys}", {
          path: clientPath,
          keys: unused,
        });
      }
    },
  };
}

async function readSecretFiles(env: Readonly<Record<string, string>>): Promise<Map<string, string>> {
  const secrets = new Map<string, string>();
  for (const option of ALL_OPTIONS.filter(({ secret }) => secret)) {
    const variable = envName(option) + FILE_SUFFIX;
    const path = env[variable];
    if (!path) continue;
    if (env[envName(option)]) {
      throw new UserError(`Both ${envName(option)} and ${variable} are set`, {
        hint: "Set one of them.",
        exitCode: ExitCode.config,
      });
    }
    secrets.set(option.name, await readSecret(path, variable));
  }
  return secrets;
}

async function readSecret(path: string, variable: string): Promise<string> {
  try {
    const { size } = await Deno.stat(path);
    if (size > SECRET_BYTES_MAX) throw new Error(`it has ${size} bytes, more than any secret`);
    // Editors and echo put a line end behind it.
    const text = (await Deno.readTextFile(path)).replace(/\r?\n$/, "");
    if (text === "") throw new Error("it is empty");
    return text;
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    throw new UserError(
      `Cannot read ${path} of ${variable}: ${missing ? "no such file" : messageOf(error)}`,
      {
        hint: "Name a file that holds the secret and nothing else.",
        exitCode: ExitCode.config,
        cause: error,
      },
    );
  }
}
