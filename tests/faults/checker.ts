/**
 * The checker: what the producer says it has written, against what a reader finds in the archive.
 *
 *     deno run -A tests/faults/checker.ts --log producer.ndjson --archive DIR --dead-letter DIR
 *       --brokers HOST:PORT --group NAME [--id-column id] [--growing]
 *     deno run -A tests/faults/checker.ts --watch --archive DIR --dead-letter DIR --brokers … --group …
 *
 * `--archive`, `--dead-letter` and `--group` (of different topics) may be given several times. `--growing` expects
 * only what is below the committed offsets. `--watch` looks on, without a log, until SIGTERM or Ctrl-C: whatever
 * becomes visible must be committed. Exit 0 where nothing is wrong, 1 where something is, 2 for wrong usage.
 *
 * Nothing of the program's own code is used for the judgement: DuckDB reads the rows, hyparquet the footers, kafkajs
 * the committed offsets.
 */
import { parseArgs } from "node:util";
import { messageOf } from "../../src/errors.ts";
import { check, type CheckResult, COUNTERS } from "./checker/check.ts";
import { watch } from "./checker/watch.ts";

export { check, type CheckOptions, type CheckResult, type Counter, COUNTERS } from "./checker/check.ts";
export type { LoggedRecord } from "./checker/log.ts";
export { watch, type WatchOptions, type WatchResult } from "./checker/watch.ts";

const DETAILS_MAX = 40;

/** Whether nothing at all is wrong. */
export function isClean({ counts }: CheckResult): boolean {
  return COUNTERS.every((name) => counts[name] === 0);
}

/** `lost=0 duplicated=0 …`, and a line for each of the first problems. */
export function report(result: CheckResult): string {
  const counts = COUNTERS.map((name) => `${name}=${result.counts[name]}`).join(" ");
  const more = result.details.length - DETAILS_MAX;
  return [
    ...result.notes.map((line) => `note: ${line}`),
    ...result.details.slice(0, DETAILS_MAX),
    ...more > 0 ? [`and ${more} more`] : [],
    `${counts} records=${result.records} files=${result.files}`,
  ].join("\n");
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      "log": { type: "string" },
      "archive": { type: "string", multiple: true, default: [] },
      "dead-letter": { type: "string", multiple: true, default: [] },
      "brokers": { type: "string" },
      "group": { type: "string", multiple: true, default: [] },
      "id-column": { type: "string", default: "id" },
      "growing": { type: "boolean", default: false },
      "watch": { type: "boolean", default: false },
    },
  });
  const { brokers, group: groups, log, archive: archives, "dead-letter": deadLetters } = values;
  if (brokers === undefined || groups.length === 0 || archives.length === 0) {
    throw new TypeError("--brokers, --group and --archive are needed");
  }
  if (values.watch) {
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, () => stop.abort());
    }
    const folders = [...archives, ...deadLetters];
    const { files, looks, problems } = await watch({
      brokers,
      groups,
      folders: () => folders,
      stop: stop.signal,
    });
    for (const { detail } of problems.slice(0, DETAILS_MAX)) console.log(detail);
    console.log(`uncommitted_visible=${problems.length} files=${files} looks=${looks}`);
    return problems.length === 0;
  }
  if (log === undefined) throw new TypeError("--log is needed, or --watch");
  const result = await check({
    log,
    archives,
    deadLetters,
    brokers,
    groups,
    idColumn: values["id-column"],
    isGrowing: values.growing,
  });
  console.log(report(result));
  return isClean(result);
}

if (import.meta.main) {
  try {
    Deno.exit(await main() ? 0 : 1);
  } catch (error) {
    console.error(`error: ${messageOf(error)}`);
    Deno.exit(error instanceof TypeError ? 2 : 1);
  }
}
