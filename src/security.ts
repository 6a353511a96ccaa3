/** How connections to brokers and registries are secured: settings with all files read, safe to post to a worker. */

export const PROTOCOLS = ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] as const;
export type SecurityProtocol = typeof PROTOCOLS[number];

export const MECHANISMS = ["plain", "scram-sha-256", "scram-sha-512", "oauthbearer"] as const;
export type SaslMechanism = typeof MECHANISMS[number];

/** All certificates and keys are PEM texts. */
export interface TlsSettings {
  /** Certificates that are trusted, in place of those that come with the program. */
  readonly ca?: string;
  /** Our own certificate, with those that lead to its root. */
  readonly cert?: string;
  /** The key of `cert`, not encrypted. */
  readonly key?: string;
  /** Whether the server's certificate must be for the name that we have called. */
  readonly checkName: boolean;
  /** Nothing is checked at all. */
  readonly insecure: boolean;
}

export const DEFAULT_TLS: TlsSettings = { checkName: true, insecure: false };

/** Where tokens come from: the client credentials grant of OAuth 2. */
export interface OauthSettings {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope?: string;
  /** SASL extensions, such as `logicalCluster`. */
  readonly extensions: Readonly<Record<string, string>>;
  /** Of the connection to the issuer. */
  readonly tls: TlsSettings;
}

export type SaslSettings =
  | {
    readonly mechanism: Exclude<SaslMechanism, "oauthbearer">;
    readonly username: string;
    readonly password: string;
  }
  | { readonly mechanism: "oauthbearer"; readonly oauth: OauthSettings };

export interface KafkaSecurity {
  readonly protocol: SecurityProtocol;
  /** There where the protocol has TLS. */
  readonly tls?: TlsSettings;
  /** There where the protocol has SASL. */
  readonly sasl?: SaslSettings;
}

export const NO_KAFKA_SECURITY: KafkaSecurity = { protocol: "plaintext" };

export interface RegistrySecurity {
  readonly auth?:
    | { readonly kind: "basic"; readonly username: string; readonly password: string }
    | { readonly kind: "bearer"; readonly token: string };
  /** For the URLs that start with https. */
  readonly tls: TlsSettings;
}

export const NO_REGISTRY_SECURITY: RegistrySecurity = { tls: DEFAULT_TLS };
