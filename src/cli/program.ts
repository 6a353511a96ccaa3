/** The command line: commands and flags, made from the table of options. */
import { Command, CommanderError, Option } from "commander";

import { ExitCode, UserError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { VERSION } from "../version.ts";
import { type CommandOption, type Subcommand, SUBCOMMANDS } from "./commands.ts";
import { flagOf, HELP_WIDTH_DEFAULT, helpText, SUMMARIES } from "./help.ts";
import { ALL_OPTIONS, envName, FILE_SUFFIX } from "./options.ts";
import { terminalWidth } from "./output.ts";
import type { Texts } from "./resolve.ts";

/** What the commands do, given their arguments and the texts of their flags. */
export interface Actions {
  run(flags: Texts): Promise<ExitCode>;
  check(flags: Texts): Promise<ExitCode>;
  inspect(paths: readonly string[], flags: Texts): Promise<ExitCode>;
  schema(of: readonly string[], flags: Texts): Promise<ExitCode>;
  verify(folder: string, flags: Texts): Promise<ExitCode>;
  redrive(folder: string, flags: Texts): Promise<ExitCode>;
  status(url: string | undefined, flags: Texts): Promise<ExitCode>;
}

/** Runs the command in `args` and gives its exit code. Throws {@link UserError} on misuse. */
export async function runCommand(args: readonly string[], actions: Actions): Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.ok;
  const root = silent(new Command("kafka2parquet"))
    .version(VERSION, "--version", SUMMARIES.versionFlag)
    .helpOption("-h, --help", SUMMARIES.helpFlag)
    .helpCommand("help [command]", SUMMARIES.help)
    .enablePositionalOptions();
  addOptions(root, ALL_OPTIONS);
  const run = silent(root.command("run"));
  addOptions(run, ALL_OPTIONS);
  root.action(async () => {
    exitCode = await actions.run(flagsOf(root));
  });
  run.action(async () => {
    exitCode = await actions.run(new Map([...flagsOf(root), ...flagsOf(run)]));
  });
  for (const subcommand of SUBCOMMANDS) {
    const command = addSubcommand(root, subcommand);
    const { name } = subcommand;
    command.action(async (argument: string & readonly string[]) => {
      refuseFlagsBefore(command, flagsOf(root));
      const flags = flagsOf(command);
      exitCode = name === "check" ? await actions.check(flags) : await actions[name](argument, flags);
    });
  }
  await root.parseAsync(args, { from: "user" }).catch((error) => {
    // Help and version that were asked for are no misuse.
    if (!(error instanceof CommanderError) || error.exitCode !== 0) throw error;
  });
  return exitCode;
}

function addSubcommand(root: Command, { name, argument, options }: Subcommand): Command {
  const command = silent(root.command(name));
  if (argument !== undefined) command.argument(argument);
  addOptions(command, options);
  return command;
}

/** Commander throws instead of exiting, and leaves errors and help to us. */
function silent(command: Command): Command {
  const name = command.parent === null ? "" : command.name();
  command.helpInformation = () => helpText(name, terminalWidth(HELP_WIDTH_DEFAULT));
  command.exitOverride((error) => {
    throw error.exitCode === 0 ? error : misuse(error, command);
  });
  return command.configureOutput({ writeErr: () => {} });
}

function addOptions(command: Command, options: readonly CommandOption<unknown>[]): void {
  for (const option of options) if (!option.hidden) command.addOption(toFlag(option));
}

function toFlag(option: CommandOption<unknown>): Option {
  const flag = new Option(flagOf(option));
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
        const { name, argumentInWords } = subcommand;
        return usageError(
          argumentInWords === undefined
            ? `${name} takes no argument`
            : `${name} takes one argument: ${argumentInWords}`,
          general,
        );
      }
      const word = command.args[0] ?? "";
      const commands = (command.parent ?? command).commands.map((one) => one.name());
      return usageError(
        unknown("command", word),
        didYouMean(nearest(word, [...commands, "help"])) ?? general,
      );
    }
    case "commander.missingArgument": {
      const usage = `kafka2parquet ${subcommand?.name} ${subcommand?.argumentInWords?.replace(/^an? /, "")}`;
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
