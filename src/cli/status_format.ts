/** How a running program is, in the words of people. Pure. */
import type { StatusJson } from "../status/mod.ts";
import { durationText, sizeText } from "../words.ts";
import { cleanLine, formatTable } from "./table.ts";
import { countText, plural } from "./text.ts";

const HEADER = ["TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG"];
const NUMBERS = [1, 2, 3, 4];
const UNKNOWN = "-";

/** A few sentences, what does not work, and a line for each partition. */
export function statusAsLines(
  status: StatusJson,
  { nowMs, width }: { readonly nowMs: number; readonly width: number },
): string[] {
  const failed = status.checks.filter(({ ok }) => !ok).map(({ name, says }) =>
    cleanLine(`[-]${name} ${says}`)
  );
  return [
    stateLine(status),
    workLine(status, nowMs),
    ...status.secondsUntilLoss === null
      ? []
      : [`Kafka deletes records that are not archived yet in ${durationText(status.secondsUntilLoss)}`],
    ...failed,
    ...status.partitions.length === 0 ? [] : ["", ...partitionTable(status, width)],
  ];
}

function stateLine({ state, uptimeSeconds, live, ready, version, group, workers }: StatusJson): string {
  const working = workers.working === workers.configured
    ? plural(workers.configured, "worker")
    : `${workers.working} of ${plural(workers.configured, "worker")}`;
  const health = `${live ? "live" : "not live"}, ${ready ? "ready" : "not ready"}`;
  return cleanLine(
    `kafka2parquet ${version}, ${state} for ${durationText(uptimeSeconds)}: ${health}; ` +
      `group ${group}, ${working}`,
  );
}

function workLine({ totals, buffered, lag, lastCheckpointAt }: StatusJson, nowMs: number): string {
  const parts = [
    `${plural(totals.rows, "row")} in ${plural(totals.files, "file")} (${sizeText(totals.bytes)})`,
    `${countText(buffered.rows)} held`,
    lag === null ? "" : `lag ${countText(lag)}`,
    totals.deadLetters > 0 ? plural(totals.deadLetters, "dead letter") : "",
    totals.skipped > 0 ? `${countText(totals.skipped)} skipped` : "",
    lastCheckpointAt === null
      ? "no checkpoint yet"
      : `last checkpoint ${durationText(Math.max(0, nowMs - Date.parse(lastCheckpointAt)) / 1_000)} ago`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}

function partitionTable({ partitions }: StatusJson, width: number): string[] {
  const lines = partitions.map(({ topic, partition, committed, logEnd, lag }) => [
    topic,
    String(partition),
    String(committed),
    logEnd === null ? UNKNOWN : String(logEnd),
    lag === null ? UNKNOWN : String(lag),
  ]);
  return formatTable([HEADER, ...lines], { width, right: NUMBERS, whole: NUMBERS });
}
