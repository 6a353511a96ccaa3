/** `kafka2parquet run`: from flags, environment and config file to a running archiver. */
import { getLogger } from "@logtape/logtape";

import type { Config } from "../config.ts";
import type { ExitCode } from "../errors.ts";
import { configureLogging } from "../log.ts";
import { hideSecrets } from "../secrets.ts";
import { resolveConfig, type Texts } from "./resolve.ts";
import { resolveSecurity, secretsIn } from "./security.ts";
import { readSources } from "./sources.ts";

const log = getLogger(["kafka2parquet", "cli"]);

/** Archives until the end, a signal or a failure. Throws `UserError`. */
export async function run(flags: Texts): Promise<ExitCode> {
  const { sources, tell } = await readSources(flags);
  const config = resolveConfig(sources, await resolveSecurity(sources));
  hideSecrets(secretsIn(config, config.registry));
  configureLogging({ level: config.logLevel, format: config.logFormat, color: config.color });
  tell();
  warnOfRisks(config);
  // Loaded here, so that --help and errors of usage do not wait for the archiver's modules.
  const { supervise } = await import("../archiver/mod.ts");
  return await supervise(config);
}

function warnOfRisks({ security, registrySecurity, registry }: Config): void {
  if (security.tls?.insecure || registrySecurity.tls.insecure) {
    log.warn(
      "CERTIFICATES ARE NOT CHECKED (tls-insecure): anybody on the way can read and change what goes over the network",
    );
  } else if (!registrySecurity.tls.checkName) {
    log.warn(
      "Names in certificates are not checked (tls-check-name): any host of the same authority is believed",
    );
  }
  if (security.protocol === "sasl_plaintext" && !security.sasl?.mechanism.startsWith("scram")) {
    log.warn("The brokers' credentials go over the network in plain text (sasl_plaintext)");
  }
  if (registrySecurity.auth !== undefined && registry.some((url) => url.startsWith("http:"))) {
    log.warn("The registry's credentials go over the network in plain text (http)");
  }
}
