/** `kafka2parquet run`: from flags, environment and config file to a running archiver. */
import type { ExitCode } from "../errors.ts";
import { configureLogging } from "../log.ts";
import { hideSecrets } from "../secrets.ts";
import { resolveConfig, type Texts } from "./resolve.ts";
import { resolveSecurity, secretsIn, warnOfRisks } from "./security.ts";
import { readSources } from "./sources.ts";

/** Archives until the end, a signal or a failure. Throws `UserError`. */
export async function run(flags: Texts): Promise<ExitCode> {
  const { sources, tell } = await readSources(flags);
  const config = resolveConfig(sources, await resolveSecurity(sources));
  hideSecrets(secretsIn(config, config.registry));
  configureLogging({ level: config.logLevel, format: config.logFormat, color: config.color });
  tell();
  warnOfRisks(config, config.registry);
  // Loaded here, so that --help and errors of usage do not wait for the archiver's modules.
  const { supervise } = await import("../archiver/mod.ts");
  return await supervise(config);
}
