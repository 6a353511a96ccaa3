/** Real servers for development, tests and benchmarks. */
export { type ExitStatus, type GuardedProcess, startGuarded } from "./guard.ts";
export {
  KAFKA_VERSION_VARIABLE,
  type KafkaNode,
  type KafkaOptions,
  type KafkaServer,
  kafkaVersion,
  startKafka,
} from "./kafka.ts";
export { KAFKA_VERSIONS, type KafkaVersion, linesOf } from "./download.ts";
export { type RegistryOptions, type RegistryServer, startRegistry } from "./registry.ts";
export { freePorts } from "./ports.ts";
