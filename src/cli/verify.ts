/** `kafka2parquet verify`: whether an archive is complete, for people and scripts. */
import { dirname, isAbsolute, join, relative, resolve } from "node:path";

import { ExitCode, messageOf, UserError } from "../errors.ts";
import { configureLogging, flushLogging, showStatus } from "../log.ts";
import { hideSecrets } from "../secrets.ts";
import type { Report, VerifyOptions } from "../verify/mod.ts";
import {
  COMPARE_OPTION,
  DEAD_LETTERS_OPTION,
  DEEP_OPTION,
  FROM_FIRST_FILE_OPTION,
  JSON_OPTION,
  TOPICS_OPTION,
} from "./commands.ts";
import { Output, OutputClosed, terminalWidth } from "./output.ts";
import { OPTIONS } from "./options.ts";
import { resolveOption, type Sources, type Texts, wantsColor } from "./resolve.ts";
import { resolveSecurity, secretsIn, warnOfRisks } from "./security.ts";
import { readSources } from "./sources.ts";
import { countText } from "./text.ts";
import { isComplete, reportAsJson, reportAsLines } from "./verify_format.ts";

/** As `run` names it, beside the output folder. */
const DEAD_LETTER_DEFAULT = "dead_letter";
const PROGRESS_EVERY_MS = 200;

/** Shows what is wrong with the archive in `folder`. Throws {@link UserError} where there is none. */
export async function verify(folder: string, flags: Texts): Promise<ExitCode> {
  const isJson = resolveOption(JSON_OPTION, { flags })!;
  const topics = resolveOption(TOPICS_OPTION, { flags });
  const { sources, tell } = await readSources(flags);
  configureLogging({ level: "warning", format: "text", color: wantsColor("auto", sources) });
  tell();
  const brokers = brokersOf(sources);
  const named = resolveOption(DEAD_LETTERS_OPTION, { flags });
  const options: VerifyOptions = {
    deep: resolveOption(DEEP_OPTION, { flags })!,
    fromFirstFile: resolveOption(FROM_FIRST_FILE_OPTION, { flags })!,
    ...await deadLetterFolder(folder, named),
    ...brokers === undefined ? {} : { kafka: await kafkaOf(brokers, sources) },
    ...topics === undefined ? {} : { wanted: matcher(topics) },
  };
  const report = await withProgress(folder, options);
  if (report.files + report.unknown === 0 && report.findings.length === 0) {
    throw nothingThere(folder, topics);
  }
  const output = new Output();
  try {
    if (isJson) output.lines(reportAsJson(report, folder));
    // What goes into a pipe is for programs, which want the names whole.
    else output.lines(reportAsLines(report, { folder, width: terminalWidth(Infinity) }));
    output.flush();
  } catch (error) {
    // Whoever read our output has seen enough.
    if (!(error instanceof OutputClosed)) throw error;
  }
  return isComplete(report) ? ExitCode.ok : ExitCode.incomplete;
}

/**
 * The brokers to compare with; undefined where nobody asks for that. Variables and the config file name those to archive
 * from and ask for nothing here, but whoever gives a Kafka client's file by its flag means the cluster that it names.
 */
function brokersOf(sources: Sources): readonly string[] | undefined {
  const { flags, client } = sources;
  const brokers = resolveOption(COMPARE_OPTION, { flags });
  if (brokers !== undefined || client === undefined || !flags.has(OPTIONS.kafkaConfig.name)) return brokers;
  const named = resolveOption(COMPARE_OPTION, { client });
  if (named !== undefined) return named;
  throw new UserError(`${client.path} names no brokers to compare with`, {
    hint: "Set bootstrap.servers in it, or give --brokers.",
    exitCode: ExitCode.config,
  });
}

/** How the brokers are reached: all but their names comes from where `run` has it. */
async function kafkaOf(
  brokers: readonly string[],
  sources: Sources,
): Promise<NonNullable<VerifyOptions["kafka"]>> {
  const secured = await resolveSecurity(sources);
  hideSecrets(secretsIn(secured));
  warnOfRisks(secured, []);
  return { brokers, security: secured.security };
}

function nothingThere(folder: string, topics: readonly string[] | undefined): UserError {
  return topics === undefined
    ? new UserError(`There is no Parquet file in ${folder}`, {
      hint: "Name the folder that --output named when the files were written.",
    })
    : new UserError(`There is no file of ${topics.join(", ")} in ${folder}`, {
      hint: `kafka2parquet inspect ${folder} shows which topics there are.`,
    });
}

/** Runs with a line of progress where somebody looks on. */
async function withProgress(folder: string, options: VerifyOptions): Promise<Report> {
  let files = 0;
  const show = () => showStatus(`${countText(files)} files read`);
  const timer = Deno.stderr.isTerminal() && Deno.env.get("TERM") !== "dumb"
    ? setInterval(show, PROGRESS_EVERY_MS)
    : undefined;
  try {
    // Loaded here, so that --help does not wait for it.
    const room = await import("../verify/mod.ts");
    return await room.verify(folder, { ...options, onFile: () => files++ });
  } finally {
    clearInterval(timer);
    showStatus("");
    // What is said next comes after what was logged of it.
    flushLogging();
  }
}

/** Where dead letters are, as far as that is not below `folder` anyway. Throws {@link UserError}. */
async function deadLetterFolder(
  folder: string,
  named: string | undefined,
): Promise<Pick<VerifyOptions, "deadLetter">> {
  const archive = await realFolder(
    folder,
    "Name the folder that --output named when the files were written.",
  );
  const beside = join(dirname(resolve(folder)), DEAD_LETTER_DEFAULT);
  if (named === undefined && !await isFolder(beside)) return {};
  const path = named ?? join(folder, "..", DEAD_LETTER_DEFAULT);
  const real = await realFolder(
    path,
    "Name the folder that --dead-letter named when the files were written.",
  );
  if (isWithin(real, archive)) return {};
  if (isWithin(archive, real)) {
    // Files of the archive itself would be found twice.
    if (named === undefined) return {};
    throw new UserError(`The dead-letter folder ${path} holds ${folder}`, {
      hint: "Name the folder of the dead letters alone.",
      exitCode: ExitCode.usage,
    });
  }
  // Nobody has said that this archive's dead letters are there: other archives beside it have theirs in it, too.
  return { deadLetter: { folder: path, isShared: named === undefined } };
}

async function realFolder(path: string, hint: string): Promise<string> {
  try {
    const real = await Deno.realPath(path);
    if (!(await Deno.stat(real)).isDirectory) throw new Error("it is no folder");
    return real;
  } catch (cause) {
    const isMissing = cause instanceof Deno.errors.NotFound;
    throw new UserError(`Cannot read ${path}: ${isMissing ? "no such folder" : messageOf(cause)}`, {
      hint,
      cause,
    });
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}

function isWithin(inner: string, outer: string): boolean {
  const path = relative(outer, inner);
  return path !== ".." && !path.startsWith("../") && !isAbsolute(path);
}

/** Names, and patterns between slashes that whole names match. */
function matcher(topics: readonly string[]): (topic: string) => boolean {
  const patterns = topics.filter((topic) => topic.startsWith("/"))
    .map((pattern) => new RegExp(`^(?:${pattern.slice(1, -1)})$`));
  return (topic) => topics.includes(topic) || patterns.some((pattern) => pattern.test(topic));
}
