import assert from "node:assert/strict";

import { parseConfigFile, readConfigFile } from "../../src/cli/config_file.ts";
import { UserError } from "../../src/errors.ts";

Deno.test("a config file gives the texts that a flag would", async () => {
  const text = `
# What to archive
topic = ["orders", "payments"]
brokers = "a:1,b:2"
rows = 100_000
bytes = "64MiB"
until-end = true
`;
  assert.deepEqual([...await parseConfigFile(text, "k.toml")], [
    ["topic", ["orders", "payments"]],
    ["brokers", ["a:1,b:2"]],
    ["rows", ["100000"]],
    ["bytes", ["64MiB"]],
    ["until-end", ["true"]],
  ]);
});

for (
  const [text, message, hint] of [
    ["row = 5", /Unknown key "row" in k\.toml/, /Did you mean rows\?/],
    ["fetch_wait = '1s'", /Unknown key "fetch_wait"/, /Did you mean fetch-wait\?/],
    ["[kafka]\nbrokers = 'a:1'", /Unknown key "kafka"/, /tables are not used/],
    ["config = 'other.toml'", /Unknown key "config"/, /./],
    ["rows = [1, 2]", /rows in k\.toml is neither/, /rows = "1200"/],
    ["topic = [[1]]", /topic in k\.toml is neither/, /topic = /],
    ["age = 2024-01-01", /age in k\.toml is neither/, /age = "60s"/],
    ["rows = ", /k\.toml:1:\d+ is not TOML/, /key = value/],
    ["rows = 1\nrows = 2", /k\.toml:2:\d+ is not TOML/, /key = value/],
  ] as const
) {
  Deno.test(`the config file ${JSON.stringify(text)} is refused`, async () => {
    await assert.rejects(parseConfigFile(text, "k.toml"), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      assert.match(error.hint ?? "", hint);
      assert.equal(error.exitCode, 78);
      return true;
    });
  });
}

Deno.test("a config file that is not there is a wrong configuration", async () => {
  await assert.rejects(readConfigFile("no/such.toml"), {
    message: "Cannot read the config file no/such.toml: no such file",
    exitCode: 78,
  });
});
