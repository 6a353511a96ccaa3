/** Single records and what becomes of them, for a record that does not come from Kafka. */
export type { FileRows } from "../metadata/mod.ts";
export { DEAD_LETTER_SCHEMA, newDeadLetters, type RecordAt } from "./dead_letters.ts";
export { encodeFile } from "./encode_file.ts";
export { OpenFile } from "./open_file.ts";
export { type NoKey, type Problem, problemOf, type Writers } from "./problem.ts";
export { appendRows } from "./rows.ts";
export { type NoSchema, Schemas, type WriterSchema } from "./schemas.ts";
export type { Line, TopicColumns } from "./topic_columns.ts";
export { NO_WIRE_ID, wireProblem } from "./wire_ids.ts";
