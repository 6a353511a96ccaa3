/** The main thread of the supervisor's tests: `supervise.ts OPTIONS-AS-JSON`. */
import { supervise } from "../../../src/archiver/mod.ts";
import { resolveConfig } from "../../../src/cli/resolve.ts";
import { closeLogging, configureLogging, reportError } from "../../../src/log.ts";

export interface SupervisedOptions {
  /** A scenario's name. */
  readonly scenario: string;
  /** A worker's module in this folder. */
  readonly worker?: string;
  readonly flags?: Readonly<Record<string, string>>;
  readonly pingEveryMs?: number;
  readonly progressEveryMs?: number;
  readonly rebuildPauseMs?: number;
  /** Draw the status line. */
  readonly terminal?: boolean;
}

if (import.meta.main) {
  const { scenario, worker = "scenarios.ts", flags = {}, terminal = false, ...options } = JSON.parse(
    Deno.args[0]!,
  ) as SupervisedOptions;
  const texts = { "log-format": "text", http: "off", ...flags, group: scenario };
  const config = resolveConfig({
    flags: new Map(Object.entries(texts).map(([name, text]) => [name, [text]])),
    env: {},
    terminal,
  });
  configureLogging({ level: config.logLevel, format: config.logFormat, color: false });
  const exitCode = await supervise(config, { ...options, workerUrl: new URL(worker, import.meta.url) })
    .catch(reportError);
  closeLogging();
  Deno.exit(exitCode);
}
