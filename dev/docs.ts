/** `deno task docs`: writes the table of options into the README. */
import { ALL_OPTIONS, defaultText, envName, GROUPS, OPTIONS } from "../src/cli/options.ts";

const START = "<!-- options: written by deno task docs -->";
const END = "<!-- end of options -->";

/** The options of the command line as a Markdown table. */
export function optionsTable(): string {
  const lines = ["| flag, key in the config file | variable | default | what |", "| --- | --- | --- | --- |"];
  for (const group of GROUPS) {
    for (const option of ALL_OPTIONS.filter((option) => option.group === group)) {
      const { name, placeholder, hidden, what } = option;
      const flag = `\`${hidden ? "" : "--"}${name}${placeholder === undefined ? "" : ` ${placeholder}`}\``;
      const value = option.default === undefined || placeholder === undefined
        ? defaultText(option)
        : `\`${option.default}\``;
      // A config file cannot name another one.
      const lacks = hidden ? " (no flag)" : name === OPTIONS.configFile.name ? " (no key)" : "";
      // A bar would begin the next cell, in code as well.
      lines.push(`| ${flag.replaceAll("|", "\\|")} | \`${envName(option)}\` | ${value} | ${what}${lacks} |`);
    }
  }
  return lines.join("\n");
}

/** The README with the table as it has to be. Throws where the marks around the table are missing. */
export function withOptionsTable(readme: string): string {
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start < 0 || end < start) throw new Error(`README.md lacks the lines "${START}" and "${END}"`);
  return `${readme.slice(0, start)}${START}\n\n${optionsTable()}\n\n${readme.slice(end)}`;
}

if (import.meta.main) {
  const path = new URL("../README.md", import.meta.url);
  await Deno.writeTextFile(path, withOptionsTable(await Deno.readTextFile(path)));
}
