/**
 * The one table of options: flags, environment variables, config-file keys, help, defaults and the README's
 * table all come from it.
 */
import { COMPRESSIONS, LOG_LEVELS } from "../config.ts";
import { MECHANISMS, PROTOCOLS } from "../security.ts";
import { parseMetadata } from "./metadata.ts";
import {
  parseBoolean,
  parseBroker,
  parseChoice,
  parseCount,
  parseDurationMs,
  parseExtensions,
  parseFolder,
  parseHttpAddress,
  parseList,
  parseMaxErrors,
  parseRegistryUrl,
  parseSizeBytes,
  parseStart,
  parseText,
  parseTokenUrl,
  parseTopic,
  parseTopics,
} from "./values.ts";

export const ENV_PREFIX = "KAFKA2PARQUET_";

export const GROUPS = ["Kafka", "Security", "Files", "Errors", "Running"] as const;

/** One option, whose values are of type `T`. */
export interface OptionSpec<T> {
  /** The flag without its dashes, and the key in a config file. */
  readonly name: string;
  readonly group: typeof GROUPS[number];
  /** What stands for the value in help; absent for a switch. */
  readonly placeholder?: string;
  /** One sentence without its full stop. */
  readonly what: string;
  /** The default as a user would write it; absent where it follows from something else. */
  readonly default?: string;
  /** What the default is, in words, where `default` is absent. */
  readonly defaultInWords?: string;
  /** The flag may be repeated; a config file may hold an array. */
  readonly repeatable?: true;
  /** Environment and config file only: too rarely needed to be a flag. */
  readonly hidden?: true;
  /**
   * Shown nowhere, and never a flag, which anybody on the host could read: the variable, a file that the variable with
   * `_FILE` behind its name names, or the config file.
   */
  readonly secret?: true;
  /** From texts (several only where repeatable) to the value; throws InvalidValue. */
  readonly parse: (texts: readonly string[]) => T;
}

/** Infers `T`. */
function option<T>(spec: OptionSpec<T>): OptionSpec<T> {
  return spec;
}

/** A parser of one text as a parser of the last text given. */
export function one<T>(parse: (text: string) => T): (texts: readonly string[]) => T {
  return (texts) => parse(texts.at(-1) ?? "");
}

function hiddenText<T>(
  name: string,
  placeholder: string,
  what: string,
  parse: (text: string) => T,
): OptionSpec<T> {
  return {
    name,
    group: "Security",
    placeholder,
    what,
    defaultInWords: "none",
    hidden: true,
    parse: one(parse),
  };
}

