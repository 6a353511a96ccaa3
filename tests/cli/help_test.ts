import assert from "node:assert/strict";

import { SUBCOMMANDS } from "../../src/cli/commands.ts";
import { helpFor, helpText } from "../../src/cli/help.ts";
import { VERSION } from "../../src/version.ts";
import { kafka2parquet } from "./run_program.ts";

Deno.test("help, version and the help of commands are answered; what is to be parsed is not", () => {
  assert.equal(helpFor(["--version"], 80), `${VERSION}\n`);
  for (const args of [["--help"], ["-h"], ["help"]]) assert.equal(helpFor(args, 80), helpText("", 80));
  for (const name of ["run", ...SUBCOMMANDS.map(({ name }) => name)]) {
    for (const args of [[name, "--help"], [name, "-h"], ["help", name]]) {
      assert.equal(helpFor(args, 80), helpText(name, 80));
    }
  }
  for (const args of [[], ["run"], ["--topic", "--help"], ["rum", "-h"], ["help", "rum"], ["-h", "x"]]) {
    assert.equal(helpFor(args, 80), undefined, args.join(" "));
  }
});

for (const args of [["--rows", "5", "--help"], ["schema", "--json", "-h"], ["run", "--until-end", "-h"]]) {
  Deno.test(`${args.join(" ")} says what it says without the other flag`, async () => {
    const flags = args.filter((arg, i) => i === 0 ? !arg.startsWith("-") : i === args.length - 1);
    assert.deepEqual(await kafka2parquet(args), await kafka2parquet(flags));
  });
}

Deno.test("descriptions are as wide as the terminal lets them be, and their words stay whole", () => {
  const described = (width: number) =>
    helpText("", width).split("\n").filter((line) => /^ {2}(--| {8})/.test(line));
  for (const width of [80, 100, 160]) {
    const lines = described(width);
    assert.ok(lines.length > 25 && lines.every((line) => line.length <= width), `${width}`);
    assert.ok(lines.some((line) => line.length > width - 12), `${width}`);
  }
  const words = (width: number) => helpText("", width).split(/\s+/);
  assert.deepEqual(words(80), words(160));
  // On a narrow one lines are longer than it rather than one word each.
  assert.deepEqual(described(20), described(40));
});

Deno.test("the help of every command leads with examples, and ends with its exit codes", () => {
  for (const name of ["", "run", ...SUBCOMMANDS.map(({ name }) => name)]) {
    const text = helpText(name, 80);
    const [examples, usage, codes] = ["\nExamples:\n", "\nUsage: ", "\nExit codes: "].map((words) =>
      text.indexOf(words)
    );
    assert.ok(
      0 < examples! && examples! < usage! && usage! < codes!,
      `${name}: ${examples} ${usage} ${codes}`,
    );
    assert.match(text.slice(codes), /^\nExit codes: [^\n]*\n?[^\n]*\n+$/, name);
  }
});
