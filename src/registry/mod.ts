/** The schema registry: writer schemas by id, as texts. Parsing them is the Avro room's business. */
export {
  type FoundSchema,
  type FoundSubject,
  Registry,
  type RegistryOptions,
  type SchemaLookup,
  type SubjectLookup,
  type UnknownSchema,
  type UnknownSubject,
} from "./registry.ts";
