import assert from "node:assert/strict";

import { optionsTable, withOptionsTable } from "../../dev/docs.ts";
import { ALL_OPTIONS } from "../../src/cli/options.ts";

Deno.test("the README's table of options is what the program has (deno task docs writes it)", async () => {
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  // The formatter aligns the columns of tables, which changes nothing for the reader.
  const words = (text: string) => text.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---");
  assert.equal(words(readme), words(withOptionsTable(readme)));
});

Deno.test("the table has a line for every option", () => {
  assert.equal(optionsTable().split("\n").length, 2 + ALL_OPTIONS.length);
});
