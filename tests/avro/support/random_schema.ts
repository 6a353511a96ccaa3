/** Random Avro schemas, as the JSON that a registry would hold. */
import type { Random } from "../../../dev/random.ts";

export type Schema = string | readonly Schema[] | SchemaObject;

export interface SchemaObject {
  readonly type: Schema;
  readonly name?: string;
  readonly aliases?: readonly string[];
  readonly fields?: readonly SchemaField[];
  readonly items?: Schema;
  readonly values?: Schema;
  readonly symbols?: readonly string[];
  readonly size?: number;
  readonly logicalType?: string;
  readonly precision?: number;
  readonly scale?: number;
}

export interface SchemaField {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly type: Schema;
}

const PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"] as const;

const LOGICAL: readonly SchemaObject[] = [
  { type: "int", logicalType: "date" },
  { type: "int", logicalType: "time-millis" },
  { type: "long", logicalType: "time-micros" },
  ...["millis", "micros", "nanos"].flatMap((unit) => [
    { type: "long", logicalType: `timestamp-${unit}` },
    { type: "long", logicalType: `local-timestamp-${unit}` },
  ]),
  { type: "string", logicalType: "uuid" },
  { type: "string", logicalType: "unheard-of" },
];

/** Makes schemas of one random source; the names of one schema are unique. */
export class RandomSchemas {
  readonly #random: Random;
  readonly #depth: number;
  readonly #fieldsMax: number;
  readonly #reuse: boolean;
  #names = 0;
  /** Named types that are complete, by name: they may be used again. */
  #known: string[] = [];

  /** A record has up to `fieldsMax` fields, 5 by default. With `reuse: false`, no named type stands in two places. */
  constructor(
    random: Random,
    { depth, fieldsMax = 5, reuse = true }: { depth: number; fieldsMax?: number; reuse?: boolean },
  ) {
    this.#random = random;
    this.#depth = depth;
    this.#fieldsMax = fieldsMax;
    this.#reuse = reuse;
  }

  next(): Schema {
    this.#names = 0;
    this.#known = [];
    return this.#random.chance(0.9) ? this.#record(0) : this.#any(0);
  }

  #any(depth: number): Schema {
    const { pick, chance, below } = this.#random;
    if (depth >= this.#depth || chance(0.5)) return this.#leaf();
    if (this.#reuse && this.#known.length > 0 && chance(0.1)) return pick(this.#known);
    switch (below(6)) {
      case 0:
        return this.#record(depth + 1);
      case 1:
        return { type: "array", items: this.#any(depth + 1) };
      case 2:
        return { type: "map", values: this.#any(depth + 1) };
      case 3:
        return this.#union(depth + 1);
      case 4:
        return this.#recursive();
      default:
        return this.#nullable(this.#any(depth + 1));
    }
  }

  #leaf(): Schema {
    const { pick, below } = this.#random;
    switch (below(8)) {
      case 0:
        return this.#fixedOf({ size: pick([0, 1, 3, 16, 40]) });
      case 1: {
        const symbols = Array.from({ length: 1 + below(5) }, (_, index) => `S${index}`);
        return this.#define({ type: "enum", name: this.#name("E"), symbols });
      }
      case 2:
        return this.#decimal();
      case 3:
        return pick([
          () => pick(LOGICAL),
          () => this.#fixedOf({ size: 12, logicalType: "duration" }),
          () => this.#fixedOf({ size: 16, logicalType: "uuid" }),
        ])();
      case 4:
        return this.#nullable(pick(PRIMITIVES));
      default:
        return pick(PRIMITIVES);
    }
  }

  #decimal(): Schema {
    const { below, chance } = this.#random;
    const precision = 1 + below(chance(0.7) ? 38 : 76);
    const parts = { logicalType: "decimal", precision, scale: below(precision + 1) };
    return chance(0.5) ? { type: "bytes", ...parts } : this.#fixedOf({ size: 32 + below(4), ...parts });
  }

  #fixedOf(parts: Partial<SchemaObject>): Schema {
    return this.#define({ type: "fixed", name: this.#name("F"), ...parts });
  }

  #record(depth: number): Schema {
    const fields = Array.from({ length: this.#random.below(this.#fieldsMax + 1) }, () => this.#field(depth));
    return this.#define({ type: "record", name: this.#name("R"), fields });
  }

  #recursive(): Schema {
    if (this.#random.chance(0.3)) return this.#mutual();
    const name = this.#name("T");
    const again = this.#random.pick<Schema>([
      ["null", name],
      { type: "array", items: name },
      { type: "map", values: ["null", "string", name] },
    ]);
    const fields = [this.#field(this.#depth), { name: "again", type: again }, this.#field(this.#depth)];
    return this.#define({ type: "record", name, fields });
  }

  /** Two records, each of which holds the other. */
  #mutual(): Schema {
    const [one, other] = [this.#name("T"), this.#name("T")];
    const back = { name: this.#name("f"), type: this.#random.pick<Schema>([["null", one], [one, "null"]]) };
    const inner = { type: "record", name: other, fields: [this.#field(this.#depth), back] };
    const type = this.#random.pick<Schema>([inner, ["null", inner], { type: "array", items: inner }]);
    const fields = [this.#field(this.#depth), { name: "again", type }];
    return this.#define({ type: "record", name: one, fields });
  }

  #field(depth: number) {
    return { name: this.#name("f"), type: this.#any(depth + 1) };
  }

  #nullable(type: Schema): Schema {
    if (Array.isArray(type) || type === "null") return type;
    return this.#random.chance(0.8) ? ["null", type] : [type, "null"];
  }

  /** Branches of different kinds: one to four, now and then up to twelve. */
  #union(depth: number): Schema {
    const branches: Schema[] = [];
    const kinds = new Set<string>();
    for (let count = 1 + this.#random.below(this.#random.chance(0.1) ? 12 : 4); count > 0; count--) {
      const before = [...this.#known];
      const branch = this.#any(depth);
      const kind = kindOf(branch);
      if (kind === "union" || kinds.has(kind)) {
        // What the discarded branch defined must not be referred to.
        this.#known = before;
        continue;
      }
      kinds.add(kind);
      branches.push(branch);
    }
    return branches.length === 0 ? ["null", "int"] : branches;
  }

  #define(type: SchemaObject): Schema {
    this.#known.push(type.name!);
    return type;
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }
}

/** What may stand once in a union: a named type's name, or the kind. */
export function kindOf(schema: Schema): string {
  if (typeof schema === "string") return schema;
  if (Array.isArray(schema)) return "union";
  const { name, type } = schema as SchemaObject;
  return name ?? type as string;
}
