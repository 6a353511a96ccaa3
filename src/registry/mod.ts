/** The schema registry: writer schemas by id, as texts. Parsing them is the Avro room's business. */
export {
  type FoundSchema,
  Registry,
  type RegistryOptions,
  type SchemaLookup,
  type UnknownSchema,
} from "./registry.ts";
