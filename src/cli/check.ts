/** `kafka2parquet check`: whether archiving would work, a line each for people, or JSON for scripts. */
import type { CheckName, Finding } from "../check/mod.ts";
import type { Config } from "../config.ts";
import { ExitCode, UserError } from "../errors.ts";
import { configureLogging, showStatus } from "../log.ts";
import { hideSecrets, redact } from "../secrets.ts";
import { JSON_OPTION } from "./commands.ts";
import { OPTIONS } from "./options.ts";
import { Output, OutputClosed } from "./output.ts";
import { originOf, resolveConfig, resolveOption, type Sources, type Texts, wantsColor } from "./resolve.ts";
import { resolveSecurity, risksOf, secretsIn } from "./security.ts";
import { readSources } from "./sources.ts";
import { cleanLine } from "./table.ts";
import { toJson } from "./text.ts";
import { withoutPassword } from "../words.ts";

/** A person waits for the answer; a service that starts along with its servers may wait longer. */
const TIMEOUT_DEFAULT = "10s";

/** Where a finding goes. */
interface Teller {
  tell(finding: Finding): void;
  end(exitCode: ExitCode): void;
}

/** Tells of each check as it ends. Throws {@link UserError} for misuse only. */
export async function check(flags: Texts): Promise<ExitCode> {
  const isJson = resolveOption(JSON_OPTION, { flags })!;
  const env = Deno.env.toObject();
  const output = new Output((bytes) => Deno.stdout.writeSync(bytes));
  const teller = isJson ? jsonTeller(output) : lineTeller(output, env);
  const exitCodes: ExitCode[] = [];
  const room = await import("../check/mod.ts");
  const tell = (finding: Finding) => {
    if (finding.exitCode !== undefined) exitCodes.push(finding.exitCode);
    showStatus("");
    teller.tell(finding);
  };
  try {
    const config = await checkConfig(flags, room, tell);
    if (config === undefined) {
      for (const name of room.CHECKS.slice(1)) tell(room.notChecked(name, "config failed"));
    } else {
      const options = Deno.stderr.isTerminal() && env["TERM"] !== "dumb"
        ? { onStart: (name: CheckName) => showStatus(`checking: ${name}`) }
        : {};
      for await (const finding of room.check(config, options)) tell(finding);
    }
    teller.end(room.worst(exitCodes));
  } catch (error) {
    // Whoever read our output has seen enough.
    if (!(error instanceof OutputClosed)) throw error;
  } finally {
    showStatus("");
  }
  return room.worst(exitCodes);
}

/** @returns undefined where it cannot work, which is told. Throws {@link UserError} for misuse. */
async function checkConfig(
  flags: Texts,
  { Notes }: typeof import("../check/mod.ts"),
  tell: (finding: Finding) => void,
): Promise<Config | undefined> {
  const notes = new Notes("config", ExitCode.config);
  let config: Config | undefined;
  try {
    config = await readConfig(flags, notes);
  } catch (error) {
    if (error instanceof UserError && error.exitCode === ExitCode.usage) throw error;
    notes.fail(error);
  }
  tell(notes.finding);
  return config;
}

async function readConfig(
  flags: Texts,
  notes: InstanceType<typeof import("../check/mod.ts").Notes>,
): Promise<Config> {
  const { sources, unknownKeys } = await readSources(flags);
  const config = resolveConfig(sources, await resolveSecurity(sources));
  hideSecrets(secretsIn(config, config.registry));
  // What is waited for and why is told by the findings.
  const level = config.logLevel === "debug" ? "debug" : "error";
  configureLogging({ level, format: config.logFormat, color: config.color });
  notes.say(`brokers ${config.brokers.join(",")} (${originOf("brokers", sources)})`);
  notes.say(`registry ${config.registry.map(withoutPassword).join(",")} (${originOf("registry", sources)})`);
  if (unknownKeys.length > 0) {
    notes.warn(
      `unknown keys in ${sources.client!.path}: ${unknownKeys.join(", ")}`,
      "They have no effect: are they misspelt?",
    );
  }
  for (const risk of risksOf(config, config.registry)) notes.warn(risk);
  return { ...config, startupTimeoutMs: timeoutOf(sources) };
}

function timeoutOf(sources: Sources): number {
  return resolveOption({ ...OPTIONS.startupTimeoutMs, default: TIMEOUT_DEFAULT }, sources)!;
}

function jsonTeller(output: Output): Teller {
  const write = (line: Parameters<typeof toJson>[0]) => {
    output.write(`${redact(toJson(line))}\n`);
    output.flush();
  };
  return {
    tell: ({ check, state, what, hint }) =>
      write({ check, ok: state === "ok" || state === "warning", state, what, hint }),
    end: (exit) => write({ ok: exit === ExitCode.ok, exit }),
  };
}

interface Mark {
  readonly sign: string;
  /** Where the terminal cannot show the sign. */
  readonly word: string;
  /** Of ANSI terminals. */
  readonly color: number;
}

const MARKS: Readonly<Record<Finding["state"], Mark>> = {
  "ok": { sign: "✓", word: "ok", color: 32 },
  "warning": { sign: "!", word: "warning", color: 33 },
  "failed": { sign: "✗", word: "FAILED", color: 31 },
  "not checked": { sign: "-", word: "-", color: 2 },
};

function lineTeller(output: Output, env: Readonly<Record<string, string>>): Teller {
  const isPlain = !knowsSigns(env);
  const isColored = wantsColor("auto", { env, terminal: Deno.stdout.isTerminal() });
  return {
    tell({ check, state, parts, ...whole }) {
      const { sign, word, color } = MARKS[state];
      const mark = isPlain ? word : sign;
      const lines = (parts ?? [whole]).flatMap(({ what, hint }) => [
        `${isColored ? `\x1b[${color}m${mark}\x1b[0m` : mark} ${check}: ${
          state === "not checked" ? `not checked (${clean(what)})` : clean(what)
        }`,
        ...(hint === undefined ? [] : [`  hint: ${clean(hint)}`]),
      ]);
      output.lines(lines);
      output.flush();
    },
    end: () => {},
  };
}

function clean(text: string): string {
  return redact(cleanLine(text));
}

/** A locale that is set and is not UTF-8 is taken at its word; services have none, and their logs take everything. */
function knowsSigns(env: Readonly<Record<string, string>>): boolean {
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "";
  return env["TERM"] !== "dumb" && (locale === "" || /utf-?8/i.test(locale));
}
