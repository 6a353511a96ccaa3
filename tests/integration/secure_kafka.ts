/** One real broker with a listener for each way to be safe, and each way to get it wrong. */
import { type KafkaServer, startKafka } from "../../dev/mod.ts";
import { Authority, type Certificate } from "../support/pki.ts";

export const USER = "archive-user";
/** With characters that mean something in URLs, JSON, properties files and base64. */
export const PASSWORD = 'pa=ss,wo"rd\\&%41-Ünï';
export const SCRAM_PASSWORD = "scram-secret-7531";

export interface SecureKafka extends AsyncDisposable {
  readonly kafka: KafkaServer;
  /** The one that the brokers' certificates are from. */
  readonly authority: Authority;
  readonly client: Certificate;
  /** `127.0.0.1:port` of a listener. */
  at(listener: string): string;
}

/** How long a login is good, for listeners whose name ends in `_SHORT`. */
export const LOGIN_MS = 3_000;

export async function startSecureKafka(): Promise<SecureKafka> {
  const authority = await Authority.create("Test Authority");
  const [server, wrongName, expired, client] = [
    await authority.certificate("server"),
    await authority.certificate("wrong-name", { names: "DNS:other.example" }),
    await authority.certificate("expired", { expired: true }),
    await authority.certificate("client"),
  ];
  const tls = ({ both }: Certificate) => ({
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": both,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": authority.ca,
  });
  const kafka = await startKafka({
    listeners: [
      { name: "TLS", protocol: "SSL", config: tls(server) },
      { name: "WRONG_NAME", protocol: "SSL", config: tls(wrongName) },
      { name: "EXPIRED", protocol: "SSL", config: tls(expired) },
      { name: "MUTUAL", protocol: "SSL", config: { ...tls(server), "ssl.client.auth": "required" } },
      {
        name: "SASL",
        protocol: "SASL_PLAINTEXT",
        config: { "sasl.enabled.mechanisms": "PLAIN", ...plain() },
      },
      {
        name: "SASL_TLS",
        protocol: "SASL_SSL",
        config: {
          ...tls(server),
          "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
          ...plain(),
          ...scram("256"),
          ...scram("512"),
        },
      },
      {
        name: "SASL_SHORT",
        protocol: "SASL_PLAINTEXT",
        config: { "sasl.enabled.mechanisms": "SCRAM-SHA-256", ...scram("256", LOGIN_MS) },
      },
      {
        name: "TOKEN",
        protocol: "SASL_PLAINTEXT",
        config: {
          "sasl.enabled.mechanisms": "OAUTHBEARER",
          "oauthbearer.sasl.jaas.config":
            'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
          // Logins end when their token does.
          "oauthbearer.connections.max.reauth.ms": "3600000",
        },
      },
    ],
    scram: [
      `SCRAM-SHA-256=[name=${USER},password=${SCRAM_PASSWORD}]`,
      `SCRAM-SHA-512=[name=${USER},password=${SCRAM_PASSWORD}]`,
    ],
  });
  return {
    kafka,
    authority,
    client,
    at(listener) {
      const address = kafka.nodes[0]!.listeners.get(listener);
      if (address === undefined) throw new Error(`There is no listener ${listener}`);
      return address;
    },
    async [Symbol.asyncDispose]() {
      await kafka.stop();
      await authority[Symbol.asyncDispose]();
    },
  };
}

/** JAAS takes backslashes for escapes, and so do properties files; those that are not Latin-1 are written as codes. */
function plain(): Record<string, string> {
  const quoted = PASSWORD.replaceAll(/["\\]/g, "\\$&");
  const line = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${USER}="${quoted}";`;
  return { "plain.sasl.jaas.config": forProperties(line) };
}

export function forProperties(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function scram(bits: "256" | "512", maxReauthMs?: number): Record<string, string> {
  const prefix = `scram-sha-${bits}`;
  return {
    [`${prefix}.sasl.jaas.config`]: "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    ...(maxReauthMs !== undefined && { [`${prefix}.connections.max.reauth.ms`]: String(maxReauthMs) }),
  };
}
