import assert from "node:assert/strict";
import { linesOf } from "../../dev/mod.ts";
import { findJava, javaMajorVersion } from "../../dev/tools.ts";
import { durationMs, wholeNumber } from "../../dev/flags.ts";
import { ROOT, runCommand, tempDir } from "../support/mod.ts";

Deno.test("Java's version is found in what it prints", () => {
  assert.equal(javaMajorVersion('openjdk version "17.0.15" 2025-04-15'), 17);
  assert.equal(javaMajorVersion('java version "1.8.0_392"'), 8);
  assert.equal(javaMajorVersion('openjdk version "21" 2023-09-19'), 21);
  assert.equal(javaMajorVersion("Unable to locate a Java Runtime."), undefined);
});

Deno.test("without Java, deno task dev says what to install", async () => {
  await using folder = await tempDir();
  await Deno.symlink(await which("sh"), `${folder.path}/sh`);
  await using dev = runCommand([Deno.execPath(), "run", "-A", `${ROOT}/dev/main.ts`], {
    env: { PATH: folder.path, JAVA_HOME: "" },
  });
  const { code } = await dev.exit;
  assert.equal(code, 69);
  assert.match(dev.stderr.join("\n"), /no Java runtime found, version 17/);
  assert.match(dev.stderr.join("\n"), /apt install openjdk-17.*brew install.*docker compose up/);
});

Deno.test("a Java that is too old is named", async () => {
  await using folder = await tempDir();
  await Deno.mkdir(`${folder.path}/bin`);
  await Deno.writeTextFile(`${folder.path}/bin/java`, `#!${await which("sh")}\necho 'version "11.0.2"'\n`, {
    mode: 0o755,
  });
  const path = Deno.env.get("PATH") ?? "";
  const home = Deno.env.get("JAVA_HOME");
  try {
    Deno.env.set("JAVA_HOME", folder.path);
    Deno.env.set("PATH", folder.path);
    await assert.rejects(findJava(), /Java 11 found, version 17 or later/);
  } finally {
    Deno.env.set("PATH", path);
    if (home === undefined) Deno.env.delete("JAVA_HOME");
    else Deno.env.set("JAVA_HOME", home);
  }
});

Deno.test("flags take units, and say which where there are none", () => {
  assert.equal(durationMs("30s", "for"), 30_000);
  assert.equal(durationMs("5m", "for"), 300_000);
  assert.throws(() => durationMs("30", "for"), /--for: a duration such as 30s/);
  assert.equal(wholeNumber("4", "partitions"), 4);
  assert.throws(() => wholeNumber("4.5", "partitions"), /--partitions: a whole number/);
});

for (
  const { tool, flags, code, said } of [
    { tool: "tests/model/main.ts", flags: ["--help"], code: 0, said: /--steps N/ },
    { tool: "tests/model/main.ts", flags: ["--step", "1"], code: 2, said: /'--step'/ },
    {
      tool: "tests/model/main.ts",
      flags: ["--steps", "x"],
      code: 2,
      said: /"x" for --steps: a whole number of/,
    },
    {
      tool: "tests/model/main.ts",
      flags: ["--steps=-5"],
      code: 2,
      said: /"-5" for --steps: a whole number of/,
    },
    { tool: "tests/chaos/main.ts", flags: ["--help"], code: 0, said: /--kills N/ },
    { tool: "tests/chaos/main.ts", flags: ["--kill", "1"], code: 2, said: /'--kill'/ },
    { tool: "tests/chaos/main.ts", flags: ["--brokers", "9"], code: 2, said: /--brokers: .*from 1 to 3/ },
  ]
) {
  Deno.test(`${tool} ${flags.join(" ")} ends with ${code}`, async () => {
    await using run = runCommand([Deno.execPath(), "run", "-A", `${ROOT}/${tool}`, ...flags]);
    assert.equal((await run.exit).code, code);
    assert.match([...run.stdout, ...run.stderr].join("\n"), said);
  });
}

Deno.test("lines end in LF, CRLF or CR, wherever the chunks are cut", async () => {
  const text = "one\ntwo\r\nthree\rfour\r\n\r\nfive";
  const bytes = new TextEncoder().encode(text);
  for (let size = 1; size <= bytes.length; size++) {
    const chunks: Uint8Array[] = [];
    for (let start = 0; start < bytes.length; start += size) chunks.push(bytes.subarray(start, start + size));
    const lines = await Array.fromAsync(linesOf(ReadableStream.from(chunks)));
    assert.deepEqual(lines, ["one", "two", "three", "four", "", "five"], `chunks of ${size} bytes`);
  }
});

async function which(program: string): Promise<string> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", `command -v ${program}`] }).output();
  return new TextDecoder().decode(stdout).trim();
}
