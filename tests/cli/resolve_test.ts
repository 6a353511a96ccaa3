import assert from "node:assert/strict";

import { ALL_OPTIONS, envName } from "../../src/cli/options.ts";
import { resolveConfig, type Sources, wantsColor } from "../../src/cli/resolve.ts";
import { type ExitCode, UserError } from "../../src/errors.ts";

interface Given {
  readonly flags?: Readonly<Record<string, readonly string[]>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: Readonly<Record<string, readonly string[]>>;
  readonly terminal?: boolean;
}

function sources({ flags = {}, env = {}, file, terminal = false }: Given): Sources {
  const all = { flags: new Map(Object.entries(flags)), env, terminal };
  return file ? { ...all, file: { path: "k.toml", texts: new Map(Object.entries(file)) } } : all;
}

function refused(given: Given, expected: { message: RegExp; hint?: RegExp; exitCode: ExitCode }): void {
  assert.throws(() => resolveConfig(sources(given)), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, expected.message);
    assert.match(error.hint ?? "", expected.hint ?? /./);
    assert.equal(error.exitCode, expected.exitCode);
    return true;
  });
}

Deno.test("without anything given, the defaults of the original consumer hold", () => {
  assert.deepEqual(resolveConfig(sources({})), {
    brokers: ["kafka:9092"],
    registry: ["http://schema-registry:8081"],
    security: { protocol: "plaintext" },
    registrySecurity: { tls: { checkName: true, insecure: false } },
    topics: ["customer_events"],
    group: "4",
    output: "parquet_data/data",
    deadLetter: "parquet_data/dead_letter",
    rows: 1200,
    bytes: 134_217_728,
    ageMs: 60_000,
    fetchWaitMs: 1_000,
    compression: "snappy",
    from: "earliest",
    untilEnd: false,
    onError: "dead-letter",
    onOutOfRange: "stop",
    onSinkError: "retry",
    separator: ".",
    include: [],
    exclude: [],
    workers: 1,
    maxMemoryBytes: 2_147_483_648,
    shutdownTimeoutMs: 60_000,
    startupTimeoutMs: 60_000,
    sessionTimeoutMs: 45_000,
    metadataMaxAgeMs: 30_000,
    logLevel: "info",
    logFormat: "json",
    color: false,
    statusLine: false,
  });
});

Deno.test("the configuration cannot be changed", () => {
  assert.ok(Object.isFrozen(resolveConfig(sources({}))));
});

Deno.test("flags win over environment, environment over file, file over default", () => {
  const env = { KAFKA2PARQUET_ROWS: "3", KAFKA2PARQUET_AGE: "3s" };
  const file = { rows: ["2"], age: ["2s"], group: ["two"] };
  const config = resolveConfig(sources({ flags: { rows: ["4"] }, env, file }));
  assert.deepEqual([config.rows, config.ageMs, config.group, config.from], [4, 3_000, "two", "earliest"]);
});

Deno.test("an empty variable is one that is not set", () => {
  assert.equal(resolveConfig(sources({ env: { KAFKA2PARQUET_GROUP: "" } })).group, "4");
});

Deno.test("every option but the config file's path can come from the environment and reaches the configuration", () => {
  const other: Record<string, string> = {
    brokers: "a:1,b:2",
    registry: "http://r:1",
    topic: "x,y",
    group: "g",
    from: "latest",
    "fetch-wait": "7ms",
    "session-timeout": "7s",
    output: "o",
    rows: "7",
    bytes: "7KiB",
    age: "7m",
    compression: "zstd",
    separator: "_",
    include: "a.*,b",
    exclude: "*.c",
    "on-error": "skip",
    "on-out-of-range": "latest",
    "on-sink-error": "stop",
    "metadata-max-age": "7s",
    "dead-letter": "d",
    "until-end": "yes",
    "startup-timeout": "7s",
    workers: "7",
    "max-memory": "77MiB",
    "shutdown-timeout": "7s",
    "log-level": "debug",
    "log-format": "text",
    color: "always",
    "status-line": "off",
  };
  for (const option of ALL_OPTIONS) {
    // What belongs to security needs files and other options beside it: see security_test.ts.
    if (option.name === "config" || option.group === "Security") continue;
    // Elsewhere there is no status line that could be taken away.
    const terminal = option.name === "status-line";
    const byDefault = resolveConfig(sources({ terminal }));
    const config = resolveConfig(sources({ terminal, env: { [envName(option)]: other[option.name]! } }));
    assert.notDeepEqual(config, byDefault, `${envName(option)} changes nothing`);
  }
});

Deno.test("an invalid flag is a wrong usage and names flag, value and remedy", () => {
  refused({ flags: { age: ["60"] } }, {
    message: /^--age "60" is a duration without a unit$/,
    hint: /60s/,
    exitCode: 2,
  });
});

