/** `kafka2parquet inspect`: what is in Parquet files, for people, scripts and spreadsheets. */
import { basename, dirname } from "node:path";

import { ExitCode, messageOf, UserError } from "../errors.ts";
import { reportError } from "../log.ts";
import { nearest } from "../nearest.ts";
import { CSV_OPTION, FIRST_ROWS_OPTION, JSON_OPTION } from "./commands.ts";
import { FilePrinter, type Format } from "./inspect_file.ts";
import { inspectFolder } from "./inspect_folder.ts";
import { Output, OutputClosed, terminalWidth } from "./output.ts";
import { resolveOption, type Texts } from "./resolve.ts";

/** Names of a folder among which the one that somebody meant is looked for. */
const NAMES_MAX = 10_000;

/**
 * Shows what is at `paths`. What is wrong with one file is said on stderr, and the others are shown; then the exit
 * code is 1. Throws {@link UserError} on misuse.
 */
export async function inspect(paths: readonly string[], flags: Texts): Promise<ExitCode> {
  const { format, rows } = optionsOf(flags);
  const output = new Output();
  let exitCode: ExitCode = ExitCode.ok;
  const printer = new FilePrinter({
    format,
    rows: rows ?? Number(FIRST_ROWS_OPTION.default),
    output,
    width: terminalWidth(),
    report(error) {
      output.flush();
      reportError(error);
      exitCode = ExitCode.failure;
    },
  });
  try {
    for (const path of paths) {
      try {
        if (!await isFolder(path)) await printer.path(path);
        // A line a file, unless rows were asked for: those need more than a line.
        else {await inspectFolder(path, {
            printer,
            brief: format === "text" && !rows,
            withRows: rows !== undefined,
          });}
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        printer.failed(path, error);
      }
    }
    output.flush();
  } catch (error) {
    // Whoever read our output has seen enough.
    if (!(error instanceof OutputClosed)) throw error;
  }
  return exitCode;
}

function optionsOf(flags: Texts): { format: Format; rows: number | undefined } {
  // Variables and the config file are about archiving: there, `rows` is something else.
  const json = resolveOption(JSON_OPTION, { flags });
  const csv = resolveOption(CSV_OPTION, { flags });
  if (json && csv) {
    throw new UserError("--json and --csv are two formats of one output", {
      hint: "Choose one of them.",
      exitCode: ExitCode.usage,
    });
  }
  const rows = flags.has(FIRST_ROWS_OPTION.name) ? resolveOption(FIRST_ROWS_OPTION, { flags }) : undefined;
  return { format: json ? "json" : csv ? "csv" : "text", rows };
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) {
      throw new UserError(`Cannot read ${path}: ${messageOf(cause)}`, { cause });
    }
    const meant = await nearestPath(path);
    throw new UserError(`Cannot read ${path}: no such file or folder`, {
      hint: meant === undefined
        ? "Name Parquet files, or a folder that holds some."
        : `Did you mean ${meant}?`,
      cause,
    });
  }
}

/** What in the same folder has a name like that, as the user would write it. */
async function nearestPath(path: string): Promise<string | undefined> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(dirname(path))) {
      if (names.push(name) >= NAMES_MAX) break;
    }
  } catch {
    return undefined;
  }
  const name = nearest(basename(path), names);
  return name === undefined ? undefined : path.slice(0, path.lastIndexOf(basename(path))) + name;
}
