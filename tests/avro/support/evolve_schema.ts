/** Random changes to a schema that leave it mergeable with what it was: the README's evolution table, by chance. */
import type { Random } from "../../../dev/random.ts";
import { kindOf, type Schema, type SchemaField, type SchemaObject } from "./random_schema.ts";
import { isUnion } from "./random_value.ts";

const ADDED: readonly Schema[] = ["boolean", "int", "long", "double", "string", ["null", "bytes"], {
  type: "array",
  items: ["null", "int"],
}];
const PROMOTIONS: Readonly<Record<string, readonly Schema[]>> = {
  int: ["long", "float", "double"],
  long: ["int", "double"],
  float: ["double", "int"],
  double: ["float", "long"],
  string: ["bytes"],
  bytes: ["string"],
};
/** Branches that may join a union that has none of their kind. */
const BRANCHES = ["boolean", "double", "string"];

/** Where a type stands. */
interface Place {
  /** Within an array or map, where a wider union is a struct and no columns of its own. */
  readonly isNested: boolean;
  /** A branch of a union is named by its kind, and so keeps it. */
  readonly isBranch: boolean;
}

export class SchemaEvolution {
  /** The newest name of each field that was renamed; names of fields are unique. */
  readonly renamed = new Map<string, string>();
  readonly #random: Random;
  #names = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The next version of a schema. */
  next(schema: Schema): Schema {
    return this.#evolve(schema, { isNested: false, isBranch: false });
  }

  newestName(name: string): string {
    let newest = name;
    for (let next = this.renamed.get(newest); next !== undefined; next = this.renamed.get(newest)) {
      newest = next;
    }
    return newest;
  }

  #evolve(schema: Schema, place: Place): Schema {
    const { chance } = this.#random;
    if (isUnion(schema)) return this.#evolveUnion(schema, place);
    if (!place.isBranch && schema !== "null" && chance(0.1)) return ["null", schema];
    if (typeof schema === "string") return this.#promote(schema, place);
    switch (schema.type) {
      case "record":
        return isRecursive(schema) ? schema : this.#evolveRecord(schema, place);
      case "array":
        return { ...schema, items: this.#evolve(schema.items!, { isNested: true, isBranch: false }) };
      case "map":
        return { ...schema, values: this.#evolve(schema.values!, { isNested: true, isBranch: false }) };
      case "enum":
        return this.#evolveEnum(schema, place);
      default:
        return this.#evolveLogical(schema);
    }
  }

  #promote(schema: string, { isBranch }: Place): Schema {
    const { pick, chance } = this.#random;
    if (schema === "null" && !isBranch && chance(0.3)) return pick(ADDED);
    const wider = PROMOTIONS[schema];
    return wider === undefined || isBranch || chance(0.6) ? schema : pick(wider);
  }

  #evolveRecord(schema: SchemaObject, place: Place): SchemaObject {
    const { chance, below } = this.#random;
    // Without fields it is one boolean, which goes with no struct.
    if (place.isNested && schema.fields!.length === 0) return schema;
    const fields: SchemaField[] = [];
    for (const field of schema.fields!) {
      if (chance(0.15) && (!place.isNested || fields.length > 0)) continue;
      const type = this.#evolve(field.type, { ...place, isBranch: false });
      fields.push(chance(0.15) ? this.#rename(field, type) : { ...field, type });
    }
    while (chance(0.3)) {
      const field = { name: `g${this.#names++}_${this.#random.hex(6)}`, type: this.#random.pick(ADDED) };
      fields.splice(below(fields.length + 1), 0, field);
    }
    if (chance(0.2)) fields.reverse();
    return { ...schema, fields };
  }

  #rename({ name, aliases = [] }: SchemaField, type: Schema): SchemaField {
    const newer = `n${this.#names++}_${this.#random.hex(6)}`;
    this.renamed.set(name, newer);
    return { name: newer, aliases: [name, ...aliases], type };
  }

  #evolveEnum(schema: SchemaObject, { isBranch }: Place): Schema {
    const { chance } = this.#random;
    if (!isBranch && chance(0.1)) return "string";
    const kept = schema.symbols!.filter(() => chance(0.8));
    const symbols = [...kept.reverse(), ...chance(0.5) ? [`N${this.#names++}`] : []];
    return symbols.length === 0 ? schema : { ...schema, symbols };
  }

  #evolveLogical(schema: SchemaObject): SchemaObject {
    if (schema.logicalType !== "decimal" || schema.type !== "bytes") return schema;
    const precision = Math.min(76, schema.precision! + this.#random.below(40));
    return { ...schema, precision };
  }

  #evolveUnion(schema: readonly Schema[], place: Place): Schema {
    const { chance, pick } = this.#random;
    const branches = schema.map((branch) => this.#evolve(branch, { ...place, isBranch: true }));
    const isWide = branches.filter((branch) => branch !== "null").length > 1;
    const isFree = !place.isNested || isWide;
    if (isFree && isWide && chance(0.2)) {
      const branch = pick(BRANCHES);
      if (!branches.some((other) => kindOf(other) === branch)) branches.push(branch);
    }
    if (!branches.includes("null") && chance(0.2)) branches.unshift("null");
    if (chance(0.2)) branches.reverse();
    return branches;
  }
}

/** Whether it holds its own name: its values are JSON text, in the words of its own schema. */
function isRecursive({ name, fields }: SchemaObject): boolean {
  return JSON.stringify(fields).includes(`"${name}"`);
}
