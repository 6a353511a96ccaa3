/** The commands beside `run`: their words in help, and the options that only they have. */
import { ALL_OPTIONS, one, OPTIONS, type OptionSpec } from "./options.ts";
import {
  parseBoolean,
  parseBroker,
  parseCount,
  parseFolder,
  parseList,
  parseTopic,
  parseTopics,
} from "./values.ts";

/** An option of a command, whose values are of type `T`; those of {@link OPTIONS} may be shared. */
export type CommandOption<T> = Omit<OptionSpec<T>, "group"> & { readonly group: string };

export interface Subcommand {
  readonly name: "check" | "inspect" | "schema" | "verify" | "redrive" | "status";
  /** As commander writes it: `<path...>`; undefined where the command takes none. */
  readonly argument?: string;
  /** What the argument is called where it is missing. */
  readonly argumentInWords?: string;
  /** For the list of commands. */
  readonly summary: string;
  readonly examples: string;
  readonly closing: string;
  readonly options: readonly CommandOption<unknown>[];
}

const ROWS_MAX = 1_000_000_000;
const ROWS_HINT = "Write a whole number, or all.";

/** Infers `T`. */
function option<T>(spec: CommandOption<T>): CommandOption<T> {
  return spec;
}

export const JSON_OPTION = option({
  name: "json",
  group: "Output",
  what: "For scripts: one JSON object a line",
  default: "false",
  parse: one(parseBoolean),
});

export const CSV_OPTION = option({
  name: "csv",
  group: "Output",
  what: "Only the rows, as CSV with a header",
  default: "false",
  parse: one(parseBoolean),
});

export const FIRST_ROWS_OPTION = option({
  name: "rows",
  group: "Output",
  placeholder: "COUNT",
  what: "First rows to show of each file, or all; of the files of a folder none unless told",
  default: "5",
  parse: one((text) => text === "all" ? Infinity : parseCount(text, { min: 0, max: ROWS_MAX }, ROWS_HINT)),
});

// Options of their own: those of archiving have defaults and variables, and here each of them asks for more work.
export const COMPARE_OPTION = option({
  name: "brokers",
  group: "What to verify",
  placeholder: "HOST:PORT",
  what: "Kafka brokers to compare with, separated by commas",
  defaultInWords: "footers alone",
  parse: (texts) => parseList(texts).map(parseBroker),
});

export const TOPICS_OPTION = option({
  name: "topic",
  group: "What to verify",
  placeholder: "NAME",
  what: "Topics to look at, repeated or separated by commas; /regex/ for all that match",
  defaultInWords: "all",
  parse: (texts) => parseTopics(texts).map(parseTopic),
});

export const DEAD_LETTERS_OPTION = option({
  name: "dead-letter",
  group: "What to verify",
  placeholder: "DIR",
  what: "Folder of the dead-letter files",
  defaultInWords: "dead_letter beside DIR, if it is there",
  parse: one(parseFolder),
});

export const DEEP_OPTION = option({
  name: "deep",
  group: "What to verify",
  what: "Read every page of every file, too",
  default: "false",
  parse: one(parseBoolean),
});

export const FROM_FIRST_FILE_OPTION = option({
  name: "from-first-file",
  group: "What to verify",
  what: "The archive begins at each partition's first file: earlier ones were moved away",
  default: "false",
  parse: one(parseBoolean),
});

export const ARCHIVE_OPTION = option({
  name: "output",
  group: "Files",
  placeholder: "DIR",
  what: "Folder of the archive, where the rows go",
  defaultInWords: "data beside DIR",
  parse: one(parseFolder),
});

export const DRY_RUN_OPTION = option({
  name: "dry-run",
  group: "Output",
  what: "Change nothing, and say what would be done",
  default: "false",
  parse: one(parseBoolean),
});

export const READY_OPTION = option({
  name: "ready",
  group: "What to ask",
  what: "Exit 1 also where it lives but cannot do its work now, as /readyz has it",
  default: "false",
  parse: one(parseBoolean),
});

/** Where the registry is, and how to log in to it. */
const REGISTRY_OPTIONS: readonly CommandOption<unknown>[] = [
  OPTIONS.registry,
  OPTIONS.registryUsername,
  OPTIONS.tlsCa,
  OPTIONS.tlsCert,
  OPTIONS.tlsKey,
  OPTIONS.tlsInsecure,
  OPTIONS.kafkaConfig,
];

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
  argument: "<schema...>",
  argumentInWords: "a SUBJECT, FILE.avsc, ID or GUID",
  summary: "show which columns an Avro schema becomes: a subject, a file or an id",
  examples: `Show which columns an Avro schema becomes, with their Arrow and Parquet types.

Examples:
  # The latest version of a subject
  kafka2parquet schema customer_events-value --registry http://registry:8081

  # The schema with an id, as dead letters and footers name it
  kafka2parquet schema 7

  # A subject in a context of the registry
  kafka2parquet schema :.orders:events-value

  # A file, before it is registered; with the columns of what Kafka says of each record
  kafka2parquet schema customer_events.avsc --metadata all

  # What a file holds of both, or why none can: see Evolution in the README
  kafka2parquet schema customer_events-value customer_events.avsc
`,
  closing: `
Exit codes: 0 shown, 1 no such schema, file or subject, or none that makes columns, 2 wrong usage,
69 registry unreachable, 78 wrong configuration.
`,
  options: [
    ...REGISTRY_OPTIONS,
    OPTIONS.configFile,
    OPTIONS.separator,
    OPTIONS.metadata,
    OPTIONS.include,
    OPTIONS.exclude,
    JSON_OPTION,
  ],
};

