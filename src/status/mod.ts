/** Health, metrics and the status page of a running program, over HTTP and by OpenTelemetry. */
export { openStatus, type StatusServer } from "./open.ts";
export type { Check, Counts, Facts, PartitionFacts, Report, State, WorkerFacts } from "./facts.ts";
export type { StatusJson } from "./status_json.ts";
