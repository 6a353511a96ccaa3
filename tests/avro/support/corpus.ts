/** The schemas of `tests/avro/corpus/`, and those that are too large to be written down. */
import type { Dressed } from "./dress.ts";
import { fullNames } from "./full_names.ts";
import type { Schema } from "./random_schema.ts";

const FOLDER = new URL("../corpus/", import.meta.url);
const FIELDS = 1_000;
const LEVELS = 50;

export interface Fixture extends Dressed {
  readonly name: string;
  /** One line a column, or the error: what `NAME.columns` says. */
  readonly columns: string;
  /** Why avsc does not take it, where it does not. */
  readonly notForAvsc?: string;
}

const NOT_FOR_AVSC: Readonly<Record<string, string>> = {
  enums: "it has no symbol of the name of a property of Object",
  wrapped_types: "its types stand in no more than one object",
};

export function corpus(): Fixture[] {
  const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) =>
    name.endsWith(".avsc")
  );
  const written = names.sort().map((file) => {
    const name = file.slice(0, -".avsc".length);
    const schema = JSON.parse(Deno.readTextFileSync(new URL(file, FOLDER))) as Schema;
    const columns = Deno.readTextFileSync(new URL(`${name}.columns`, FOLDER)).trimEnd();
    const why = NOT_FOR_AVSC[name];
    return { ...fixture(name, schema, columns), ...why === undefined ? {} : { notForAvsc: why } };
  });
  return [...written, thousandFields(), fiftyLevels()];
}

function fixture(name: string, written: Schema, columns: string): Fixture {
  return { name, written, plain: fullNames(written), columns };
}

function thousandFields(): Fixture {
  const types: readonly (readonly [Schema, string])[] = [
    ["long", "int64 not null"],
    [["null", "string"], "string"],
    ["boolean", "bool not null"],
    [{ type: "map", values: "int" }, "map<string, int32 not null> not null"],
    [{ type: "int", logicalType: "date" }, "date32[day] not null"],
  ];
  const cases = Array.from({ length: FIELDS }, (_, index) => types[index % types.length]!);
  const fields = cases.map(([type], index) => ({ name: `f${index}`, type }));
  return fixture(
    "a thousand fields",
    { type: "record", name: "Wide", fields },
    cases.map(([, text], index) => `f${index} ${text}`).join("\n"),
  );
}

function fiftyLevels(): Fixture {
  let schema: Schema = "string";
  let columns: string[] = [];
  for (let level = LEVELS; level > 0; level--) {
    const isNullable = level % 2 === 0;
    const record: Schema = {
      type: "record",
      name: `L${level}`,
      fields: [
        { name: "v", type: "long" },
        { name: "n", type: schema },
        { name: "l", type: { type: "array", items: "int" } },
      ],
    };
    schema = isNullable ? ["null", record] : record;
    const inner = columns.length === 0 ? ["n string not null"] : columns.map((column) => `n.${column}`);
    columns = ["v int64 not null", ...inner, "l list<element: int32 not null> not null"];
    // A list's items are as they are, whether the list itself is there or not.
    if (isNullable) columns = columns.map((column) => column.replace(/ not null$/, ""));
  }
  return fixture("fifty levels", schema, columns.join("\n"));
}
