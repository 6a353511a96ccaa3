/** Deno itself, as a child process. */

export interface DenoOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** What `deno ARGS` writes to stdout. @throws {Error} where it fails; it has said on stderr why. */
export async function runDeno(args: readonly string[], { cwd, env = {} }: DenoOptions): Promise<string> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { DENO_NO_UPDATE_CHECK: "1", ...env },
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`deno ${args.slice(0, 2).join(" ")} failed`);
  return new TextDecoder().decode(stdout);
}
