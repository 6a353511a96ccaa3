/** Plain schemas in the clothes that real ones wear: namespaces, aliases, defaults, docs, names that look like code. */
import type { Random } from "../../../dev/random.ts";
import type { Schema, SchemaObject } from "./random_schema.ts";
import { isUnion } from "./random_value.ts";

export interface Dressed {
  /** As a registry would hold it. */
  readonly written: Schema;
  /** The same, with full names and no more: what the plain reference and the random values take. */
  readonly plain: Schema;
}

/** No type with a namespace can refer to one without, so a schema has them everywhere or nowhere. */
const NAMESPACES = [[""], ["com.example", "com.example.v2", "org", "_x.Y0"]] as const;
const FIELD_NAMES = [
  "_",
  "__",
  "a",
  "A",
  "value",
  "element",
  "key",
  "null",
  "type",
  "class",
  "constructor",
  "toString",
  "hasOwnProperty",
  "int",
  "string",
  "bytes",
  "x".repeat(120),
];

/** The names of `schema` are unique, as `RandomSchemas` makes them. */
export function dress(schema: Schema, random: Random): Dressed {
  const full = new Map<string, string>();
  const namespaces = random.pick(NAMESPACES);
  for (const name of definedNames(schema)) {
    full.set(name, freeName(name, { random, namespaces, taken: full }));
  }
  const plain = plainly(schema, { full, random });
  return { plain, written: new Writer(random).write(plain, "") };
}

function definedNames(schema: Schema): string[] {
  if (typeof schema === "string") return [];
  if (isUnion(schema)) return schema.flatMap(definedNames);
  const inner = [
    ...(schema.fields ?? []).map((field) => field.type),
    ...[schema.items, schema.values].flatMap((inner) => inner === undefined ? [] : [inner]),
  ];
  return [...schema.name === undefined ? [] : [schema.name], ...inner.flatMap(definedNames)];
}

interface Names {
  readonly random: Random;
  readonly namespaces: readonly string[];
  readonly taken: ReadonlyMap<string, string>;
}

/** Types in different namespaces may well have the same short name. */
function freeName(name: string, { random, namespaces, taken }: Names): string {
  const used = new Set(taken.values());
  for (let tries = 0; tries < 5; tries++) {
    const short = random.chance(0.5) ? `${name[0]}_` : name;
    const namespace = random.pick(namespaces);
    const candidate = namespace === "" ? short : `${namespace}.${short}`;
    if (!used.has(candidate)) return candidate;
  }
  return namespaces[0] === "" ? name : `last.${name}`;
}

interface Plainly {
  readonly full: ReadonlyMap<string, string>;
  readonly random: Random;
}

function plainly(schema: Schema, context: Plainly): Schema {
  const { full, random } = context;
  if (typeof schema === "string") return full.get(schema) ?? schema;
  if (isUnion(schema)) return schema.map((branch) => plainly(branch, context));
  const { name, fields, items, values, ...rest } = schema;
  const taken = new Set<string>();
  const fieldName = (name: string) => {
    const chosen = random.chance(0.2) ? random.pick(FIELD_NAMES) : name;
    if (taken.has(chosen)) return name;
    taken.add(chosen);
    return chosen;
  };
  return {
    ...rest,
    ...name === undefined ? {} : { name: full.get(name)! },
    ...items === undefined ? {} : { items: plainly(items, context) },
    ...values === undefined ? {} : { values: plainly(values, context) },
    ...fields === undefined ? {} : {
      fields: fields.map((field) => ({ name: fieldName(field.name), type: plainly(field.type, context) })),
    },
  };
}

/** Writes full names as short as they may be, or not, and adds what a decoder has no use for. */
class Writer {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  write(schema: Schema, namespace: string): Schema {
    const { chance } = this.#random;
    if (typeof schema === "string") {
      const name = this.#reference(schema, namespace);
      return !schema.includes(".") && PRIMITIVES.has(schema) && chance(0.1) ? { type: name } : name;
    }
    if (isUnion(schema)) return schema.map((branch) => this.write(branch, namespace));
    const { name, fields, items, values, ...rest } = schema;
    const named = name === undefined ? undefined : this.#name(name, namespace);
    const inner = named?.inside ?? namespace;
    return {
      ...rest,
      ...named?.parts,
      ...name !== undefined && chance(0.2)
        ? { doc: 'A "name"\n', aliases: [`${name.split(".").at(-1)}_old`] }
        : {},
      ...schema.symbols !== undefined && chance(0.3) ? { default: schema.symbols[0] } : {},
      ...items === undefined ? {} : { items: this.write(items, inner) },
      ...values === undefined ? {} : { values: this.write(values, inner) },
      ...fields === undefined ? {} : { fields: fields.map((field) => this.#field(field, inner)) },
    } as SchemaObject;
  }

  #field({ name, type }: { name: string; type: Schema }, namespace: string) {
    const { chance } = this.#random;
    const defaults = chance(0.5) ? defaultOf(type) : undefined;
    return {
      name,
      type: this.write(type, namespace),
      ...defaults === undefined ? {} : { default: defaults },
      ...chance(0.1) ? { aliases: [`${name}_before`], order: "ignore", doc: "" } : {},
    };
  }

  #name(name: string, around: string): { parts: object; inside: string } {
    const dot = name.lastIndexOf(".");
    const namespace = name.slice(0, Math.max(dot, 0));
    const short = name.slice(dot + 1);
    const { chance } = this.#random;
    if (namespace === around && chance(0.7)) return { parts: { name: short }, inside: namespace };
    if (namespace !== "" && chance(0.5)) return { parts: { name }, inside: namespace };
    return { parts: { name: short, namespace }, inside: namespace };
  }

  #reference(name: string, namespace: string): string {
    const dot = name.lastIndexOf(".");
    if (dot < 0 || name.slice(0, dot) !== namespace) return name;
    return this.#random.chance(0.5) ? name.slice(dot + 1) : name;
  }
}

const PRIMITIVES = new Set(["null", "boolean", "int", "long", "float", "double", "bytes", "string"]);

/** A default of a type, as JSON; `undefined` where none is simple to say. */
function defaultOf(schema: Schema): unknown {
  if (isUnion(schema)) return schema[0] === "null" ? null : undefined;
  const { type, symbols } = typeof schema === "string" ? { type: schema, symbols: undefined } : schema;
  switch (type) {
    case "null":
      return null;
    case "boolean":
      return true;
    case "int":
    case "long":
      return -1;
    case "float":
    case "double":
      return 1.5;
    case "string":
      return "žluť";
    case "bytes":
      return "\u00ff\u0000";
    case "enum":
      return symbols![0];
    case "array":
      return [];
    case "map":
      return {};
    default:
      return undefined;
  }
}
