/** Tokens for OAUTHBEARER: the client credentials grant of OAuth 2, each token used until most of its life is over. */
import { getLogger } from "@logtape/logtape";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";

import { ExitCode, messageOf, UserError } from "../errors.ts";
import { hidePassingSecret, hideSecrets } from "../secrets.ts";
import type { OauthSettings } from "../security.ts";
import { explainTls, isTlsError, tlsOptions } from "../tls.ts";

const log = getLogger(["kafka2parquet", "kafka", "oauth"]);

const REQUEST_TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 1 << 20;
const HTTP_UNAUTHORIZED = 401;
/** A token is replaced when this part of its life is over: enough is left to try again. */
const USED_PART = 0.8;
/** Where the issuer does not say how long its token lives. */
const LIFE_DEFAULT_MS = 300_000;
/** Between two attempts to replace a token that is still good. */
const RETRY_MS = 5_000;

interface Token {
  readonly value: string;
  readonly replaceAtMs: number;
  readonly expiresAtMs: number;
}

/** The issuer could not be reached, or is out of order: another attempt may do. */
export class IssuerAway extends Error {
  override readonly name = "IssuerAway";
}

/** Everything of an HTTP answer that matters. */
interface Answer {
  readonly status: number;
  readonly text: string;
}

export class OauthTokens {
  readonly #settings: OauthSettings;
  readonly #nowMs: () => number;
  #token: Token | undefined;
  #fetching: Promise<Token> | undefined;
  #notBeforeMs = 0;

  constructor(settings: OauthSettings, nowMs: () => number = Date.now) {
    this.#settings = settings;
    this.#nowMs = nowMs;
  }

  /**
   * A token that is good for a while. Whoever asks at the same time shares one request.
   *
   * @throws {UserError} where the issuer refuses the client.
   * @throws {IssuerAway} where there is no good token, and the issuer gives none.
   */
  async current(): Promise<string> {
    const nowMs = this.#nowMs();
    const token = this.#token;
    const isGood = token !== undefined && nowMs < token.expiresAtMs;
    if (isGood && (nowMs < token.replaceAtMs || nowMs < this.#notBeforeMs)) return token.value;
    try {
      this.#fetching ??= this.#fetch().finally(() => this.#fetching = undefined);
      return (await this.#fetching).value;
    } catch (error) {
      if (!isGood) throw error;
      this.#notBeforeMs = nowMs + RETRY_MS;
      log.warn("Cannot replace the token for Kafka, going on with the old one: {cause}", {
        cause: messageOf(error),
      });
      return token.value;
    }
  }

  /** The token is not what it seemed: it is not used again. */
  forget(value: string): void {
    if (this.#token?.value === value) this.#token = undefined;
  }

  async #fetch(): Promise<Token> {
    const { clientId, clientSecret } = this.#settings;
    const written = `${clientId}:${clientSecret}`;
    // RFC 6749 wants both encoded as in a form, Java's client and most issuers do not.
    const encoded = [clientId, clientSecret].map(formEncoded).join(":");
    let answer = await this.#ask(written);
    if (answer.status === HTTP_UNAUTHORIZED && encoded !== written) answer = await this.#ask(encoded);
    const token = this.#read(answer);
    hidePassingSecret(token.value);
    log.debug("Got a token for Kafka that is good for {seconds} s", {
      seconds: Math.round((token.expiresAtMs - this.#nowMs()) / 1000),
    });
    return this.#token = token;
  }

  async #ask(credentials: string): Promise<Answer> {
    const { tokenUrl, scope, tls } = this.#settings;
    const form = new URLSearchParams({
      grant_type: "client_credentials",
      ...(scope !== undefined && { scope }),
    });
    hideSecrets([credentials]);
    try {
      return await post(tokenUrl, {
        body: form.toString(),
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          "accept": "application/json",
          "authorization": `Basic ${new TextEncoder().encode(credentials).toBase64()}`,
        },
        tls: tlsOptions(tls),
      });
    } catch (error) {
      throw await this.#explain(error);
    }
  }

  #read({ status, text }: Answer): Token {
    const data = parseObject(text);
    const reason = [data["error"], data["error_description"]].filter((part) => typeof part === "string").join(
      ": ",
    );
    const said = `HTTP ${status}${reason === "" ? "" : `: ${reason}`}`;
    if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
      throw this.#refusal(`The issuer of tokens at ${this.#where} refuses us: ${said}`);
    }
    const value = data["access_token"];
    if (status !== 200 || typeof value !== "string" || value === "") {
      throw new IssuerAway(`no token from ${this.#where}: ${said}`);
    }
    const seconds = Number(data["expires_in"]);
    const lifeMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : LIFE_DEFAULT_MS;
    const nowMs = this.#nowMs();
    return { value, replaceAtMs: nowMs + lifeMs * USED_PART, expiresAtMs: nowMs + lifeMs };
  }

  async #explain(error: unknown): Promise<Error> {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const { hostname, port } = new URL(this.#settings.tokenUrl);
    if (!isTlsError(code)) return new IssuerAway(`no answer from ${this.#where}: ${messageOf(error)}`);
    return await explainTls(code, messageOf(error), {
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port || "443"),
      tls: this.#settings.tls,
      names: { what: `issuer of tokens at ${this.#where}`, ca: "oauth-ca", cert: "a certificate" },
    });
  }

  #refusal(message: string): UserError {
    return new UserError(message, {
      hint: "Check oauth-token-url, oauth-client-id, oauth-client-secret and oauth-scope.",
      exitCode: ExitCode.config,
    });
  }

  /** The URL without what may be secret in it. */
  get #where(): string {
    const { origin, pathname } = new URL(this.#settings.tokenUrl);
    return origin + pathname;
  }
}

function formEncoded(text: string): string {
  return new URLSearchParams({ _: text }).toString().slice(2);
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === "object" && data !== null ? data as Record<string, unknown> : {};
  } catch {
    return {};
  }
}

function post(
  url: string,
  { body, headers, tls }: {
    body: string;
    headers: Record<string, string>;
    tls: ReturnType<typeof tlsOptions>;
  },
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const options = { method: "POST", headers, timeout: REQUEST_TIMEOUT_MS };
  const request = url.startsWith("https:")
    ? requestHttps(url, { ...options, ...tls, agent: false })
    : requestHttp(url, { ...options, agent: false });
  // The whole answer in this time: a timeout of the socket alone would start again with every byte.
  const timer = setTimeout(
    () => request.destroy(new Error(`no whole answer within ${REQUEST_TIMEOUT_MS} ms`)),
    REQUEST_TIMEOUT_MS,
  );
  request.on("error", reject);
  request.on("close", () => clearTimeout(timer));
  request.on("response", (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      text += part;
      if (text.length > ANSWER_BYTES_MAX) request.destroy(new Error("an answer too long to be a token"));
    });
    response.on("error", reject);
    response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
  });
  request.end(body);
  return promise;
}
