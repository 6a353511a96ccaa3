/** Flags over environment over config file over defaults: one frozen Config, or an error that names the source. */
import { isAbsolute, join, normalize, relative, resolve } from "node:path";

import type { Config } from "../config.ts";
import { ExitCode, UserError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import {
  type KafkaSecurity,
  NO_KAFKA_SECURITY,
  NO_REGISTRY_SECURITY,
  type RegistrySecurity,
} from "../security.ts";
import {
  ALL_OPTIONS,
  ENV_PREFIX,
  envName,
  FILE_SUFFIX,
  type OptionKey,
  OPTIONS,
  type OptionSpec,
  type OptionValue,
} from "./options.ts";
import { InvalidValue } from "./values.ts";

/** Texts by option name, as the user wrote them. */
export type Texts = ReadonlyMap<string, readonly string[]>;

/** Texts by option name, each with the key under which it stood in somebody else's file. */
export type GivenTexts = ReadonlyMap<string, { readonly texts: readonly string[]; readonly key: string }>;

export interface Sources {
  readonly flags: Texts;
  /** The whole environment; names without the prefix are of no interest, but for NO_COLOR and TERM. */
  readonly env: Readonly<Record<string, string>>;
  readonly file?: { readonly path: string; readonly texts: Texts };
  /** Below all others: what a Kafka client's own file says. */
  readonly client?: { readonly path: string; readonly texts: GivenTexts };
  /** By the option's name: what the file held that a variable names. */
  readonly secrets?: ReadonlyMap<string, string>;
  /** Whether stderr is a terminal. */
  readonly terminal: boolean;
}

/** Texts of one option, and where they stood. */
interface Given {
  readonly texts: readonly string[];
  readonly exitCode: ExitCode;
  /** How the user wrote it, for an error. */
  readonly written: string;
}

/**
 * Variables that Kubernetes and Docker links put into the environment for a service named kafka2parquet; they are
 * nobody's mistake.
 */
const SERVICE_LINK = /^KAFKA2PARQUET_(SERVICE_(HOST|PORT).*|PORT(_\d+_(TCP|UDP|SCTP).*)?|NAME|ENV_.*)$/;

/** What {@link resolveConfig} is given ready: files have to be read for it. */
export interface Secured {
  readonly security: KafkaSecurity;
  readonly registrySecurity: RegistrySecurity;
}

const NOT_SECURED: Secured = { security: NO_KAFKA_SECURITY, registrySecurity: NO_REGISTRY_SECURITY };

/** The configuration of a run. Throws {@link UserError}: exit code 2 for a flag, 78 for environment or file. */
export function resolveConfig(sources: Sources, secured: Secured = NOT_SECURED): Config {
  checkEnvNames(sources.env);
  const value = <K extends OptionKey>(key: K) => valueOf(key, sources);
  const output = value("output");
  const logFormat = value("logFormat") ?? (sources.terminal ? "text" : "json");
  const config: Config = {
    brokers: value("brokers")!,
    registry: value("registry")!,
    security: secured.security,
    registrySecurity: secured.registrySecurity,
    topics: value("topics")!,
    group: value("group")!,
    output: output!,
    // Beside the data and never inside it: a reader's **/*.parquet must find committed data only.
    deadLetter: value("deadLetter") ?? normalize(join(output!, "..", "dead_letter")),
    rows: value("rows")!,
    bytes: value("bytes")!,
    ageMs: value("ageMs")!,
    fetchWaitMs: value("fetchWaitMs")!,
    compression: value("compression")!,
    from: value("from")!,
    untilEnd: value("untilEnd")!,
    onError: value("onError")!,
    onSinkError: value("onSinkError")!,
    onOutOfRange: value("onOutOfRange")!,
    separator: value("separator")!,
    include: value("include") ?? [],
    exclude: value("exclude") ?? [],
    workers: value("workers")!,
    maxMemoryBytes: value("maxMemoryBytes")!,
    shutdownTimeoutMs: value("shutdownTimeoutMs")!,
    startupTimeoutMs: value("startupTimeoutMs")!,
    sessionTimeoutMs: value("sessionTimeoutMs")!,
    metadataMaxAgeMs: value("metadataMaxAgeMs")!,
    logLevel: value("logLevel")!,
    logFormat,
    color: wantsColor(value("color")!, sources),
    // It is drawn with the control sequences that a dumb terminal lacks.
    statusLine: value("statusLine")! && logFormat === "text" && sources.terminal &&
      sources.env["TERM"] !== "dumb",
  };
  checkFolders(config, sources);
  return Object.freeze(config);
}

/** The path of the config file, which has to be known before the rest can be. */
export function configFilePath(sources: Omit<Sources, "file">): string | undefined {
  return valueOf("configFile", sources);
}

/** The path of a Kafka client's own file, which has to be known before the rest can be. */
export function clientConfigPath(sources: Sources): string | undefined {
  return valueOf("kafkaConfig", sources);
}

/** Whether logs are coloured: `auto` means on a terminal, unless NO_COLOR or a dumb terminal says otherwise. */
export function wantsColor(
  when: OptionValue<"color">,
  sources: Pick<Sources, "env" | "terminal">,
): boolean {
  if (when !== "auto") return when === "always";
  return sources.terminal && !sources.env["NO_COLOR"] && sources.env["TERM"] !== "dumb";
}

export function valueOf<K extends OptionKey>(key: K, sources: Omit<Sources, "file"> & Partial<Sources>) {
  return resolveOption<OptionValue<K>>(OPTIONS[key] as unknown as OptionSpec<OptionValue<K>>, sources);
}

/**
 * The value of one option: from the first source that has it, else its default. Throws {@link UserError}: exit code 2
 * for a flag, 78 for environment or file.
 */
export function resolveOption<T>(
  option: Pick<OptionSpec<T>, "name" | "default" | "secret" | "parse">,
  sources: Partial<Sources>,
): T | undefined {
  const given = find(option, sources);
  const texts = given?.texts ?? (option.default === undefined ? undefined : [option.default]);
  if (texts === undefined) return undefined;
  try {
    return option.parse(texts);
  } catch (error) {
    if (!(error instanceof InvalidValue) || given === undefined) throw error;
    throw new UserError(`${given.written} is ${error.message}`, {
      hint: error.hint,
      exitCode: given.exitCode,
    });
  }
}

function find(
  option: Pick<OptionSpec<unknown>, "name" | "secret">,
  sources: Partial<Sources>,
): Given | undefined {
  const { name } = option;
  const show = (texts: readonly string[], between: string) =>
    option.secret ? "***" : texts.map(quoted).join(between);
  const flag = sources.flags?.get(name);
  if (flag) return { texts: flag, exitCode: ExitCode.usage, written: `--${name} ${show(flag, " ")}` };
  const exitCode = ExitCode.config;
  // Compose files and manifests pass a variable that is not set as an empty one.
  const env = sources.env?.[envName(option)];
  if (env) return { texts: [env], exitCode, written: `${envName(option)}=${show([env], "")}` };
  const secret = sources.secrets?.get(name);
  if (secret !== undefined) {
    return { texts: [secret], exitCode, written: `What ${envName(option)}${FILE_SUFFIX} names` };
  }
  const texts = sources.file?.texts.get(name);
  if (texts) return { texts, exitCode, written: `${name} = ${show(texts, ", ")} in ${sources.file!.path}` };
  const client = sources.client?.texts.get(name);
  if (client === undefined) return undefined;
  return {
    texts: client.texts,
    exitCode,
    written: `${client.key} = ${show(client.texts, ", ")} in ${sources.client!.path}`,
  };
}

/**
 * The text in quotes, without what may be a password: whatever stands before the last @ of a text that looks like an
 * address, with or without a scheme. A password may hold any other character, so too much is hidden rather than a part.
 */
function quoted(text: string): string {
  // A key may stand where the path of its file could.
  if (text.includes("-----BEGIN")) return "***";
  const at = text.lastIndexOf("@");
  if (at < 0 || !text.includes(":")) return JSON.stringify(text);
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? "";
  return JSON.stringify(`${scheme}***${text.slice(at)}`);
}

/** Throws {@link UserError} for a variable with our prefix that no option has. */
export function checkEnvNames(env: Readonly<Record<string, string>>): void {
  const known = [
    ...ALL_OPTIONS.map(envName),
    ...ALL_OPTIONS.filter(({ secret }) => secret).map((option) => envName(option) + FILE_SUFFIX),
  ];
  for (const name of Object.keys(env)) {
    if (!name.startsWith(ENV_PREFIX) || known.includes(name) || SERVICE_LINK.test(name)) continue;
    const meant = nearest(name.slice(ENV_PREFIX.length), known.map((one) => one.slice(ENV_PREFIX.length)));
    throw new UserError(`Unknown environment variable ${name}`, {
      hint: meant
        ? `Did you mean ${ENV_PREFIX}${meant}?`
        : "See kafka2parquet --help for the variables that there are.",
      exitCode: ExitCode.config,
    });
  }
}

function checkFolders(config: Config, sources: Sources): void {
  const within = (inner: string, outer: string) => {
    const path = relative(resolve(outer), resolve(inner));
    return path !== ".." && !path.startsWith("../") && !isAbsolute(path);
  };
  if (!within(config.deadLetter, config.output) && !within(config.output, config.deadLetter)) return;
  const flagged = sources.flags.has(OPTIONS.deadLetter.name) || sources.flags.has(OPTIONS.output.name);
  throw new UserError(
    `The dead-letter folder ${quoted(config.deadLetter)} and the output folder ${
      quoted(config.output)
    } overlap`,
    {
      hint:
        "Choose two folders of which neither holds the other: a reader of one must not find files of the other.",
      exitCode: flagged ? ExitCode.usage : ExitCode.config,
    },
  );
}
