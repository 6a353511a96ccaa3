/** Starts to tell: by HTTP where an address is given, and by OpenTelemetry where the environment asks for it. */
import { getLogger } from "@logtape/logtape";

import type { HttpAddress } from "../config.ts";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import type { Facts } from "./facts.ts";
import { serve, type StatusServer } from "./server.ts";

export type { StatusServer } from "./server.ts";

const log = getLogger(["kafka2parquet", "status"]);

/** Deno's own variable: only `true` counts. */
const OTEL_VARIABLE = "OTEL_DENO";

/**
 * Starts the server; undefined where there is to be none, or where the default address is taken.
 *
 * @throws {UserError} with exit code 78 where an address that somebody has chosen cannot be used.
 */
export function openStatus(address: HttpAddress | undefined, facts: () => Facts): StatusServer | undefined {
  if (Deno.env.get(OTEL_VARIABLE) === "true") void exportMetrics(facts);
  if (address === undefined) return undefined;
  try {
    const server = serve(address, facts);
    log.info("Status page, health and metrics: {url}", { url: server.url });
    return server;
  } catch (cause) {
    const where = `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
    const reason = cause instanceof Deno.errors.AddrInUse ? "the port is taken" : messageOf(cause);
    if (address.isDefault) {
      log.warning(
        "No status page: cannot listen at {where}: {reason}. --http takes another address, or off",
        {
          where,
          reason,
        },
      );
      return undefined;
    }
    throw new UserError(`Cannot listen at ${where}: ${reason}`, {
      hint: "Give --http another address of this host, such as 127.0.0.1:8090, or off.",
      exitCode: ExitCode.config,
      cause,
    });
  }
}

async function exportMetrics(facts: () => Facts): Promise<void> {
  try {
    // Loaded only for those who want it.
    const { startOpenTelemetry } = await import("./opentelemetry.ts");
    if (startOpenTelemetry(facts)) return;
    log.warning(
      "No metrics by OpenTelemetry: {variable} must also have been set when this binary was built. " +
        "A collector may read /metrics instead",
      { variable: OTEL_VARIABLE },
    );
  } catch (error) {
    log.warning("No metrics by OpenTelemetry: {reason}", { reason: messageOf(error) });
  }
}
