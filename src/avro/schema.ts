/** Avro schemas: JSON text to a graph of types, names resolved. */
import { UserError } from "../errors.ts";
import { type LogicalType, logicalTypeOf } from "./logical.ts";

/** Nesting of a schema's JSON, and of records in records, that is still accepted. */
export const SCHEMA_DEPTH_MAX = 500;

export type PrimitiveKind = "null" | "boolean" | "int" | "long" | "float" | "double" | "bytes" | "string";

export interface PrimitiveType {
  readonly kind: PrimitiveKind;
  readonly logical?: LogicalType;
}

/** Full names under which older schemas know a type. */
interface Renamed {
  readonly aliases?: readonly string[];
}

export interface FixedType extends Renamed {
  readonly kind: "fixed";
  readonly name: string;
  readonly size: number;
  readonly logical?: LogicalType;
}

export interface EnumType extends Renamed {
  readonly kind: "enum";
  readonly name: string;
  readonly symbols: readonly string[];
}

export interface ArrayType {
  readonly kind: "array";
  readonly items: AvroType;
}

export interface MapType {
  readonly kind: "map";
  readonly values: AvroType;
}

export interface UnionType {
  readonly kind: "union";
  readonly branches: readonly AvroType[];
}

export interface RecordField {
  readonly name: string;
  /** Names that the field has in older schemas. */
  readonly aliases?: readonly string[];
  readonly type: AvroType;
}

/** A record may hold itself, through its fields: then the graph has a cycle. */
export interface RecordType extends Renamed {
  readonly kind: "record";
  readonly name: string;
  readonly fields: readonly RecordField[];
}

/** A parsed schema. Named types are full names; every use of a named type is the same object. */
export type AvroType = PrimitiveType | FixedType | EnumType | ArrayType | MapType | UnionType | RecordType;

const PRIMITIVES = new Set<string>(["null", "boolean", "int", "long", "float", "double", "bytes", "string"]);

/**
 * Parses a schema. `references` are the JSON texts of the named types it refers to, each after those it needs.
 *
 * An unknown or invalid logical type is ignored, as the Avro specification demands. Throws UserError with the path in
 * the schema where it is not one.
 */
export function parseSchema(json: string, references: readonly string[] = []): AvroType {
  const parser = new SchemaParser();
  for (const [index, reference] of references.entries()) {
    parser.parse(parseJson(reference, `reference ${index + 1}`), { path: "$", namespace: "", depth: 0 });
  }
  return parser.parse(parseJson(json, "schema"), { path: "$", namespace: "", depth: 0 });
}

/** The name of a union's branch in Avro's JSON encoding: the full name of a named type, else the kind. */
export function branchName(type: AvroType): string {
  return type.kind === "record" || type.kind === "enum" || type.kind === "fixed" ? type.name : type.kind;
}

interface Place {
  /** For messages, like `$.fields[2].type`. */
  readonly path: string;
  readonly namespace: string;
  readonly depth: number;
}

type JsonObject = Readonly<Record<string, unknown>>;

class SchemaParser {
  readonly #named = new Map<string, AvroType>();

  parse(node: unknown, place: Place): AvroType {
    if (place.depth > SCHEMA_DEPTH_MAX) {
      throw invalid(place, `nested deeper than ${SCHEMA_DEPTH_MAX} levels`);
    }
    if (typeof node === "string") return this.#resolve(node, place);
    if (Array.isArray(node)) return this.#parseUnion(node, place);
    if (!isObject(node)) throw invalid(place, `a type is a name, an array or an object: got ${show(node)}`);
    if (typeof node.type !== "string") return this.parse(node.type, below(place, ".type"));
    switch (node.type) {
      case "record":
      case "error":
        return this.#parseRecord(node, place);
      case "enum":
        return this.#parseEnum(node, place);
      case "fixed":
        return this.#parseFixed(node, place);
      case "array":
        return { kind: "array", items: this.parse(node.items, below(place, ".items")) };
      case "map":
        return { kind: "map", values: this.parse(node.values, below(place, ".values")) };
      default:
        return this.#parseSimple(node, place);
    }
  }

