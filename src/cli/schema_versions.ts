/** `kafka2parquet schema OLD NEW`: the columns of a file that holds records of several schemas. */
import type { AvroType, ColumnOptions } from "../avro/mod.ts";
import type { FileSchema } from "../columns/mod.ts";
import { UserError } from "../errors.ts";
import { terminalWidth } from "./output.ts";
import { cleanLine, formatTable } from "./table.ts";
import { type Json, plural } from "./text.ts";

/** A schema's texts, and where they were found. */
export interface Version {
  readonly text: string;
  readonly references: readonly string[];
  /** Subjects of which the references name more than one version. */
  readonly mixedReferences?: string;
  /** `customer_events-value, version 3, id 7`. */
  readonly name: string;
  readonly json: { readonly [name: string]: Json };
}

/** The schema itself. @throws UserError that says where it can be mended. */
export async function parseVersion({ text, references, name, json }: Version): Promise<AvroType> {
  const { parseSchema } = await import("../avro/mod.ts");
  try {
    return parseSchema(text, references);
  } catch (cause) {
    if (!(cause instanceof UserError) || !("file" in json)) throw cause;
    throw new UserError(cause.message, { hint: `Correct the schema in ${name}.`, cause });
  }
}

/** The file's columns once all versions were seen, in this order. Throws UserError where no file can hold them. */
export async function mergeVersions(
  versions: readonly Version[],
  options: ColumnOptions,
): Promise<FileSchema> {
  const { Clash, fileSchemaOf, merge } = await import("../avro/mod.ts");
  const { typeNamesOf } = await import("../parquet/mod.ts");
  let file: FileSchema | undefined;
  for (const version of versions) {
    const { name } = version;
    const type = await parseVersion(version);
    const merged = file === undefined ? fileSchemaOf(type, options) : merge(file, type, options);
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
  if (file === undefined) throw new TypeError("Cannot merge no schemas");
  return file;
}

export async function versionLines(versions: readonly Version[], { columns }: FileSchema): Promise<string[]> {
  const { typeNamesOf } = await import("../parquet/mod.ts");
  const lines = columns.map(({ name, type, nullable }) => {
    const { arrow, parquet } = typeNamesOf(type);
    return [name, arrow, parquet, nullable ? "yes" : "no"];
  });
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

export async function versionsJson(versions: readonly Version[], { columns }: FileSchema): Promise<Json> {
  const { typeNamesOf } = await import("../parquet/mod.ts");
  return {
    schemas: versions.map(({ json }) => json),
    columns: columns.map(({ name, type, nullable }) => {
      const { arrow, parquet } = typeNamesOf(type);
      return { column: name, arrow_type: arrow, parquet_type: parquet, nullable };
    }),
  };
}
