/** The runtime that becomes part of the binary, `denort`: downloaded by Deno, or named in `DENORT_BIN`. */
import { CompileProblem } from "./problem.ts";

export const RUNTIME_VARIABLE = "DENORT_BIN";

/** What only Deno itself holds: words for those who have no runtime. */
const ONLY_IN_DENO = "Could not find denort";

/**
 * Nobody asks the file what it is, for it may be one of another system: what it holds tells.
 *
 * @throws {CompileProblem} where `path` is no runtime of this version of Deno.
 */
export async function checkRuntime(path: string, version = Deno.version.deno): Promise<void> {
  const hint = hintFor(version);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "there is no such file" : String(error);
    throw new CompileProblem(`${RUNTIME_VARIABLE}=${path} cannot be read: ${why}`, hint);
  }
  // Each byte a character of its own: the program is no text, and its words are ASCII.
  const text = new TextDecoder("latin1").decode(bytes);
  if (text.includes(ONLY_IN_DENO)) {
    throw new CompileProblem(`${RUNTIME_VARIABLE}=${path} is Deno itself, not its runtime denort`, hint);
  }
  if (text.includes(`Deno/${version}`)) return;
  const [, other] = /Deno\/(\d+\.\d+\.\d+)/.exec(text) ?? [];
  const what = other === undefined
    ? "no runtime of Deno"
    : `the runtime of Deno ${other}, and this is ${version}`;
  throw new CompileProblem(`${RUNTIME_VARIABLE}=${path} is ${what}`, hint);
}

/** What `deno compile` has said where it failed, for those who cannot know where the runtime comes from. */
export function explainFailure(said: string, version = Deno.version.deno): CompileProblem | undefined {
  const [, url] = /error sending request for url \((\S*denort\S*)\)/.exec(said) ??
    /(https:\S*denort\S*\.zip)/.exec(said) ?? [];
  if (url === undefined) return undefined;
  const [, reason] = /client error \(\w+\): ([^\n]+)/.exec(said) ?? [];
  return new CompileProblem(
    `Cannot download Deno's runtime from ${url}${reason === undefined ? "" : `: ${reason}`}`,
    hintFor(version),
  );
}

function hintFor(version: string): string {
  return `Set ${RUNTIME_VARIABLE} to the file denort of Deno ${version} for the target, out of ` +
    `https://github.com/denoland/deno/releases/download/v${version}/denort-TARGET.zip.`;
}
