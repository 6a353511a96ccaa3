/** Help, made from the table of options: without commander, which takes longer to load than help to be read out. */
import { VERSION } from "../version.ts";
import { type CommandOption, type Subcommand, SUBCOMMANDS } from "./commands.ts";
import { ALL_OPTIONS, defaultText, envName, GROUPS, type OptionSpec } from "./options.ts";

const ARCHIVING_EXAMPLES = `Archive Kafka topics of Avro records as Parquet files, exactly once.

Examples:
  # Archive the topic customer_events of kafka:9092 into parquet_data/data/
  kafka2parquet

  # Two topics of another cluster, 100,000 rows or ten minutes a file
  kafka2parquet --brokers broker-1:9092,broker-2:9092 --registry http://registry:8081 \\
    --topic orders --topic payments --rows 100k --age 10m --output /data/archive

  # Take what is there now and exit
  kafka2parquet --topic orders --group nightly --until-end
`;

const OTHER_EXAMPLES = `
  # Would it work? Nothing is archived
  kafka2parquet check --topic orders --group nightly

  # Look into the files; prove that they are complete
  kafka2parquet inspect parquet_data/data
  kafka2parquet verify parquet_data/data

  # Ask a running one how it is
  kafka2parquet status

  # Decode dead letters again, after their schema was registered or mended
  kafka2parquet redrive parquet_data/dead_letter
`;

const CLOSING = `
Every option can be given by its flag, by the environment variable in brackets, or by its name in the
config file; the first of these that is there wins.

Exit codes: 0 all saved, 1 failed, 2 wrong usage, 3 --until-end met dead letters or --max-errors was passed,
69 broker or registry unreachable at start, 78 wrong configuration, 130 stopped by a second Ctrl-C.
`;

/** The words of what has no place in the table of options. */
export const SUMMARIES = {
  run: "archive topics (what happens without a command, too)",
  help: "print the help of a command",
  helpFlag: "print this help",
  versionFlag: "print the version",
} as const;

/** Where stdout is no terminal. */
export const HELP_WIDTH_DEFAULT = 80;
/** Descriptions are not squeezed into fewer cells than this: lines are longer than the terminal then. */
const DESCRIPTION_WIDTH_MIN = 40;

/** A line of help: what is written, and what it means. */
type Entry = readonly [term: string, description: string];

interface Section {
  readonly title: string;
  readonly entries: readonly Entry[];
}

/**
 * What the program prints for arguments that ask for help, or the version, and nothing else; `undefined` for all
 * others, some of which ask for help too.
 */
export function helpFor(args: readonly string[], width: number): string | undefined {
  const [first, second] = args;
  if (args.length === 1 && first === "--version") return `${VERSION}\n`;
  if (args.length === 1 && (isHelpFlag(first) || first === "help")) return helpText("", width);
  if (args.length !== 2) return undefined;
  const name = isHelpFlag(second) ? first : first === "help" ? second : undefined;
  return name === "run" || SUBCOMMANDS.some((command) => command.name === name)
    ? helpText(name!, width)
    : undefined;
}

function isHelpFlag(arg: string | undefined): boolean {
  return arg === "--help" || arg === "-h";
}

/** The help of a command, in lines of at most `width` cells; of the whole program where `name` is empty. */
export function helpText(name: string, width: number): string {
  const help: Entry = ["-h, --help", SUMMARIES.helpFlag];
  const archiving = GROUPS.map((group) => section(group, ALL_OPTIONS));
  if (name === "run") {
    const sections = [...archiving, { title: "Options", entries: [help] }];
    const usage = "Usage: kafka2parquet run [options], or without run";
    return `${ARCHIVING_EXAMPLES}\n${usage}\n\n${format(sections, width)}${CLOSING}\n`;
  }
  const command = SUBCOMMANDS.find((command) => command.name === name);
  if (command === undefined) {
    const own: Section = { title: "Options", entries: [["--version", SUMMARIES.versionFlag], help] };
    const sections = [own, ...archiving, { title: "Commands", entries: commandEntries() }];
    return `${ARCHIVING_EXAMPLES}${OTHER_EXAMPLES}\nUsage: kafka2parquet [command] [options]\n\n${
      format(sections, width)
    }${CLOSING}\n`;
  }
  const { examples, closing, options } = command;
  const groups = [...new Set(options.map(({ group }) => group))];
  const sections = [
    ...groups.map((group) => section(group, options)),
    { title: "Options", entries: [help] },
  ];
  return `${examples}\nUsage: kafka2parquet ${usageOf(command)}\n\n${format(sections, width)}${closing}\n`;
}

function usageOf({ name, argument }: Subcommand): string {
  return `${name} [options] ${argument ?? ""}`.trimEnd();
}

function commandEntries(): Entry[] {
  return [
    ["run [options]", SUMMARIES.run],
    ...SUBCOMMANDS.map((command): Entry => [usageOf(command), command.summary]),
    ["help [command]", SUMMARIES.help],
  ];
}

function section(title: string, options: readonly CommandOption<unknown>[]): Section {
  const shown = options.filter(({ group, hidden }) => group === title && !hidden);
  return { title, entries: shown.map((option): Entry => [flagOf(option), descriptionOf(option)]) };
}

/** `--rows <COUNT>`, as commander reads it, too. */
export function flagOf({ name, placeholder }: CommandOption<unknown>): string {
  return placeholder === undefined ? `--${name}` : `--${name} <${placeholder}>`;
}

function descriptionOf(option: CommandOption<unknown>): string {
  // Options of one command only have no variable: the same name may mean something else to another one.
  const variable = ALL_OPTIONS.includes(option as OptionSpec<unknown>) ? ` [${envName(option)}]` : "";
  return `${option.what} (default: ${defaultText(option)})${variable}`;
}

/** Sections under each other, descriptions in one column. */
function format(sections: readonly Section[], width: number): string {
  const longest = Math.max(...sections.flatMap(({ entries }) => entries.map(([term]) => term.length)));
  const column = 2 + longest + 2;
  const room = Math.max(width - column, DESCRIPTION_WIDTH_MIN);
  const line = ([term, description]: Entry) =>
    `  ${term}`.padEnd(column) + wrap(description, room).join(`\n${" ".repeat(column)}`);
  return sections.map(({ title, entries }) => `${title}:\n${entries.map(line).join("\n")}\n`).join("\n");
}

/** Whole words in lines of at most `width` letters; a longer word has a line for itself. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
