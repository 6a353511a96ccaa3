/** The command line: commands, flags and their help, made from the table of options. */
import { Command, CommanderError, Option } from "commander";

import { ExitCode, UserError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { VERSION } from "../version.ts";
import { ALL_OPTIONS, defaultText, envName, GROUPS, type OptionSpec } from "./options.ts";
import type { Texts } from "./resolve.ts";

/** What the commands do, given the texts of their flags. */
export interface Actions {
  run(flags: Texts): Promise<ExitCode>;
}

const EXAMPLES = `Archive Kafka topics of Avro records as Parquet files, exactly once.

Examples:
  # Archive the topic customer_events of kafka:9092 into parquet_data/data/
  kafka2parquet

  # Two topics of another cluster, 100,000 rows or ten minutes a file
  kafka2parquet --brokers broker-1:9092,broker-2:9092 --registry http://registry:8081 \\
    --topic orders --topic payments --rows 100k --age 10m --output /data/archive

  # Take what is there now and exit
  kafka2parquet --topic orders --group nightly --until-end
`;

const CLOSING = `
Every option can be given by its flag, by the environment variable in brackets, or by its name in the
config file; the first of these that is there wins.

Exit codes: 0 all saved, 1 failed, 2 wrong usage, 3 --until-end met dead letters, 69 broker or registry
unreachable at start, 78 wrong configuration, 130 stopped by a second Ctrl-C.
`;

/** Runs the command in `args` and gives its exit code. Throws {@link UserError} on misuse. */
export async function runCommand(args: readonly string[], actions: Actions): Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.ok;
  const root = silent(new Command("kafka2parquet"))
    .version(VERSION, "--version", "print the version")
    .helpOption("-h, --help", "print this help")
    .enablePositionalOptions()
    .addHelpText("before", EXAMPLES)
    .addHelpText("after", CLOSING)
    .usage("[run] [options]");
  addOptions(root);
  const run = root.command("run").description("archive topics (what happens without a command, too)");
  addOptions(silent(run));
  root.action(async () => {
    exitCode = await actions.run(flagsOf(root));
  });
  run.action(async () => {
    exitCode = await actions.run(new Map([...flagsOf(root), ...flagsOf(run)]));
  });
  try {
    await root.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version that were asked for are no misuse.
    if (error.exitCode !== 0) throw misuse(error, { args, root });
  }
  return exitCode;
}

/** Commander throws instead of exiting, and leaves the printing of errors to us. */
function silent(command: Command): Command {
  return command.exitOverride().configureOutput({ writeErr: () => {} });
}

function addOptions(command: Command): void {
  for (const group of GROUPS) {
    for (const option of ALL_OPTIONS) {
      if (option.group !== group || option.hidden) continue;
      command.addOption(toFlag(option).helpGroup(`${group}:`));
    }
  }
}

function toFlag(option: OptionSpec<unknown>): Option {
  const flags = option.placeholder === undefined
    ? `--${option.name}`
    : `--${option.name} <${option.placeholder}>`;
  const flag = new Option(flags, `${option.what} (default: ${defaultText(option)}) [${envName(option)}]`);
  if (option.placeholder === undefined) return flag;
  return flag.argParser((text: string, earlier: readonly string[] | undefined) => [...(earlier ?? []), text]);
}

function flagsOf(command: Command): Map<string, readonly string[]> {
  const flags = new Map<string, readonly string[]>();
  for (const flag of command.options) {
    const value: unknown = command.getOptionValue(flag.attributeName());
    if (flag.long === undefined || value === undefined) continue;
    flags.set(flag.long.slice(2), Array.isArray(value) ? value.map(String) : [String(value)]);
  }
  return flags;
}

/** Commander's error in this program's words. */
function misuse(
  error: CommanderError,
  { args, root }: { args: readonly string[]; root: Command },
): UserError {
  const general = "See kafka2parquet --help.";
  if (error.code === "commander.excessArguments" || error.code === "commander.unknownCommand") {
    const commands = root.commands.map((command) => command.name());
    const word = args.find((arg) => !arg.startsWith("-") && !commands.includes(arg)) ?? args[0] ?? "";
    return usageError(unknown("command", word), didYouMean(nearest(word, [...commands, "help"])) ?? general);
  }
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  if (error.code === "commander.unknownOption") {
    const word = /'(.*?)[=']/.exec(first)?.[1] ?? "";
    const flags = root.options.flatMap((flag) => flag.long ?? []);
    return usageError(unknown("option", word), didYouMean(nearest(word, flags)) ?? general);
  }
  if (error.code === "commander.optionMissingArgument") {
    const flag = /'(.*?)'/.exec(first)?.[1] ?? "";
    return usageError(`${flag.split(" ", 1)[0]} needs a value`, `Write ${flag}.`);
  }
  return usageError(first.charAt(0).toUpperCase() + first.slice(1), rest.join(" ").trim() || general);
}

function usageError(message: string, hint: string): UserError {
  return new UserError(message, { hint, exitCode: ExitCode.usage });
}

function unknown(kind: string, word: string): string {
  return `Unknown ${kind} ${JSON.stringify(word)}`;
}

function didYouMean(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `Did you mean ${name}?`;
}
