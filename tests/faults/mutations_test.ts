import { mutate, MUTATIONS } from "./mutations.ts";
import { ROOT } from "../support/paths.ts";

for (const { name, edits } of MUTATIONS) {
  Deno.test(`mutation ${name} finds its places in the source`, async () => {
    for (const edit of edits) mutate(await Deno.readTextFile(`${ROOT}/${edit.file}`), edit);
  });
}
