/**
 * The archiver's door. It leads to the supervisor only: the archiver itself is loaded by its worker, so that the
 * main thread stays small.
 */
export { supervise, type SuperviseOptions } from "./supervisor.ts";
export type { Archive, Progress, Summary } from "./messages.ts";

/** What makes a row of a record, or says why there is none: loaded by those who have records and no Kafka. */
export function loadDecoding() {
  return import("./decoding.ts");
}