function secret(name: string, what: string): OptionSpec<string> {
  return { ...hiddenText(name, "SECRET", what, parseText), secret: true };
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A column's string offsets are 32-bit, and one file is encoded in memory. */
const FILE_BYTES_MAX = 2 ** 30;
const FILE_ROWS_MAX = 100_000_000;
/** Below this a fetch is too small to be worth its round trip. */
const MEMORY_BYTES_MIN = 64 * 2 ** 20;
/** Each has columns, an encoder and connections of its own; more cores than this want more hosts. */
const WORKERS_MAX = 64;

export const OPTIONS = {
  brokers: option({
    name: "brokers",
    group: "Kafka",
    placeholder: "HOST:PORT",
    what: "Kafka brokers to start from, separated by commas",
    default: "kafka:9092",
    repeatable: true,
    parse: (texts) => parseList(texts).map(parseBroker),
  }),
  registry: option({
    name: "registry",
    group: "Kafka",
    placeholder: "URL",
    what: "Schema registry; several URLs of one registry separated by commas",
    default: "http://schema-registry:8081",
    repeatable: true,
    parse: (texts) => parseList(texts).map(parseRegistryUrl),
  }),
  topics: option({
    name: "topic",
    group: "Kafka",
    placeholder: "NAME",
    what: "Topics to archive, repeated or separated by commas; /regex/ for all that match, new ones included",
    default: "customer_events",
    repeatable: true,
    parse: (texts) => parseTopics(texts).map(parseTopic),
  }),
  group: option({
    name: "group",
    group: "Kafka",
    placeholder: "ID",
    what: "Consumer group, shared by all replicas",
    default: "4",
    parse: one(parseText),
  }),
  from: option({
    name: "from",
    group: "Kafka",
    placeholder: "WHERE",
    what:
      "Where a group without committed offsets starts: earliest, latest, a time, or files: where the archive ends",
    default: "earliest",
    parse: one(parseStart),
  }),
  onOutOfRange: option({
    name: "on-out-of-range",
    group: "Errors",
    placeholder: "ACTION",
    what:
      "What to do where Kafka has deleted what was to be read next: stop, or go on from earliest or latest",
    default: "stop",
    parse: one((text) => parseChoice(text, ["stop", "earliest", "latest"] as const)),
  }),
  fetchWaitMs: option({
    name: "fetch-wait",
    group: "Kafka",
    placeholder: "DURATION",
    what: "How long a broker may hold a fetch that has no data",
    default: "1s",
    hidden: true,
    parse: one((text) => parseDurationMs(text, { min: 1, max: 20 * SECOND_MS })),
  }),
  sessionTimeoutMs: option({
    name: "session-timeout",
    group: "Kafka",
    placeholder: "DURATION",
    what: "Silence after which Kafka takes a member for dead",
    default: "45s",
    hidden: true,
    parse: one((text) => parseDurationMs(text, { min: SECOND_MS, max: 30 * MINUTE_MS })),
  }),
  metadataMaxAgeMs: option({
    name: "metadata-max-age",
    group: "Kafka",
    placeholder: "DURATION",
    what: "How often new partitions, and new topics of a /regex/, are looked for",
    default: "30s",
    hidden: true,
    parse: one((text) => parseDurationMs(text, { min: SECOND_MS, max: DAY_MS })),
  }),
  kafkaConfig: option({
    name: "kafka-config",
    group: "Security",
    placeholder: "FILE",
    what:
      "client.properties of a Java client or librdkafka: brokers, protocol and credentials are taken from it",
    defaultInWords: "no file",
    parse: one(parseText),
  }),
  securityProtocol: option({
    name: "security-protocol",
    group: "Security",
    placeholder: "PROTOCOL",
    what: `How to talk to the brokers: ${PROTOCOLS.join(", ")}`,
    defaultInWords:
      "by what else is given: with SASL sasl_ssl, with certificates or tls-insecure ssl, else plaintext",
    parse: one((text) => parseChoice(text, PROTOCOLS)),
  }),
  saslMechanism: option({
    name: "sasl-mechanism",
    group: "Security",
    placeholder: "MECHANISM",
    what: `How to log in to the brokers: ${MECHANISMS.join(", ")}`,
    defaultInWords: "none",
    parse: one((text) => parseChoice(text, MECHANISMS)),
  }),
  saslUsername: option({
    name: "sasl-username",
    group: "Security",
    placeholder: "NAME",
    what: "User name, or API key, for the brokers",
    defaultInWords: "none",
    parse: one(parseText),
  }),
  saslPassword: secret("sasl-password", "Password, or API secret, for the brokers"),
  tlsCa: option({
    name: "tls-ca",
    group: "Security",
    placeholder: "FILE",
    what: "PEM file of the authorities to trust, for brokers and an https registry",
    defaultInWords: "public authorities",
    parse: one(parseText),
  }),
  tlsCert: option({
    name: "tls-cert",
    group: "Security",
    placeholder: "FILE",
    what: "PEM file of the certificate to show, for brokers and an https registry",
    defaultInWords: "none",
    parse: one(parseText),
  }),
  tlsKey: option({
    name: "tls-key",
    group: "Security",
    placeholder: "FILE",
    what: "PEM file of that certificate's key",
    defaultInWords: "the file of --tls-cert",
    parse: one(parseText),
  }),
  tlsKeyPassword: secret("tls-key-password", "Password of an encrypted key"),
  tlsInsecure: option({
    name: "tls-insecure",
    group: "Security",
    what: "Check no certificate at all: anybody on the way can listen and lie",
    default: "false",
    parse: one(parseBoolean),
  }),
  tlsCheckName: option({
    name: "tls-check-name",
    group: "Security",
    what: "Whether a server's certificate must be for the name that was called",
    default: "true",
    hidden: true,
    parse: one(parseBoolean),
  }),
  oauthTokenUrl: hiddenText(
    "oauth-token-url",
    "URL",
    "Where tokens come from, for oauthbearer",
    parseTokenUrl,
  ),
  oauthClientId: hiddenText("oauth-client-id", "ID", "Client id for tokens", parseText),
  oauthClientSecret: secret("oauth-client-secret", "Client secret for tokens"),
  oauthScope: hiddenText("oauth-scope", "TEXT", "Scope to ask for", parseText),
  oauthExtensions: option({
    name: "oauth-extensions",
    group: "Security",
    placeholder: "NAME=TEXT",
    what: "SASL extensions of oauthbearer, such as logicalCluster=lkc-1, separated by commas",
    defaultInWords: "none",
    hidden: true,
    parse: one(parseExtensions),
  }),
  oauthCa: hiddenText(
    "oauth-ca",
    "FILE",
    "PEM file of the authorities to trust where tokens come from",
    parseText,
  ),
  registryUsername: option({
    name: "registry-username",
    group: "Security",
    placeholder: "NAME",
    what: "User name, or API key, for the registry",
    defaultInWords: "none",
    parse: one(parseText),
  }),
  registryPassword: secret("registry-password", "Password, or API secret, for the registry"),
  registryToken: secret(
    "registry-token",
    "Bearer token for the registry, in place of user name and password",
  ),
  registryCa: hiddenText("registry-ca", "FILE", "As tls-ca, for the registry only", parseText),
  registryCert: hiddenText("registry-cert", "FILE", "As tls-cert, for the registry only", parseText),
  registryKey: hiddenText("registry-key", "FILE", "As tls-key, for the registry only", parseText),
  registryKeyPassword: secret("registry-key-password", "As tls-key-password, for the registry only"),
  output: option({
    name: "output",
    group: "Files",
    placeholder: "DIR",
    what: "Folder of the Parquet files",
    default: "parquet_data/data",
    parse: one(parseFolder),
  }),
  rows: option({
    name: "rows",
    group: "Files",
    placeholder: "COUNT",
    what: "Rows at which a file is closed",
    default: "1200",
    parse: one((text) => parseCount(text, { min: 1, max: FILE_ROWS_MAX })),
  }),
  bytes: option({
    name: "bytes",
    group: "Files",
    placeholder: "SIZE",
    what: "Bytes in memory at which a file is closed",
    default: "128MiB",
    parse: one((text) => parseSizeBytes(text, { min: 2 ** 10, max: FILE_BYTES_MAX })),
  }),
  ageMs: option({
    name: "age",
    group: "Files",
    placeholder: "DURATION",
    what: "Age of its first row at which a file is closed",
    default: "60s",
    parse: one((text) => parseDurationMs(text, { min: 100, max: 7 * DAY_MS })),
  }),
  compression: option({
    name: "compression",
    group: "Files",
    placeholder: "CODEC",
    what: `Compression of the files: ${COMPRESSIONS.join(", ")}`,
    default: "snappy",
    parse: one((text) => parseChoice(text, COMPRESSIONS)),
  }),
  separator: option({
    name: "separator",
    group: "Files",
    placeholder: "TEXT",
    what: "Between the names of nested fields in a column's name",
    default: ".",
    parse: one(parseText),
  }),
  metadata: option({
    name: "metadata",
    group: "Files",
    placeholder: "LIST",
    what: "Kafka columns: all, or topic, partition, offset, timestamp, key (key:string, key:avro), headers",
    default: "none",
    repeatable: true,
    parse: parseMetadata,
  }),
  include: option({
    name: "include",
    group: "Files",
    placeholder: "GLOB",
    what: "Columns to archive, repeated or separated by commas; * is any text: customer.*",
    defaultInWords: "all",
    repeatable: true,
    parse: parseList,
  }),
  exclude: option({
    name: "exclude",
    group: "Files",
    placeholder: "GLOB",
    what: "Columns to leave out, whatever is included: they are stepped over and reach no data file",
    defaultInWords: "none",
    repeatable: true,
    parse: parseList,
  }),
  onError: option({
    name: "on-error",
    group: "Errors",
    placeholder: "ACTION",
    what: "What becomes of a record that cannot be decoded: dead-letter, skip or stop",
    default: "dead-letter",
    parse: one((text) => parseChoice(text, ["dead-letter", "skip", "stop"] as const)),
  }),
  maxErrors: option({
    name: "max-errors",
    group: "Errors",
    placeholder: "N|N%",
    what: "Bad records of a topic above which to stop: so many since the start, or a share of the last 1000",
    defaultInWords: "any number",
    parse: one(parseMaxErrors),
  }),
  onSinkError: option({
    name: "on-sink-error",
    group: "Errors",
    placeholder: "ACTION",
    what: "What to do where files cannot be written: retry until they can, or stop",
    default: "retry",
    hidden: true,
    parse: one((text) => parseChoice(text, ["retry", "stop"] as const)),
  }),
  deadLetter: option({
    name: "dead-letter",
    group: "Errors",
    placeholder: "DIR",
    what: "Folder of the dead-letter files",
    defaultInWords: "dead_letter beside the output folder",
    parse: one(parseFolder),
  }),
  workers: option({
    name: "workers",
    group: "Running",
    placeholder: "COUNT",
    what: "Threads that share the work: up to one a core, and one a partition",
    default: "1",
    parse: one((text) => parseCount(text, { min: 1, max: WORKERS_MAX })),
  }),
  maxMemoryBytes: option({
    name: "max-memory",
    group: "Running",
    placeholder: "SIZE",
    what: "Memory for records on their way, all workers together; files are closed early to keep it",
    default: "2GiB",
    parse: one((text) => parseSizeBytes(text, { min: MEMORY_BYTES_MIN, max: 2 ** 40 })),
  }),
  http: option({
    name: "http",
    group: "Running",
    placeholder: "ADDRESS",
    what:
      "Where to serve /livez, /readyz, /metrics and a status page: HOST:PORT, :PORT for other hosts, too, or off",
    default: "127.0.0.1:8080",
    parse: one(parseHttpAddress),
  }),
  untilEnd: option({
    name: "until-end",
    group: "Running",
    what: "Archive up to the end as it is at start, then exit; exit code 3 if there were dead letters",
    default: "false",
    parse: one(parseBoolean),
  }),
  startupTimeoutMs: option({
    name: "startup-timeout",
    group: "Running",
    placeholder: "DURATION",
    what: "How long brokers and registry are waited for at start",
    default: "60s",
    hidden: true,
    parse: one((text) => parseDurationMs(text, { min: 100, max: DAY_MS })),
  }),
  shutdownTimeoutMs: option({
    name: "shutdown-timeout",
    group: "Running",
    placeholder: "DURATION",
    what: "How long saving may take after Ctrl-C or SIGTERM",
    default: "60s",
    hidden: true,
    parse: one((text) => parseDurationMs(text, { min: 100, max: HOUR_MS })),
  }),
  configFile: option({
    name: "config",
    group: "Running",
    placeholder: "FILE",
    what: "TOML file of options; its keys are the flags' names",
    defaultInWords: "no file",
    parse: one(parseText),
  }),
  logLevel: option({
    name: "log-level",
    group: "Running",
    placeholder: "LEVEL",
    what: `Least level to log: ${LOG_LEVELS.join(", ")}`,
    default: "info",
    parse: one((text) => parseChoice(text, LOG_LEVELS)),
  }),
  logFormat: option({
    name: "log-format",
    group: "Running",
    placeholder: "FORMAT",
    what: "How to log: text or json",
    defaultInWords: "text on a terminal, else json",
    parse: one((text) => parseChoice(text, ["text", "json"] as const)),
  }),
  color: option({
    name: "color",
    group: "Running",
    placeholder: "WHEN",
    what: "Coloured logs: auto, always or never; auto also respects NO_COLOR",
    default: "auto",
    hidden: true,
    parse: one((text) => parseChoice(text, ["auto", "always", "never"] as const)),
  }),
  statusLine: option({
    name: "status-line",
    group: "Running",
    what: "Live figures under the log, on a terminal and with text logs",
    default: "true",
    hidden: true,
    parse: one(parseBoolean),
  }),
} as const;

export type OptionKey = keyof typeof OPTIONS;
export type OptionValue<K extends OptionKey> = ReturnType<typeof OPTIONS[K]["parse"]>;

/** All options in the table's order, without the types of their values. */
export const ALL_OPTIONS: readonly OptionSpec<unknown>[] = Object.values(OPTIONS);

/** `fetch-wait` as `KAFKA2PARQUET_FETCH_WAIT`. */
export function envName(option: Pick<OptionSpec<unknown>, "name">): string {
  return ENV_PREFIX + option.name.toUpperCase().replaceAll("-", "_");
}

/** Behind the variable of a secret: the variable of a file that holds it. */
export const FILE_SUFFIX = "_FILE";

/** The default in words, for help and tables. */
export function defaultText(
  option: Pick<OptionSpec<unknown>, "placeholder" | "default" | "defaultInWords">,
): string {
  if (option.placeholder === undefined) return option.default === "true" ? "on" : "off";
  return option.default ?? option.defaultInWords ?? "";
}
