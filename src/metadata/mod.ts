/** The metadata room: what Kafka says of a record (topic, offset, key, ...) as columns beside those of its value. */
export { belowKeyName, refuseSameNames, specOf, type SpecOptions } from "./schema.ts";
export { type FileRows, MetadataLayout } from "./layout.ts";
export { type BadKey, MetadataColumns, type Stretch } from "./columns.ts";
