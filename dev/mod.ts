/** Real servers for development, tests and benchmarks. */
export { type ExitStatus, type GuardedProcess, startGuarded } from "./guard.ts";
export { type KafkaNode, type KafkaOptions, type KafkaServer, startKafka } from "./kafka.ts";
export { KAFKA_VERSIONS, type KafkaVersion, linesOf } from "./download.ts";
export { type RegistryOptions, type RegistryServer, startRegistry } from "./registry.ts";
export { freePorts } from "./ports.ts";
