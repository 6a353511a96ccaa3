/** The redrive room: dead letters decoded again, and what makes a row by now moved into data files. */
export { redrive, type RedriveOptions } from "./redrive.ts";
export type { Kind } from "./reasons.ts";
export type { FileReport, Report } from "./reports.ts";
