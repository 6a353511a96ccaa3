/** `kafka2parquet schema OLD NEW`: the columns of a file that holds records of several schemas. */
import { UserError } from "../errors.ts";
import { terminalWidth } from "./output.ts";
import {
  metadataColumns,
  parseVersions,
  type TypedColumn,
  type Version,
  type Wanted,
  warnOfCase,
} from "./schema_columns.ts";
import { cleanLine, formatTable } from "./table.ts";
import { type Json, plural } from "./text.ts";

/** The file's columns once all versions were seen, in this order. Throws UserError where no file can hold them. */
export async function mergeVersions(versions: readonly Version[], wanted: Wanted): Promise<TypedColumn[]> {
  const { Clash, fileSchemaOf, merge } = await import("../avro/mod.ts");
  const { typeNamesOf } = await import("../parquet/mod.ts");
  const { options } = wanted;
  const [first, ...others] = await parseVersions(versions, options);
  if (first === undefined) throw new TypeError("Cannot merge no schemas");
  const metadata = await metadataColumns([first, ...others], wanted);
  let file = fileSchemaOf(first.type, options);
  for (const { type, version: { name } } of others) {
    const merged = merge(file, type, options);
    if (!(merged instanceof Clash)) {
      file = merged;
      continue;
    }
    const { reason } = merged;
    const why = reason.kind === "columns"
      ? `together they have ${reason.count} columns`
      : `column ${reason.column} is ${typeNamesOf(reason.wanted).arrow} and before ${
        typeNamesOf(reason.held).arrow
      }`;
    throw new UserError(`${name} cannot share a file with what stands before it: ${why}`, {
      hint: "Archived, its records go into files of their own. See the README, Evolution.",
    });
  }
  await warnOfCase(file.columns);
  return [...metadata, ...file.columns.map((column) => ({ column, types: typeNamesOf(column.type) }))];
}

export function versionLines(versions: readonly Version[], columns: readonly TypedColumn[]): string[] {
  const lines = columns.map(({ column: { name, nullable }, types: { arrow, parquet } }) => [
    ...[name, arrow, parquet],
    nullable ? "yes" : "no",
  ]);
  return [
    ...versions.map(({ name }) => cleanLine(name)),
    `together: ${plural(columns.length, "column")}`,
    "",
    ...formatTable([["COLUMN", "ARROW", "PARQUET", "NULL"], ...lines], {
      width: terminalWidth(Infinity),
      whole: [0],
    }),
  ];
}

export function versionsJson(versions: readonly Version[], columns: readonly TypedColumn[]): Json {
  return {
    schemas: versions.map(({ json }) => json),
    columns: columns.map(({ column: { name, nullable }, types: { arrow, parquet } }) => ({
      ...{ column: name, arrow_type: arrow, parquet_type: parquet },
      nullable,
    })),
  };
}