const VERIFY: Subcommand = {
  name: "verify",
  argument: "<dir>",
  argumentInWords: "a DIR",
  summary: "prove from the files' footers, and Kafka, that no offset is missing and none is there twice",
  examples: `Prove that an archive is complete: every offset in exactly one file.

Examples:
  # From the footers alone, up to each partition's last file: holes, overlaps, damaged and edited files
  kafka2parquet verify parquet_data/data

  # Against Kafka: what was committed, what is in the log, why a hole is none
  kafka2parquet verify parquet_data/data --brokers kafka:9092

  # Every page of every file, for a script
  kafka2parquet verify parquet_data/data --deep --json | jq 'select(.kind == "problem")'
`,
  closing: `
It changes nothing, and may run while the archive grows. Files of other programs are named as unknown.

Footers do not tell of files that are missing behind a partition's last one, nor of a partition of which all
are: that takes the brokers. They are asked where --brokers names them, or else bootstrap.servers in the file
of the flag --kafka-config. How to log in to them is read from the variables and files that archiving reads it
from; brokers that stand there are not asked.

Exit codes: 0 complete, 1 there is no archive, 2 wrong usage, 3 holes, overlaps or damage, 69 brokers
unreachable, 78 brokers of another cluster, or wrong configuration.
`,
  options: [
    COMPARE_OPTION,
    TOPICS_OPTION,
    DEAD_LETTERS_OPTION,
    DEEP_OPTION,
    FROM_FIRST_FILE_OPTION,
    OPTIONS.kafkaConfig,
    OPTIONS.configFile,
    JSON_OPTION,
  ],
};

const CHECK: Subcommand = {
  name: "check",
  summary: "tell whether archiving would work, before anything moves",
  examples:
    `Check brokers, topics, group, registry, folders and clock with the options of archiving. Nothing is
archived, joined or committed, and no file is left behind.

Examples:
  # With the flags that archiving is to have
  kafka2parquet check --brokers kafka:9092 --topic orders --output /data/archive

  # With what the service's environment and config file say, for a script
  kafka2parquet check --config /etc/kafka2parquet.toml --json | jq 'select(.ok == false)'
`,
  closing: `
Servers are waited for up to 10 s each, or as long as startup-timeout says. What depends on a check that has
failed is not checked.

Exit codes: 0 all well, warnings included, 2 wrong usage, 69 something cannot be reached, 78 something is wrong
with the configuration, rights, topics or folders (also where something else cannot be reached).
`,
  options: [...ALL_OPTIONS, JSON_OPTION],
};

const REDRIVE: Subcommand = {
  name: "redrive",
  argument: "<dir>",
  argumentInWords: "a DIR",
  summary: "decode dead letters again, and move what can be decoded by now into data files",
  examples:
    `Decode dead letters again, once their schema is registered or mended: rows go into data files of the
archive, exactly once, and what still cannot be decoded stays a dead letter.

Examples:
  # What would be done
  kafka2parquet redrive parquet_data/dead_letter --registry http://registry:8081 --dry-run

  # Do it; the archive is parquet_data/data
  kafka2parquet redrive parquet_data/dead_letter --registry http://registry:8081

  # Prove that it is all there
  kafka2parquet verify parquet_data/data
`,
  closing: `
It may run while the archive grows, and be interrupted at any time: the next redrive ends what was begun. Each
dead-letter file is exchanged in one step for those that come in its place.

Options that archiving has, too, are also read from its variables and from the config file. Rows become those
of archiving where --metadata, --include, --exclude and --separator are its own: give them as it had them.

Exit codes: 0 all are rows now, 1 failed, or a file could not be read, 2 wrong usage, 3 some are dead letters
still, 69 registry unreachable, 78 wrong configuration.
`,
  options: [
    ...REGISTRY_OPTIONS,
    ARCHIVE_OPTION,
    OPTIONS.rows,
    OPTIONS.bytes,
    OPTIONS.compression,
    OPTIONS.separator,
    OPTIONS.metadata,
    OPTIONS.include,
    OPTIONS.exclude,
    OPTIONS.configFile,
    DRY_RUN_OPTION,
    JSON_OPTION,
  ],
};

const STATUS: Subcommand = {
  name: "status",
  argument: "[url]",
  argumentInWords: "a URL",
  summary: "ask a running kafka2parquet how it is: for people, scripts and health checks",
  examples: `Ask a running kafka2parquet how it is.

Examples:
  # The one on this host
  kafka2parquet status

  # Another one, as its --http says
  kafka2parquet status http://archiver-1:8080

  # Whether it can do its work now; what is not archived yet
  kafka2parquet status --ready
  kafka2parquet status --json | jq .lag
`,
  closing: `
Without a URL it asks where --http, its variable or the config file have this host's kafka2parquet listen.

Exit codes: 0 it lives (with --ready: it is ready), 1 it does not, 2 wrong usage, 69 nobody answers,
78 wrong configuration.
`,
  options: [READY_OPTION, OPTIONS.http, OPTIONS.configFile, JSON_OPTION],
};

export const SUBCOMMANDS: readonly Subcommand[] = [CHECK, INSPECT, SCHEMA, VERIFY, REDRIVE, STATUS];