Deno.test("an invalid variable or file entry is a wrong configuration and names its source", () => {
  refused({ env: { KAFKA2PARQUET_ROWS: "0" } }, {
    message: /^KAFKA2PARQUET_ROWS="0" is too small$/,
    hint: /from 1 to/,
    exitCode: 78,
  });
  refused({ file: { compression: ["lzo"] } }, {
    message: /^compression = "lzo" in k\.toml is not among the choices$/,
    hint: /snappy.*or none/,
    exitCode: 78,
  });
});

Deno.test("a value that a stronger source overrides is not looked at", () => {
  assert.equal(resolveConfig(sources({ flags: { rows: ["5"] }, env: { KAFKA2PARQUET_ROWS: "x" } })).rows, 5);
});

Deno.test("the password of an address is not repeated in the error, however it is written", () => {
  for (
    const [name, text, shown] of [
      ["REGISTRY", "http://me:secret@r?x", "http://***@r?x"],
      ["REGISTRY", "me:secret@r:8081", "***@r:8081"],
      ["REGISTRY", "http://me:sec@secret/secret@r?x", "http://***@r?x"],
      ["REGISTRY", "http://a,me:secret@r:8081", "http://***@r:8081"],
      ["BROKERS", "me:secret@b:9092", "***@b:9092"],
    ] as const
  ) {
    assert.throws(
      () => resolveConfig(sources({ env: { [`KAFKA2PARQUET_${name}`]: text } })),
      (error: Error) => !error.message.includes("secret") && error.message.includes(`"${shown}"`),
      text,
    );
  }
});

Deno.test("an unknown variable is refused with the nearest name", () => {
  refused({ env: { KAFKA2PARQUET_FETCH_WAT: "1s" } }, {
    message: /KAFKA2PARQUET_FETCH_WAT/,
    hint: /Did you mean KAFKA2PARQUET_FETCH_WAIT\?/,
    exitCode: 78,
  });
});

Deno.test("the prefix that all variables share makes none of them similar", () => {
  refused({ env: { KAFKA2PARQUET_XYZ: "1" } }, {
    message: /KAFKA2PARQUET_XYZ/,
    hint: /^See kafka2parquet --help/,
    exitCode: 78,
  });
});

Deno.test("variables that Kubernetes makes for a service of the program's name are let be", () => {
  const env = {
    KAFKA2PARQUET_SERVICE_HOST: "10.0.0.1",
    KAFKA2PARQUET_SERVICE_PORT: "8080",
    KAFKA2PARQUET_SERVICE_PORT_HTTP: "8080",
    KAFKA2PARQUET_PORT: "tcp://10.0.0.1:8080",
    KAFKA2PARQUET_PORT_8080_TCP: "tcp://10.0.0.1:8080",
    KAFKA2PARQUET_PORT_8080_TCP_ADDR: "10.0.0.1",
  };
  assert.equal(resolveConfig(sources({ env })).group, "4");
});

for (
  const [output, deadLetter] of [
    ["data", "data/dead"],
    ["data", "./data"],
    ["archive/data", "archive"],
    [".", "dead"],
  ] as const
) {
  Deno.test(`output ${output} and dead letters ${deadLetter} are refused: a reader of one would find the other`, () => {
    const flags = { output: [output], "dead-letter": [deadLetter] };
    refused({ flags }, { message: /overlap/, exitCode: 2 });
    refused({ file: flags }, { message: /overlap/, exitCode: 78 });
  });
}

Deno.test("dead letters lie beside the output wherever that is", () => {
  for (
    const [output, expected] of [["/data/out", "/data/dead_letter"], ["x", "dead_letter"], [
      ".",
      "../dead_letter",
    ]]
  ) {
    assert.equal(resolveConfig(sources({ flags: { output: [output!] } })).deadLetter, expected);
  }
  assert.equal(
    resolveConfig(sources({ flags: { output: ["a/data"], "dead-letter": ["a/data2"] } })).deadLetter,
    "a/data2",
  );
});

Deno.test("logs are text and coloured on a terminal, JSON elsewhere", () => {
  const terminal = resolveConfig(sources({ terminal: true }));
  assert.deepEqual([terminal.logFormat, terminal.color], ["text", true]);
  assert.equal(wantsColor("auto", { terminal: true, env: { NO_COLOR: "1" } }), false);
  assert.equal(wantsColor("auto", { terminal: true, env: { TERM: "dumb" } }), false);
  assert.equal(wantsColor("always", { terminal: false, env: { NO_COLOR: "1" } }), true);
  assert.equal(wantsColor("never", { terminal: true, env: {} }), false);
});

Deno.test("the status line is for terminals that can draw it, and text", () => {
  const shown = (given: Given) => resolveConfig(sources(given)).statusLine;
  assert.equal(shown({ terminal: true }), true);
  assert.equal(shown({ terminal: true, env: { NO_COLOR: "1" } }), true);
  assert.equal(shown({ terminal: false, flags: { "log-format": ["text"] } }), false);
  assert.equal(shown({ terminal: true, flags: { "log-format": ["json"] } }), false);
  assert.equal(shown({ terminal: true, env: { TERM: "dumb" } }), false);
  assert.equal(shown({ terminal: true, env: { KAFKA2PARQUET_STATUS_LINE: "off" } }), false);
});
