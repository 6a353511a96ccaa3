/** `kafka2parquet run`: from flags, environment and config file to a running archiver. */
import type { ExitCode } from "../errors.ts";
import { configureLogging } from "../log.ts";
import { readConfigFile } from "./config_file.ts";
import { configFilePath, resolveConfig, type Sources, type Texts } from "./resolve.ts";

/** Archives until the end, a signal or a failure. Throws `UserError`. */
export async function run(flags: Texts): Promise<ExitCode> {
  const sources: Sources = { flags, env: Deno.env.toObject(), terminal: Deno.stderr.isTerminal() };
  const path = configFilePath(sources);
  const file = path === undefined ? undefined : { path, texts: await readConfigFile(path) };
  const config = resolveConfig(file ? { ...sources, file } : sources);
  configureLogging({ level: config.logLevel, format: config.logFormat, color: config.color });
  // Loaded here, so that --help and errors of usage do not wait for the archiver's modules.
  const { supervise } = await import("../archiver/mod.ts");
  return await supervise(config);
}
