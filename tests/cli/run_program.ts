/** The command line as a user meets it: a child process, its exit code and what it says. */
const MAIN = new URL("../../main.ts", import.meta.url).pathname;

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program from source, without variables of ours but those in `env`. */
export async function kafka2parquet(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const { code, stdout, stderr } = await command(args, env).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Runs the program and closes its stdout after the first piece of output. */
export async function kafka2parquetToHead(args: readonly string[]): Promise<Result> {
  const child = command(args).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  const [{ code }, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
  return { code, stdout: new TextDecoder().decode(value), stderr };
}

function command(args: readonly string[], env: Readonly<Record<string, string>> = {}): Deno.Command {
  const inherited = Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("KAFKA2PARQUET_")),
  );
  // Quiet: what Deno itself downloads is no message of the program.
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", "--quiet", MAIN, ...args],
    clearEnv: true,
    env: { ...inherited, NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}
