/** Addresses at which somebody answers, but no registry as it is asked: what is wrong with them, and what to write. */
import { ExitCode, UserError } from "../errors.ts";
import type { TlsSettings } from "../security.ts";
import { explainTls, isTlsError, speaksTls } from "../tls.ts";
import { withoutPassword } from "../words.ts";

/** Why there was no answer of HTTP. */
export interface Silence {
  readonly cause: string;
  readonly code?: string;
}

/** What somebody means who answers as no registry does. */
export function noRegistry(url: string, cause: string): UserError {
  return problem(
    `${withoutPassword(url)} answers, but is no schema registry at this path: ${cause}`,
    "Check the path of --registry: none for Confluent, Karapace and Redpanda, /apis/ccompat/v7 for Apicurio.",
  );
}

/** Where http:// is written and the port is one of TLS: asked in plain text, such a one may hang up without a word. */
export async function wantsTls(url: string): Promise<UserError | undefined> {
  const { hostname, port, protocol } = new URL(url);
  if (protocol !== "http:" || !await speaksTls(bare(hostname), Number(port || "80"))) return undefined;
  return problem(
    `The schema registry at ${withoutPassword(url)} speaks TLS on this port, and http:// does not`,
    "Write https://, and name its authority with registry-ca or --tls-ca if it is not a public one.",
  );
}

/**
 * What an error on the way to a registry means, where it is no matter of patience.
 *
 * @param options.isStart Whether it is worth a second connection to find out.
 */
export async function explainSilence(
  url: string,
  silence: Silence,
  { tls, isStart }: { readonly tls: TlsSettings; readonly isStart: boolean },
): Promise<UserError | undefined> {
  const { cause, code } = silence;
  if (isStart && hasHungUp(silence)) {
    const error = await wantsTls(url);
    if (error !== undefined) return error;
  }
  const { hostname, port, protocol } = new URL(url);
  const what = `schema registry at ${withoutPassword(url)}`;
  if (protocol === "http:" && code !== undefined && /^HPE_/.test(code)) {
    return problem(`The ${what} does not speak HTTP: ${cause}`, "Write https:// if it wants TLS.");
  }
  if (!isTlsError(code)) return undefined;
  return await explainTls(code, cause, {
    host: bare(hostname),
    port: Number(port || "443"),
    tls,
    names: { what, ca: "registry-ca or --tls-ca", cert: "registry-cert and registry-key, or --tls-cert" },
  });
}

/** Whether somebody took the connection, and ended it without an answer of HTTP. */
function hasHungUp({ cause, code = "" }: Silence): boolean {
  return /^(ECONNRESET|EPIPE|ECONNABORTED|HPE_.*)$/.test(code) || /hang up|reset/i.test(cause);
}

/** Without the brackets of an IPv6 address. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}

function problem(message: string, hint: string): UserError {
  return new UserError(message, { hint, exitCode: ExitCode.config });
}
