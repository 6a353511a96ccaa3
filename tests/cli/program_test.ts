/** The command line as a user meets it: a child process, its exit code and what it says. */
import assert from "node:assert/strict";

import { ALL_OPTIONS, defaultText, envName } from "../../src/cli/options.ts";
import { VERSION } from "../../src/version.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

async function kafka2parquet(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const inherited = Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("KAFKA2PARQUET_")),
  );
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", MAIN, ...args],
    clearEnv: true,
    env: { ...inherited, NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

Deno.test("--help leads with examples, names every flag with variable and default, and exits 0", async () => {
  for (const args of [["--help"], ["run", "-h"]]) {
    const { code, stdout, stderr } = await kafka2parquet(args);
    assert.equal(code, 0);
    assert.equal(stderr, "");
    const words = stdout.replaceAll(/\s+/g, " ");
    for (const option of ALL_OPTIONS.filter(({ hidden }) => !hidden)) {
      assert.match(stdout, new RegExp(`^  --${option.name}\\b`, "m"));
      assert.ok(words.includes(`(default: ${defaultText(option)}) [${envName(option)}]`), option.name);
    }
    if (args.length === 1) assert.ok(stdout.indexOf("Examples:") < stdout.indexOf("Usage:"));
  }
});

Deno.test("--version prints the version and exits 0", async () => {
  assert.deepEqual(await kafka2parquet(["--version"]), { code: 0, stdout: `${VERSION}\n`, stderr: "" });
});

interface Misuse {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly code: number;
  readonly stderr: readonly string[];
}

const MISUSES: readonly Misuse[] = [
  {
    args: ["--rowz", "5"],
    code: 2,
    stderr: [`error: Unknown option "--rowz"`, "hint: Did you mean --rows?"],
  },
  {
    args: ["run", "--topics=x"],
    code: 2,
    stderr: [`error: Unknown option "--topics"`, "hint: Did you mean --topic?"],
  },
  {
    args: ["--zzzzzzz"],
    code: 2,
    stderr: [`error: Unknown option "--zzzzzzz"`, "hint: See kafka2parquet --help."],
  },
  { args: ["rum"], code: 2, stderr: [`error: Unknown command "rum"`, "hint: Did you mean run?"] },
  {
    args: ["run", "orders"],
    code: 2,
    stderr: [`error: Unknown command "orders"`, "hint: See kafka2parquet --help."],
  },
  { args: ["--rows"], code: 2, stderr: ["error: --rows needs a value", "hint: Write --rows <COUNT>."] },
  {
    args: ["--rows", "5", "run", "--brokers", "kafka"],
    code: 2,
    stderr: [
      `error: --brokers "kafka" is a broker without a port`,
      "hint: Write kafka:9092 if it listens on the usual port.",
    ],
  },
  {
    args: [],
    env: { KAFKA2PARQUET_ROW: "5" },
    code: 78,
    stderr: [
      "error: Unknown environment variable KAFKA2PARQUET_ROW",
      "hint: Did you mean KAFKA2PARQUET_ROWS?",
    ],
  },
  {
    args: ["--config", "no/such.toml"],
    code: 78,
    stderr: [
      "error: Cannot read the config file no/such.toml: no such file",
      "hint: Give the path of a TOML file to --config or KAFKA2PARQUET_CONFIG.",
    ],
  },
];

for (const { args, env, code, stderr } of MISUSES) {
  Deno.test(`misuse ${JSON.stringify(args)} exits ${code} in two lines, on stderr only`, async () => {
    const result = await kafka2parquet(args, env);
    assert.deepEqual(result, { code, stdout: "", stderr: stderr.join("\n") + "\n" });
  });
}

Deno.test("values reach the run from the config file that the environment names", async () => {
  const path = await Deno.makeTempFile({ suffix: ".toml" });
  try {
    await Deno.writeTextFile(path, `compression = "lzo"\n`);
    const { code, stderr } = await kafka2parquet([], { KAFKA2PARQUET_CONFIG: path });
    assert.equal(code, 78);
    assert.ok(stderr.startsWith(`error: compression = "lzo" in ${path} is not among the choices\n`), stderr);
  } finally {
    await Deno.remove(path);
  }
});
