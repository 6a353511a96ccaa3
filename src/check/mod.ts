/** The check room: whether archiving would work, found out before anything moves. */
export { check, type CheckOptions } from "./check.ts";
export { type CheckName, CHECKS, type Finding, notChecked, Notes, worst } from "./findings.ts";
