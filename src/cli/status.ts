/** `kafka2parquet status`: asks a running one how it is, for people, scripts and health checks. */
import type { HttpAddress } from "../config.ts";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import type { StatusJson } from "../status/mod.ts";
import { JSON_OPTION, READY_OPTION } from "./commands.ts";
import { Output, OutputClosed, terminalWidth } from "./output.ts";
import { httpAddress, resolveOption, type Texts } from "./resolve.ts";
import { readSources } from "./sources.ts";
import { statusAsLines } from "./status_format.ts";
import { InvalidValue, parseHttpAddress } from "./values.ts";

const TIMEOUT_MS = 5_000;
/** All addresses of a host are none that one could call. */
const CALLED: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** Shows how the program at `url` is. Throws {@link UserError} where nobody answers. */
export async function status(url: string | undefined, flags: Texts): Promise<ExitCode> {
  const isReady = resolveOption(READY_OPTION, { flags })!;
  const isJson = resolveOption(JSON_OPTION, { flags })!;
  const base = url === undefined ? await configured(flags) : given(url);
  const text = await ask(new URL("status.json", base));
  const answer = parse(text, base);
  const output = new Output();
  try {
    if (isJson) output.write(`${text.trimEnd()}\n`);
    else output.lines(statusAsLines(answer, { nowMs: Date.now(), width: terminalWidth(Infinity) }));
    output.flush();
  } catch (error) {
    // Whoever read our output has seen enough.
    if (!(error instanceof OutputClosed)) throw error;
  }
  return answer.live && (answer.ready || !isReady) ? ExitCode.ok : ExitCode.failure;
}

/** Where this host's program listens. */
async function configured(flags: Texts): Promise<URL> {
  const { sources } = await readSources(flags);
  const address = httpAddress(sources);
  if (address !== undefined) return urlOf(address);
  throw new UserError("There is nothing to ask: --http is off", {
    hint: "Name another one: kafka2parquet status http://HOST:8080.",
    exitCode: ExitCode.config,
  });
}

function given(text: string): URL {
  if (/^https?:\/\//i.test(text)) {
    const url = URL.parse(text);
    // What is behind the last slash would be left out.
    if (url !== null) return new URL(url.pathname.replace(/\/?$/, "/"), url);
  }
  try {
    const address = parseHttpAddress(text);
    if (address !== "off") return urlOf(address);
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
  }
  throw new UserError(`${JSON.stringify(text)} is no URL`, {
    hint: "Write its URL, such as http://127.0.0.1:8080.",
    exitCode: ExitCode.usage,
  });
}

function urlOf({ host, port }: Pick<HttpAddress, "host" | "port">): URL {
  const name = CALLED[host] ?? host;
  return new URL(`http://${name.includes(":") ? `[${name}]` : name}:${port}/`);
}

async function ask(url: URL): Promise<string> {
  // A proxy on the way to the world does not know our own hosts.
  for (const variable of ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]) Deno.env.delete(variable);
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    if (response.ok) return text;
    throw new Error(`it answers HTTP ${response.status}`);
  } catch (cause) {
    const isLate = cause instanceof DOMException && cause.name === "TimeoutError";
    throw new UserError(
      `No status from ${url.origin}: ${
        isLate ? `no answer within ${TIMEOUT_MS / 1_000} s` : reasonOf(cause)
      }`,
      {
        hint: 'Check that kafka2parquet runs there, and the address after "Status page" in its log.',
        exitCode: ExitCode.unavailable,
        cause,
      },
    );
  }
}

/** The innermost reason: those around it repeat the URL. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? reasonOf(error.cause) : messageOf(error);
}

function parse(text: string, base: URL): StatusJson {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === "object" && answer !== null && "live" in answer && "partitions" in answer) {
      return answer as StatusJson;
    }
  } catch {
    // Said below.
  }
  throw new UserError(`What answers at ${base.origin} is no kafka2parquet`, {
    hint: 'Check the address after "Status page" in its log.',
    exitCode: ExitCode.unavailable,
  });
}
