/** How a thread's connections to the brokers are secured, and what the brokers have said to that so far. */
import { DEFAULT_TLS, type KafkaSecurity, type TlsSettings } from "../security.ts";
import { tlsOptions } from "../tls.ts";
import { OauthTokens } from "./oauth.ts";
import { type Authentication, authenticator, type SaslContext } from "./sasl.ts";

/**
 * Who was let in before may be refused for a moment: by a broker that is starting, or while passwords and certificates
 * are being changed on one host after the other.
 */
const REFUSAL_GRACE_MS = 60_000;

/** kafkajs's own ways to log in, by mechanism in upper case. */
export type BuiltIn = (
  mechanism: string,
  credentials: { readonly username: string; readonly password: string },
) => (context: SaslContext) => Authentication;

/** Shared by all links of a client. */
export class Access {
  readonly security: KafkaSecurity;
  /** Where there is TLS. */
  readonly ssl: ReturnType<typeof tlsOptions> | undefined;
  /** As kafkajs wants it; where there is SASL. */
  readonly sasl:
    | {
      readonly mechanism: string;
      readonly authenticationProvider: (context: SaslContext) => Authentication;
    }
    | undefined;
  #letIn = false;
  #refusedSinceMs: number | undefined;

  constructor(security: KafkaSecurity, builtIn: BuiltIn) {
    this.security = security;
    if (security.tls !== undefined) this.ssl = tlsOptions(security.tls);
    const { sasl } = security;
    if (sasl === undefined) return;
    const mechanism = sasl.mechanism.toUpperCase();
    if (sasl.mechanism === "oauthbearer") {
      const tokens = new OauthTokens(sasl.oauth);
      this.sasl = { mechanism, authenticationProvider: authenticator({ tokens, oauth: sasl.oauth }) };
    } else {
      this.sasl = { mechanism, authenticationProvider: authenticator({ builtIn: builtIn(mechanism, sasl) }) };
    }
  }

  get tls(): TlsSettings {
    return this.security.tls ?? DEFAULT_TLS;
  }

  /** A broker has answered a request: it believes us, and we it. */
  accepted(): void {
    this.#letIn = true;
    this.#refusedSinceMs = undefined;
  }

  /** Whether a refusal is to be taken as final, and not as one that may pass. */
  refused(nowMs = performance.now()): boolean {
    if (!this.#letIn) return true;
    this.#refusedSinceMs ??= nowMs;
    return nowMs - this.#refusedSinceMs > REFUSAL_GRACE_MS;
  }
}
