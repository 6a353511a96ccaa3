/** Deno itself, as a child process. */

export interface DenoOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** What `deno ARGS` writes to stdout. @throws {DenoFailure} where it fails. */
export async function runDeno(args: readonly string[], { cwd, env = {} }: DenoOptions): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1", ...env },
  }).output();
  const text = new TextDecoder();
  const said = withoutStacks(text.decode(stderr));
  if (!success) throw new DenoFailure(args[0] ?? "", said);
  if (said !== "") console.error(said);
  return text.decode(stdout);
}

/** A run of Deno that failed, with what it has said. */
export class DenoFailure extends Error {
  override readonly name = "DenoFailure";
  readonly said: string;

  constructor(subcommand: string, said: string) {
    super(`deno ${subcommand} failed: ${said}`);
    this.said = said;
  }
}

/** Without those of Deno's own code, which tell only its authors something. */
function withoutStacks(said: string): string {
  return said.replace(/\n+Stack backtrace:\n( .*(\n|$))+/, "\n").replace(/^error: /, "").trim();
}
