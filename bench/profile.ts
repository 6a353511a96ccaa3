/**
 * The archiver in the main thread, where the profiler sees it: workers are not profiled.
 *
 *     deno run -A --cpu-prof-dir=DIR --cpu-prof-md bench/profile.ts --brokers … --until-end …
 *
 * Takes the flags of `kafka2parquet run`; switches such as `--until-end` too. Prints rows, seconds and CPU seconds.
 */
import { archive } from "../src/archiver/archive.ts";
import { resolveConfig } from "../src/cli/resolve.ts";
import { measureHere } from "./measure.ts";

/** `--name value` and `--switch`, as the command line gives them to the configuration. */
function flagsOf(args: readonly string[]): Map<string, readonly string[]> {
  const flags = new Map<string, readonly string[]>();
  for (let at = 0; at < args.length; at++) {
    const name = args[at]!.replace(/^--/, "");
    const value = args[at + 1]?.startsWith("--") === false ? args[++at]! : "true";
    flags.set(name, [...flags.get(name) ?? [], value]);
  }
  return flags;
}

const config = resolveConfig({ flags: flagsOf(Deno.args), env: Deno.env.toObject(), terminal: false });
const { rows, seconds, cpuSeconds } = await measureHere(async () => {
  const { rows } = await archive(config, {
    stop: new AbortController().signal,
    progress: () => {},
    report: () => {},
  });
  return rows;
});
console.log(`${rows} rows in ${seconds.toFixed(1)} s, ${cpuSeconds?.toFixed(2)} s of CPU`);
Deno.exit(0);
