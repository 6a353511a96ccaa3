/** The command line as a user meets it: a child process, its exit code and what it says. */
import assert from "node:assert/strict";

import { ALL_OPTIONS, defaultText, envName } from "../../src/cli/options.ts";
import { VERSION } from "../../src/version.ts";
import { kafka2parquet } from "./run_program.ts";

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

Deno.test("a command's --help leads with examples, and names its options and no others", async () => {
  for (
    const [name, options] of [
      [
        "check",
        [...ALL_OPTIONS.filter(({ hidden }) => !hidden).map(({ name }) => name), "help", "json"].sort(),
      ],
      ["inspect", ["csv", "help", "json", "rows"]],
      ["schema", [
        ...["config", "exclude", "help", "include", "json", "kafka-config", "metadata", "registry"],
        "registry-username",
        "separator",
        ...["tls-ca", "tls-cert", "tls-insecure", "tls-key"],
      ]],
      ["verify", [
        "brokers",
        "config",
        "dead-letter",
        "deep",
        "from-first-file",
        "help",
        "json",
        "kafka-config",
        "topic",
      ]],
    ] as const
  ) {
    const { code, stdout, stderr } = await kafka2parquet([name, "--help"]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.deepEqual(await kafka2parquet(["help", name]), { code, stdout, stderr });
    assert.ok(stdout.indexOf("Examples:") < stdout.indexOf("Usage:"));
    const named = [...stdout.matchAll(/^ {2}(?:-., )?--([\w-]+)/gm)].map(([, option]) => option);
    assert.deepEqual(named.sort(), options);
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
  { args: ["--hlep"], code: 2, stderr: [`error: Unknown option "--hlep"`, "hint: Did you mean --help?"] },
  { args: ["--hlp"], code: 2, stderr: [`error: Unknown option "--hlp"`, "hint: Did you mean --help?"] },
  {
    args: ["schema", "--hepl", "x"],
    code: 2,
    stderr: [`error: Unknown option "--hepl"`, "hint: Did you mean --help?"],
  },
  {
    args: ["--out", "x"],
    code: 2,
    stderr: [`error: Unknown option "--out"`, "hint: Did you mean --output?"],
  },
  {
    args: ["--until-end=yes"],
    code: 2,
    stderr: ["error: --until-end takes no value", "hint: Write --until-end alone, or leave it out."],
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
  {
    args: ["inspect"],
    code: 2,
    stderr: ["error: inspect needs a FILE or DIR", "hint: Write kafka2parquet inspect FILE or DIR."],
  },
  {
    args: ["inspect", "--row", "3", "a.parquet"],
    code: 2,
    stderr: [`error: Unknown option "--row"`, "hint: Did you mean --rows?"],
  },
  {
    args: ["inspect", "--brokers", "a:1", "a.parquet"],
    code: 2,
    stderr: [`error: Unknown option "--brokers"`, "hint: See kafka2parquet inspect --help."],
  },
  {
    args: ["inspect", "--json", "--csv", "a.parquet"],
    code: 2,
    stderr: ["error: --json and --csv are two formats of one output", "hint: Choose one of them."],
  },
  {
    args: ["inspect", "--rows", "few", "a.parquet"],
    code: 2,
    stderr: [`error: --rows "few" is no whole number`, "hint: Write a whole number, or all."],
  },
  {
    args: ["--rows", "3", "inspect", "a.parquet"],
    code: 2,
    stderr: [
      "error: --rows stands before inspect",
      "hint: Write it after the command, if it is one of its options: see kafka2parquet inspect --help.",
    ],
  },
  {
    args: ["verify", "a", "b"],
    code: 2,
    stderr: [
      "error: verify takes one argument: a DIR",
      "hint: See kafka2parquet verify --help.",
    ],
  },
  {
    args: ["check", "orders"],
    code: 2,
    stderr: ["error: check takes no argument", "hint: See kafka2parquet check --help."],
  },
  { args: ["shema", "a"], code: 2, stderr: [`error: Unknown command "shema"`, "hint: Did you mean schema?"] },
  {
    args: ["schema", "a"],
    env: { KAFKA2PARQUET_REGISTRY: "registry" },
    code: 78,
    stderr: [
      `error: KAFKA2PARQUET_REGISTRY="registry" is no http(s) URL`,
      "hint: Write its URL, for instance http://schema-registry:8081.",
    ],
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
