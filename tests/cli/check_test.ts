/** `check` without any server: configuration, and how its lines look. */
import assert from "node:assert/strict";
import { tempDir } from "../support/temp.ts";
import { kafka2parquet } from "./run_program.ts";

/** Nobody listens there, and nobody is waited for. */
const AWAY = {
  KAFKA2PARQUET_BROKERS: "127.0.0.1:1",
  KAFKA2PARQUET_REGISTRY: "http://someone:pass-word-4711@127.0.0.1:1",
  KAFKA2PARQUET_STARTUP_TIMEOUT: "100ms",
  LC_ALL: "C.UTF-8",
};
const AFTER_CONFIG = ["brokers", "topics", "group", "registry", "sink", "clock"];

Deno.test("check: a configuration that cannot work is exit 78, and nothing else is checked", async () => {
  const env = { ...AWAY, KAFKA2PARQUET_ROWS: "many" };
  const { code, stdout, stderr } = await kafka2parquet(["check"], env);
  assert.deepEqual({ code, stderr }, { code: 78, stderr: "" });
  assert.deepEqual(stdout.split("\n"), [
    `✗ config: KAFKA2PARQUET_ROWS="many" is no whole number`,
    "  hint: Write a whole number: 1200, 100_000, 100k.",
    ...AFTER_CONFIG.map((name) => `- ${name}: not checked (config failed)`),
    "",
  ]);
});

Deno.test("check: a flag that cannot be read is misuse, as with every command", async () => {
  const { code, stdout, stderr } = await kafka2parquet(["check", "--rows", "many"], AWAY);
  assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
  assert.match(stderr, /^error: --rows "many" is no whole number\nhint: /);
});

Deno.test("check: where settings come from, keys that nobody knows, and no secret", async () => {
  await using folder = await tempDir();
  const properties = `${folder.path}/client.properties`;
  await Deno.writeTextFile(properties, "bootstrap.servers=127.0.0.1:1\nsasl.mechanims=PLAIN\n");
  const env = { ...AWAY, KAFKA2PARQUET_BROKERS: "", LC_ALL: "de_DE.ISO-8859-1" };
  const args = ["check", "--kafka-config", properties, "--output", `${folder.path}/data`];
  const { code, stdout, stderr } = await kafka2parquet(args, env);
  assert.deepEqual({ code, stderr }, { code: 69, stderr: "" });
  const [config, hint, brokers] = stdout.split("\n");
  assert.equal(
    config,
    `warning config: brokers 127.0.0.1:1 (${properties}); registry http://127.0.0.1:1 (KAFKA2PARQUET_REGISTRY); ` +
      `unknown keys in ${properties}: sasl.mechanims`,
  );
  assert.equal(hint, "  hint: They have no effect: are they misspelt?");
  assert.match(brokers!, /^FAILED brokers: Cannot reach Kafka at 127\.0\.0\.1:1: /);
  assert.match(stdout, /^- topics: not checked \(brokers failed\)$/m);
  assert.match(stdout, /^ok sink: .*data and .*dead_letter can be made/m);
  assert.doesNotMatch(stdout, /pass-word|someone/);
});

Deno.test("check: of two warnings each has a line, with its own hint below it", async () => {
  await using folder = await tempDir();
  const properties = `${folder.path}/client.properties`;
  await Deno.writeTextFile(properties, "bootstrap.servers=127.0.0.1:1\nsasl.mechanims=PLAIN\n");
  const args = ["check", "--kafka-config", properties, "--output", `${folder.path}/data`, "--tls-insecure"];
  const { stdout } = await kafka2parquet(args, AWAY);
  const [unknown, hint, insecure] = stdout.split("\n");
  assert.match(unknown!, /^! config: brokers .*; unknown keys in .*: sasl\.mechanims$/);
  assert.equal(hint, "  hint: They have no effect: are they misspelt?");
  assert.match(insecure!, /^! config: CERTIFICATES ARE NOT CHECKED/);
  const { stdout: json } = await kafka2parquet([...args, "--json"], AWAY);
  const [config] = json.split("\n").map((line) => line && JSON.parse(line));
  assert.match(config.what, /unknown keys in .*; CERTIFICATES ARE NOT CHECKED/);
  assert.deepEqual(Object.keys(config), ["check", "ok", "state", "what", "hint"]);
});

Deno.test("check: a terminal that can do little is told in words", async () => {
  await using folder = await tempDir();
  const args = ["check", "--output", `${folder.path}/data`];
  const { stdout } = await kafka2parquet(args, { ...AWAY, TERM: "dumb" });
  assert.match(stdout, /^ok config: .*\nFAILED brokers: /);
});
