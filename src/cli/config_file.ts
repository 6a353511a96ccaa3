/** The config file: flat TOML whose keys are the flags' names. */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { ALL_OPTIONS, type OptionSpec } from "./options.ts";
import type { Texts } from "./resolve.ts";

/** A config file is a page of text; what is larger is some other file. */
const CONFIG_FILE_BYTES_MAX = 1 << 20;

/** Reads the file at `path`. Throws {@link UserError} with exit code 78. */
export async function readConfigFile(path: string): Promise<Texts> {
  let text: string;
  try {
    const { size } = await Deno.stat(path);
    if (size > CONFIG_FILE_BYTES_MAX) throw new Error(`it has ${size} bytes, more than any configuration`);
    text = await Deno.readTextFile(path);
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    throw new UserError(
      `Cannot read the config file ${path}: ${missing ? "no such file" : messageOf(error)}`,
      {
        hint: "Give the path of a TOML file to --config or KAFKA2PARQUET_CONFIG.",
        exitCode: ExitCode.config,
        cause: error,
      },
    );
  }
  return await parseConfigFile(text, path);
}

/** The texts in a config file's `text`; `path` is for errors. */
export async function parseConfigFile(text: string, path: string): Promise<Texts> {
  // Loaded here, because most runs have no config file.
  const { parse, TomlError } = await import("smol-toml");
  let table: Record<string, unknown>;
  try {
    table = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new UserError(`${path}:${error.line}:${error.column} is not TOML: ${firstLine(error.message)}`, {
      hint: `Write one key = value a line, for instance: topic = ["orders", "payments"]`,
      exitCode: ExitCode.config,
      cause: error,
    });
  }
  const texts = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries(table)) {
    const option = ALL_OPTIONS.find(({ name }) => name === key);
    // A config file that names another would have to say which of the two wins.
    if (!option || option.name === "config") throw unknownKey(key, value, path);
    texts.set(key, textsOf(value, { option, path }));
  }
  return texts;
}

function unknownKey(key: string, value: unknown, path: string): UserError {
  const isTable = typeof value === "object" && !Array.isArray(value) && !(value instanceof Date);
  const names = ALL_OPTIONS.map(({ name }) => name).filter((name) => name !== "config");
  const meant = isTable ? undefined : nearest(key, names);
  return new UserError(`Unknown key ${JSON.stringify(key)} in ${path}`, {
    hint: meant
      ? `Did you mean ${meant}?`
      : "Keys are the flags' names without dashes before them; tables are not used.",
    exitCode: ExitCode.config,
  });
}

function textsOf(
  value: unknown,
  { option, path }: { option: OptionSpec<unknown>; path: string },
): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) && option.repeatable ? value : [value];
  return values.map((one) => {
    if (typeof one === "string" || typeof one === "number" || typeof one === "boolean") return String(one);
    throw new UserError(`${option.name} in ${path} is neither a text, a number, true nor false`, {
      hint: `Write it as with the flag: ${option.name} = ${JSON.stringify(option.default ?? "…")}`,
      exitCode: ExitCode.config,
    });
  });
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!;
}
