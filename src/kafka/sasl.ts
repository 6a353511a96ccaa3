/** Logging in: kafkajs's own exchanges with their errors told apart, and OAUTHBEARER, of which it reads no refusal. */
import { Buffer } from "node:buffer";
import type { OauthSettings } from "../security.ts";
import type { OauthTokens } from "./oauth.ts";

const SEPARATOR = "\x01";

/** One message to the broker and its answer, each behind its length in four bytes. */
interface Exchange<T> {
  readonly request: { encode(): Promise<Buffer> };
  readonly response: { decode(bytes: Buffer): Promise<T>; parse(decoded: T): Promise<T> };
}

/** What kafkajs hands to whoever logs in on a connection. */
export interface SaslContext {
  readonly host: string;
  readonly port: number;
  saslAuthenticate<T>(exchange: Exchange<T>): Promise<T>;
}

export interface Authentication {
  authenticate(): Promise<void>;
}

/** The broker does not believe us, or cannot prove that it knows us. */
export class LoginRefused extends Error {
  override readonly name = "LoginRefused";
}

type Method =
  | { readonly builtIn: (context: SaslContext) => Authentication }
  | { readonly tokens: OauthTokens; readonly oauth: OauthSettings };

/**
 * @returns what kafkajs calls for each connection that has to log in. It throws {@link LoginRefused} where the broker
 * has said no, and whatever else has happened as it is: a connection that broke is no wrong password.
 */
export function authenticator(method: Method): (context: SaslContext) => Authentication {
  return (context) => ({
    async authenticate() {
      let cause: unknown;
      const watched: SaslContext = {
        ...context,
        async saslAuthenticate(exchange) {
          try {
            return await context.saslAuthenticate(exchange);
          } catch (error) {
            cause = error;
            throw error;
          }
        },
      };
      try {
        if ("builtIn" in method) await method.builtIn(watched).authenticate();
        else await logInByToken(watched, method);
      } catch (error) {
        // kafkajs makes an authentication error of everything.
        if (cause !== undefined && !isRefusal(cause)) throw cause;
        if (cause === undefined && !("builtIn" in method)) throw error;
        throw new LoginRefused(cause instanceof Error ? cause.message : (error as Error).message, {
          cause: error,
        });
      }
    },
  });
}

function isRefusal(error: unknown): boolean {
  return typeof error === "object" && error !== null && "type" in error &&
    error.type === "SASL_AUTHENTICATION_FAILED";
}

/** By RFC 7628. A refusal comes as an answer that has to be answered, before the broker says no in its own words. */
async function logInByToken(
  { host, port, saslAuthenticate }: SaslContext,
  { tokens, oauth }: { tokens: OauthTokens; oauth: OauthSettings },
): Promise<void> {
  const token = await tokens.current();
  const pairs = Object.entries({ auth: `Bearer ${token}`, ...oauth.extensions });
  const message = ["n,,", ...pairs.map(([name, value]) => `${name}=${value}`), "", ""].join(SEPARATOR);
  const challenge = await saslAuthenticate(exchangeOf(message));
  if (challenge.length === 0) return;
  // The token may have been revoked: another one may be better.
  tokens.forget(token);
  await saslAuthenticate(exchangeOf(SEPARATOR));
  throw new LoginRefused(`${host}:${port} does not take the token: ${challenge}`);
}

function exchangeOf(message: string): Exchange<string> {
  return {
    request: {
      encode() {
        const bytes = Buffer.from(message);
        const length = Buffer.alloc(4);
        length.writeInt32BE(bytes.length);
        return Promise.resolve(Buffer.concat([length, bytes]));
      },
    },
    response: {
      decode: (bytes) => Promise.resolve(bytes.subarray(4).toString()),
      parse: (text) => Promise.resolve(text),
    },
  };
}
