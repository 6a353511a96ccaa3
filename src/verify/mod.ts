/** The room that verifies archives: from footers alone, against Kafka, or down to every page. Never changes anything. */
export type { Finding } from "./findings.ts";
export { type PartitionReport, type Report, verify, type VerifyOptions } from "./verify.ts";
