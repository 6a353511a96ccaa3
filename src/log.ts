/**
 * Logs and last words, all on stderr through one writer in the main thread. Rooms log with LogTape's
 * `getLogger(["kafka2parquet", "<room>"])`; in a worker the records are posted to the main thread.
 */
import {
  configureSync,
  getAnsiColorFormatter,
  getJsonLinesFormatter,
  getTextFormatter,
  type LogRecord,
  resetSync,
  type TextFormatter,
  type TextFormatterOptions,
} from "@logtape/logtape";

import type { LogLevel } from "./config.ts";
import { ExitCode, messageOf, UserError } from "./errors.ts";
import { Repeats } from "./log_repeats.ts";
import { redact } from "./secrets.ts";

export interface LoggingOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  readonly color: boolean;
  /** Where text goes; stderr unless a test listens. */
  readonly write?: (text: string) => void;
  /** Columns of the terminal; those of stderr unless a test knows better. */
  readonly columns?: () => number;
  readonly nowMs?: () => number;
}

/** How often it is looked whether repeated records are due. */
const REPEATS_CHECK_MS = 1_000;
/** Deeper values are cut in what a worker posts. */
const PLAIN_DEPTH_MAX = 6;
/** The property that names the worker where there are several. */
const WORKER = "worker";
/** Where the terminal does not tell its width. */
const COLUMNS_DEFAULT = 80;
const ERASE_TO_END_OF_LINE = "\x1b[K";

class Output {
  readonly options: LoggingOptions;
  readonly #format: TextFormatter;
  readonly #repeats = new Repeats();
  readonly #write: (text: string) => void;
  readonly #columns: () => number;
  readonly #nowMs: () => number;
  readonly #timer: ReturnType<typeof setInterval>;
  /** What stands in the terminal's last line, without a line end. */
  #status = "";

  constructor(options: LoggingOptions) {
    this.options = options;
    this.#format = formatterOf(options);
    const write = options.write ?? writeStderr;
    this.#write = (text) => write(redact(text));
    this.#columns = options.columns ?? terminalColumns;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#timer = setInterval(() => this.#print(this.#repeats.due(this.#nowMs())), REPEATS_CHECK_MS);
    // Repeats that are held back must not keep the program alive.
    this.#timer.unref();
  }

  record(record: LogRecord): void {
    this.#print(this.#repeats.accept(record, this.#nowMs()));
  }

  /** Past the gathering of repeats. */
  print(record: LogRecord): void {
    this.#print([record]);
  }

  flush(): void {
    this.#print(this.#repeats.flush(this.#nowMs()));
  }

  /** Writes whole lines, above the status line. */
  lines(text: string): void {
    if (text === "") return;
    // In one piece with what is drawn again, so that the status line does not flicker.
    this.#write(this.#status === "" ? text : `\r${ERASE_TO_END_OF_LINE}${text}${this.#status}`);
  }

