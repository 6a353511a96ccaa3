/** The commands beside `run`: their words in help, and the options that only they have. */
import { OPTIONS, type OptionSpec } from "./options.ts";
import { parseBoolean, parseCount } from "./values.ts";

/** An option of a command, whose values are of type `T`; those of {@link OPTIONS} may be shared. */
export type CommandOption<T> = Omit<OptionSpec<T>, "group"> & { readonly group: string };

export interface Subcommand {
  readonly name: "inspect" | "schema";
  /** As commander writes it: `<path...>`. */
  readonly argument: string;
  /** What the argument is called where it is missing. */
  readonly argumentInWords: string;
  /** For the list of commands. */
  readonly summary: string;
  readonly examples: string;
  readonly closing: string;
  readonly options: readonly CommandOption<unknown>[];
}

const ROWS_MAX = 1_000_000_000;

/** Infers `T`. */
function option<T>(spec: CommandOption<T>): CommandOption<T> {
  return spec;
}

export const JSON_OPTION = option({
  name: "json",
  group: "Output",
  what: "For scripts: one JSON object a line",
  default: "false",
  parse: (texts) => parseBoolean(texts.at(-1) ?? ""),
});

export const CSV_OPTION = option({
  name: "csv",
  group: "Output",
  what: "Only the rows, as CSV with a header",
  default: "false",
  parse: (texts) => parseBoolean(texts.at(-1) ?? ""),
});

export const FIRST_ROWS_OPTION = option({
  name: "rows",
  group: "Output",
  placeholder: "COUNT",
  what: "First rows to show of each file, or all; of the files of a folder none unless told",
  default: "5",
  parse: (texts) => {
    const text = texts.at(-1) ?? "";
    return text === "all" ? Infinity : parseCount(text, { min: 0, max: ROWS_MAX });
  },
});

const INSPECT: Subcommand = {
  name: "inspect",
  argument: "<path...>",
  argumentInWords: "a FILE or DIR",
  summary: "show columns, sizes, origin and first rows of Parquet files, or sum up a folder of them",
  examples: `Look into Parquet files, of kafka2parquet or of any other program.

Examples:
  # Columns, sizes, offsets and the first rows of a file
  kafka2parquet inspect parquet_data/data/0b6ff6f1-1b0e-4b6c-9b0f-3f0d6d1c9a55.parquet

  # A line for each file below a folder, and what they hold together
  kafka2parquet inspect parquet_data/data

  # All rows as CSV; the facts for a script
  kafka2parquet inspect --csv --rows all FILE > rows.csv
  kafka2parquet inspect --json DIR | jq .rows
`,
  closing: `
Values: in JSON, 64-bit integers are numbers with all their digits, which some readers round beyond 2^53;
decimals, dates, times and UUIDs are texts; binary is base64. CSV is the same, null being empty and an empty
text "".

Exit codes: 0 all shown, 1 a file is missing or damaged (the others are shown), 2 wrong usage.
`,
  options: [FIRST_ROWS_OPTION, JSON_OPTION, CSV_OPTION],
};

const SCHEMA: Subcommand = {
  name: "schema",
  argument: "<schema>",
  argumentInWords: "a SUBJECT, FILE.avsc or ID",
  summary: "show which columns an Avro schema becomes: a subject, a file or an id",
  examples: `Show which columns an Avro schema becomes, with their Arrow and Parquet types.

Examples:
  # The latest version of a subject
  kafka2parquet schema customer_events-value --registry http://registry:8081

  # The schema with an id, as dead letters and footers name it
  kafka2parquet schema 7

  # A file, before it is registered
  kafka2parquet schema customer_events.avsc
`,
  closing: `
Exit codes: 0 shown, 1 no such schema, file or subject, or none that makes columns, 2 wrong usage,
69 registry unreachable, 78 wrong configuration.
`,
  options: [OPTIONS.registry, OPTIONS.configFile, OPTIONS.separator, JSON_OPTION],
};

export const SUBCOMMANDS: readonly Subcommand[] = [INSPECT, SCHEMA];
