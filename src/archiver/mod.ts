/**
 * The archiver's door. It leads to the supervisor only: the archiver itself is loaded by its worker, so that the
 * main thread stays small. What an archiver does at its start is loaded by whoever looks ahead at it.
 */
export { supervise, type SuperviseOptions } from "./supervisor.ts";
export type { Archive, Progress, Summary } from "./messages.ts";

/** For a process that archives nothing itself. */
export function loadStart(): Promise<typeof import("./start.ts")> {
  return import("./start.ts");
}

export type * as Decoding from "./decoding.ts";

/** What makes a row of a record, or says why there is none: loaded by those who have records and no Kafka. */
export function loadDecoding(): Promise<typeof import("./decoding.ts")> {
  return import("./decoding.ts");
}