  status(line: string): void {
    // A character in the last column would make some terminals wrap.
    const status = line.slice(0, Math.max(0, this.#columns() - 1));
    if (status === this.#status) return;
    this.#status = status;
    this.#write(`\r${status}${ERASE_TO_END_OF_LINE}`);
  }

  close(): void {
    clearInterval(this.#timer);
    this.flush();
    this.status("");
  }

  #print(records: readonly LogRecord[]): void {
    this.lines(records.map((record) => this.#format(record)).join(""));
  }
}

let output: Output | undefined;

/** Sets up logging in the main thread. A second call replaces the first. */
export function configureLogging(options: LoggingOptions): void {
  closeLogging();
  output = new Output(options);
  configureSink(options.level, (record) => output?.record(record));
}

/** Writes what is held back of repeated records, so that a summary can follow. */
export function flushLogging(): void {
  output?.flush();
}

/** Writes what is held back, and ends logging. */
export function closeLogging(): void {
  if (output === undefined) return;
  output.close();
  output = undefined;
  resetSync();
}

/**
 * Sets up logging in a worker: each record goes to `post` as a value that can be cloned. LogTape's own console
 * sink would write to stdout there.
 */
export function configureWorkerLogging(level: LogLevel, post: (record: LogRecord) => void): void {
  configureSink(level, (record) => post(plainRecord(record)));
}

/** Writes a record that a worker posted; `worker` names it where there are several. */
export function logRecord(record: LogRecord, worker?: number): void {
  output?.record(
    worker === undefined ? record : { ...record, properties: { ...record.properties, [WORKER]: worker } },
  );
}

/**
 * Shows `line`, plain ASCII without control characters, under the log, cut to the terminal's width; log lines are
 * written above it. An empty one takes it away. Only for terminals.
 */
export function showStatus(line: string): void {
  output?.status(line);
}

/**
 * Says what went wrong, as the last words of the program, and gives its exit code. The stack is shown only where
 * debugging, and where the error is a fault of the program and nobody knows yet how to ask for the stack.
 */
export function reportError(error: unknown): ExitCode {
  const exitCode = error instanceof UserError ? error.exitCode : ExitCode.failure;
  const hint = error instanceof UserError
    ? error.hint
    : "Run it again with --log-level debug to see where it failed.";
  const debug = output?.options.level === "debug";
  const stack = debug && error instanceof Error ? error.stack : undefined;
  if (output?.options.format === "json") {
    output.print({
      category: ["kafka2parquet"],
      level: "error",
      message: [messageOf(error)],
      rawMessage: messageOf(error),
      timestamp: Date.now(),
      properties: { exitCode, ...(hint && { hint }), ...(stack && { stack }) },
    });
  } else {
    const write = (text: string) => output === undefined ? writeStderr(text) : output.lines(text);
    const color = output?.options.color ?? (Deno.stderr.isTerminal() && !Deno.env.get("NO_COLOR"));
    const paint = (code: number, text: string) => color ? `\x1b[1;${code}m${text}\x1b[0m` : text;
    write(`${paint(31, "error:")} ${clean(messageOf(error))}\n`);
    if (hint) write(`${paint(36, "hint:")} ${clean(hint)}\n`);
    if (stack) write(`${clean(stack)}\n`);
  }
  return exitCode;
}

function configureSink(level: LogLevel, sink: (record: LogRecord) => void): void {
  configureSync({
    reset: true,
    sinks: { main: sink },
    loggers: [
      { category: ["kafka2parquet"], sinks: ["main"], lowestLevel: level },
      { category: ["logtape", "meta"], sinks: ["main"], lowestLevel: "warning" },
    ],
  });
}

function formatterOf({ format, color }: LoggingOptions): TextFormatter {
  if (format === "json") {
    const json = getJsonLinesFormatter();
    return (record) => json({ ...record, message: [messageText(record)] });
  }
  const options: TextFormatterOptions = {
    // A person at a terminal has the day at hand; a file is read later and elsewhere.
    ...(Deno.stderr.isTerminal() ? { timestamp: "time", timeZone: null } : { timestamp: "rfc3339" }),
    level: (level) => level.padEnd("warning".length),
    format: ({ timestamp, level, message }) => `${timestamp} ${level} ${message}`,
  };
  const line = color ? getAnsiColorFormatter(options) : getTextFormatter(options);
  return (record) => line({ ...record, message: [workerPrefix(record) + messageText(record)] });
}

function workerPrefix({ properties }: LogRecord): string {
  return typeof properties[WORKER] === "number" ? `worker ${properties[WORKER]}: ` : "";
}

/** The message with its values filled in: on one line but for line ends that the template itself has. */
function messageText({ message }: LogRecord): string {
  return message.map((part, i) => i % 2 === 0 ? clean(String(part)) : valueText(part)).join("");
}

function valueText(value: unknown): string {
  if (typeof value === "string") return escapeControls(value);
  if (value instanceof Error) return escapeControls(errorText(value));
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  if (typeof value === "object" && value !== null) {
    return escapeControls(Deno.inspect(value, { compact: true }));
  }
  return escapeControls(String(value));
}

/** The error's message and those of its causes. */
function errorText(error: Error): string {
  const cause = error.cause instanceof Error ? `: ${errorText(error.cause)}` : "";
  return error.message + cause;
}

/** Text of several lines, indented under the first and free of other control characters. */
function clean(text: string): string {
  return text.split("\n").map(escapeControls).join("\n    ");
}

/** Data must not move the reader's cursor, forge a line or change a colour. */
function escapeControls(text: string): string {
  // deno-lint-ignore no-control-regex -- finding control characters is the purpose
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (control) => {
    const code = control.charCodeAt(0);
    if (control === "\n") return "\\n";
    if (control === "\t") return "\\t";
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}

/** A copy of the record without what cannot be posted: functions, class instances, what lies too deep. */
function plainRecord(record: LogRecord): LogRecord {
  const { category, level, rawMessage, timestamp } = record;
  return {
    category,
    level,
    timestamp,
    rawMessage: typeof rawMessage === "string" ? rawMessage : rawMessage.join("{}"),
    message: record.message.map((part) => plain(part, 0)),
    properties: plain({ ...record.properties }, 0) as Record<string, unknown>,
  };
}

function plain(value: unknown, depth: number): unknown {
  if (value instanceof Error) {
    const copy = new Error(
      redact(value.message),
      value.cause instanceof Error ? { cause: plain(value.cause, depth + 1) } : {},
    );
    if (value.stack !== undefined) copy.stack = redact(value.stack);
    return copy;
  }
  // What only this thread knows to be secret, such as a token, must not leave it.
  if (typeof value === "string") return redact(value);
  if (typeof value === "function" || typeof value === "symbol") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= PLAIN_DEPTH_MAX) return "…";
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  if (Object.getPrototypeOf(value) !== Object.prototype) return Deno.inspect(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, depth + 1)]));
}

function terminalColumns(): number {
  try {
    return Deno.consoleSize().columns || COLUMNS_DEFAULT;
  } catch {
    return COLUMNS_DEFAULT;
  }
}

function writeStderr(text: string): void {
  let bytes = new TextEncoder().encode(redact(text));
  try {
    while (bytes.length > 0) bytes = bytes.subarray(Deno.stderr.writeSync(bytes));
  } catch {
    // Nobody reads any more (a closed pipe, a full disk): the archive matters more than its log.
  }
}
