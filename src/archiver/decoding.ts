/** Single records and what becomes of them, for a record that does not come from Kafka. */
export { DEAD_LETTER_SCHEMA, newDeadLetters } from "./dead_letters.ts";
export { Schemas, type WriterSchema } from "./schemas.ts";
export { NO_WIRE_ID, wireProblem } from "./wire_ids.ts";