  #parseSimple(node: JsonObject, place: Place): AvroType {
    const type = this.#resolve(node.type as string, place);
    if (!PRIMITIVES.has(type.kind)) return type;
    const kind = type.kind as PrimitiveKind;
    const logical = logicalTypeOf(node, { kind });
    return logical === undefined ? type : { kind, logical };
  }

  #parseUnion(nodes: readonly unknown[], place: Place): UnionType {
    if (nodes.length === 0) throw invalid(place, "a union has no branch");
    const branches = nodes.map((node, index) => this.parse(node, below(place, `[${index}]`)));
    if (branches.some((branch) => branch.kind === "union")) {
      throw invalid(place, "a union may not hold a union directly");
    }
    const names = branches.map(branchName);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw invalid(place, `a union has the branch ${show(twice)} twice`);
    return { kind: "union", branches };
  }

  #parseRecord(node: JsonObject, place: Place): RecordType {
    if (!Array.isArray(node.fields)) {
      throw invalid(place, `a record's "fields" is an array: got ${show(node.fields)}`);
    }
    const { name, namespace, ...aliases } = this.#nameOf(node, place);
    const fields: RecordField[] = [];
    const record: RecordType = { kind: "record", name, ...aliases, fields };
    this.#define(record, place);
    const seen = new Set<string>();
    for (const [index, field] of node.fields.entries()) {
      const at = below({ ...place, namespace }, `.fields[${index}]`);
      if (!isObject(field) || typeof field.name !== "string" || field.name === "") {
        throw invalid(at, `a field has a name: got ${show(field)}`);
      }
      if (seen.has(field.name)) throw invalid(at, `field name ${show(field.name)} stands twice`);
      seen.add(field.name);
      fields.push({
        name: field.name,
        ...aliasesOf(field, (alias) => alias),
        type: this.parse(field.type, below(at, ".type")),
      });
    }
    return record;
  }

  #parseEnum(node: JsonObject, place: Place): EnumType {
    const { symbols } = node;
    if (!Array.isArray(symbols) || !symbols.every((symbol) => typeof symbol === "string")) {
      throw invalid(place, `an enum's "symbols" is an array of strings: got ${show(symbols)}`);
    }
    const { namespace: _, ...names } = this.#nameOf(node, place);
    const type: EnumType = { kind: "enum", ...names, symbols: [...symbols] };
    this.#define(type, place);
    return type;
  }

  #parseFixed(node: JsonObject, place: Place): FixedType {
    const { size } = node;
    if (typeof size !== "number" || !Number.isInteger(size) || size < 0 || size > 2 ** 31 - 1) {
      throw invalid(place, `a fixed's "size" is a number of bytes: got ${show(size)}`);
    }
    const { namespace: _, ...names } = this.#nameOf(node, place);
    const logical = logicalTypeOf(node, { kind: "fixed", size });
    const type: FixedType = logical === undefined
      ? { kind: "fixed", ...names, size }
      : { kind: "fixed", ...names, size, logical };
    this.#define(type, place);
    return type;
  }

  #nameOf(node: JsonObject, place: Place): { name: string; namespace: string } & Renamed {
    if (typeof node.name !== "string" || node.name === "") {
      throw invalid(place, `a ${node.type} has a name: got ${show(node.name)}`);
    }
    const dot = node.name.lastIndexOf(".");
    const namespace = dot >= 0
      ? node.name.slice(0, dot)
      : typeof node.namespace === "string"
      ? node.namespace
      : place.namespace;
    const full = (name: string) => name.includes(".") ? name : qualified(name, namespace);
    return { name: full(node.name), namespace, ...aliasesOf(node, full) };
  }

  #define(type: RecordType | EnumType | FixedType, place: Place): void {
    if (this.#named.has(type.name)) throw invalid(place, `type ${show(type.name)} is defined twice`);
    this.#named.set(type.name, type);
  }

  #resolve(name: string, place: Place): AvroType {
    if (PRIMITIVES.has(name)) return { kind: name as PrimitiveKind };
    const type = (name.includes(".") ? undefined : this.#named.get(qualified(name, place.namespace))) ??
      this.#named.get(name);
    if (type === undefined) throw invalid(place, `type ${show(name)} is not defined`);
    return type;
  }
}

/** What is no name is no alias: nothing is lost by that, as older fields then have columns of their own. */
function aliasesOf({ aliases }: JsonObject, full: (name: string) => string): Renamed {
  if (!Array.isArray(aliases)) return {};
  const names = aliases.filter((alias) => typeof alias === "string" && alias !== "").map(full);
  return names.length === 0 ? {} : { aliases: names };
}

function qualified(name: string, namespace: string): string {
  return namespace === "" ? name : `${namespace}.${name}`;
}

function below(place: Place, step: string): Place {
  return { ...place, path: place.path + step, depth: place.depth + 1 };
}

function isObject(node: unknown): node is JsonObject {
  return typeof node === "object" && node !== null && !Array.isArray(node);
}

function parseJson(json: string, what: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    // The bare name of a primitive is a schema, too, and some registries hand it out without its quotes.
    if (PRIMITIVES.has(json.trim())) return json.trim();
    throw new UserError(`The Avro ${what} is not JSON: ${show(json)}`, { cause });
  }
}

function invalid(place: Place, reason: string): UserError {
  return new UserError(`Invalid Avro schema at ${place.path}: ${reason}`, {
    hint: "Correct the schema in the registry, or leave the topic out.",
  });
}

/** A value in a message: JSON, cut short. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
