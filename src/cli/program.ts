/** The command line: commands, flags and their help, made from the table of options. */
import { Command, CommanderError, Option } from "commander";

import { ExitCode, UserError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { VERSION } from "../version.ts";
import { type CommandOption, type Subcommand, SUBCOMMANDS } from "./commands.ts";
import { ALL_OPTIONS, defaultText, envName, FILE_SUFFIX, GROUPS, type OptionSpec } from "./options.ts";
import type { Texts } from "./resolve.ts";

/** What the commands do, given their arguments and the texts of their flags. */
export interface Actions {
  run(flags: Texts): Promise<ExitCode>;
  inspect(paths: readonly string[], flags: Texts): Promise<ExitCode>;
  schema(of: readonly string[], flags: Texts): Promise<ExitCode>;
  verify(folder: string, flags: Texts): Promise<ExitCode>;
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

  # Look into the files; prove that they are complete
  kafka2parquet inspect parquet_data/data
  kafka2parquet verify parquet_data/data
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
    .helpCommand("help [command]", "print the help of a command")
    .enablePositionalOptions()
    .addHelpText("before", EXAMPLES)
    .addHelpText("after", CLOSING)
    .usage("[command] [options]");
  addOptions(root, { groups: GROUPS, options: ALL_OPTIONS });
  const run = root.command("run").description("archive topics (what happens without a command, too)");
  addOptions(silent(run), { groups: GROUPS, options: ALL_OPTIONS });
  root.action(async () => {
    exitCode = await actions.run(flagsOf(root));
  });
  run.action(async () => {
    exitCode = await actions.run(new Map([...flagsOf(root), ...flagsOf(run)]));
  });
  for (const subcommand of SUBCOMMANDS) {
    const command = addSubcommand(root, subcommand);
    command.action(async (argument: string & readonly string[]) => {
      refuseFlagsBefore(command, flagsOf(root));
      exitCode = await actions[subcommand.name](argument, flagsOf(command));
    });
  }
  await root.parseAsync(args, { from: "user" }).catch((error) => {
    // Help and version that were asked for are no misuse.
    if (!(error instanceof CommanderError) || error.exitCode !== 0) throw error;
  });
  return exitCode;
}

function addSubcommand(root: Command, subcommand: Subcommand): Command {
  const { name, argument, summary, examples, closing, options } = subcommand;
  const command = silent(root.command(name)).argument(argument).description(summary)
    .addHelpText("before", examples)
    .addHelpText("after", closing);
  // The examples say it better.
  command.configureHelp({ commandDescription: () => "", visibleArguments: () => [] });
  addOptions(command, { groups: [...new Set(options.map(({ group }) => group))], options });
  return command;
}

/** Commander throws instead of exiting, and leaves the printing of errors to us. */
function silent(command: Command): Command {
  command.exitOverride((error) => {
    throw error.exitCode === 0 ? error : misuse(error, command);
  });
  return command.configureOutput({ writeErr: () => {} });
}

function addOptions(
  command: Command,
  { groups, options }: { groups: readonly string[]; options: readonly CommandOption<unknown>[] },
): void {
  for (const group of groups) {
    for (const option of options) {
      if (option.group !== group || option.hidden) continue;
      command.addOption(toFlag(option).helpGroup(`${group}:`));
    }
  }
}

function toFlag(option: CommandOption<unknown>): Option {
  const flags = option.placeholder === undefined
    ? `--${option.name}`
    : `--${option.name} <${option.placeholder}>`;
  // Options of one command only have no variable: the same name may mean something else to another one.
  const variable = ALL_OPTIONS.includes(option as OptionSpec<unknown>) ? ` [${envName(option)}]` : "";
  const flag = new Option(flags, `${option.what} (default: ${defaultText(option)})${variable}`);
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

/** `kafka2parquet --rows 5 inspect FILE`: those are flags of archiving, and would count for nothing. */
function refuseFlagsBefore(command: Command, flags: Texts): void {
  const [first] = flags.keys();
  if (first === undefined) return;
  throw usageError(
    `--${first} stands before ${command.name()}`,
    `Write it after the command, if it is one of its options: see ${helpOf(command)}.`,
  );
}

/** `command`'s error in this program's words. */
function misuse(error: CommanderError, command: Command): UserError {
  const general = `See ${helpOf(command)}.`;
  const subcommand = SUBCOMMANDS.find(({ name }) => name === command.name());
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  switch (error.code) {
    case "commander.excessArguments":
    case "commander.unknownCommand": {
      if (subcommand !== undefined) {
        return usageError(`${subcommand.name} takes one argument: ${subcommand.argumentInWords}`, general);
      }
      const word = command.args[0] ?? "";
      const commands = (command.parent ?? command).commands.map((one) => one.name());
      return usageError(
        unknown("command", word),
        didYouMean(nearest(word, [...commands, "help"])) ?? general,
      );
    }
    case "commander.missingArgument": {
      const usage = `kafka2parquet ${subcommand?.name} ${subcommand?.argumentInWords.replace(/^an? /, "")}`;
      return usageError(`${subcommand?.name} needs ${subcommand?.argumentInWords}`, `Write ${usage}.`);
    }
    case "commander.unknownOption": {
      const word = /'(.*?)[=']/.exec(first)?.[1] ?? "";
      const flags = [...command.options.flatMap((flag) => flag.long ?? []), "--help"];
      // Commander knows a switch that was given a value as little as any other flag.
      if (flags.includes(word)) {
        return usageError(`${word} takes no value`, `Write ${word} alone, or leave it out.`);
      }
      return usageError(
        unknown("option", word),
        withoutFlag(word) ?? didYouMean(nearestFlag(word, flags)) ?? general,
      );
    }
    case "commander.optionMissingArgument": {
      const flag = /'(.*?)'/.exec(first)?.[1] ?? "";
      return usageError(`${flag.split(" ", 1)[0]} needs a value`, `Write ${flag}.`);
    }
  }
  return usageError(first.charAt(0).toUpperCase() + first.slice(1), rest.join(" ").trim() || general);
}

/** Where an option stands that has no flag. */
function withoutFlag(word: string): string | undefined {
  const option = ALL_OPTIONS.find(({ hidden, name }) => hidden && word === `--${name}`);
  if (option === undefined) return undefined;
  const file = option.secret
    ? `, or ${envName(option)}${FILE_SUFFIX} to the path of a file that holds it`
    : "";
  return `It has no flag: set ${envName(option)}${file}, or ${option.name} in the config file.`;
}

function helpOf(command: Command): string {
  const isOther = SUBCOMMANDS.some(({ name }) => name === command.name());
  return `kafka2parquet ${isOther ? `${command.name()} ` : ""}--help`;
}

function usageError(message: string, hint: string): UserError {
  return new UserError(message, { hint, exitCode: ExitCode.usage });
}

function unknown(kind: string, word: string): string {
  return `Unknown ${kind} ${JSON.stringify(word)}`;
}

function nearestFlag(word: string, flags: readonly string[]): string | undefined {
  const meant = nearest(word.replace(/^-+/, ""), flags.map((flag) => flag.slice(2)));
  return meant === undefined ? undefined : `--${meant}`;
}

function didYouMean(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `Did you mean ${name}?`;
}
