/** What an archiver does and decides at its start, for those who look ahead at it. */
export { isUrgent } from "./data_loss.ts";
export { fetchError } from "./describe.ts";
export { kafkaOptions } from "./kafka_options.ts";
export { keyOf } from "./recovery.ts";
export { schemasOf } from "./schemas.ts";
export { startOffsets } from "./start_offsets.ts";
export { currentTopics, isPattern } from "./topics.ts";
export { NO_WIRE_ID, WireIds, wireProblem } from "./wire_ids.ts";
