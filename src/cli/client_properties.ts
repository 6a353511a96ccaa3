/**
 * `client.properties`: the file by which Java clients and librdkafka are told of a cluster, read as texts of our own
 * options.
 */
import { ExitCode, messageOf, UserError } from "../errors.ts";
import type { GivenTexts } from "./resolve.ts";

/** What is larger is some other file. */
const FILE_BYTES_MAX = 1 << 20;

export interface ClientProperties {
  /** By the name of our option: what stood there, and under which key. */
  readonly texts: GivenTexts;
  /** Keys that no client knows, as far as we know them. */
  readonly unknown: readonly string[];
  /** Keys that mean something to clients, and nothing to us. */
  readonly unused: readonly string[];
}

/** Keys whose values are those of an option of ours. */
const SAME: Readonly<Record<string, string>> = {
  "bootstrap.servers": "brokers",
  "metadata.broker.list": "brokers",
  "security.protocol": "security-protocol",
  "sasl.mechanism": "sasl-mechanism",
  "sasl.mechanisms": "sasl-mechanism",
  "sasl.username": "sasl-username",
  "sasl.password": "sasl-password",
  "sasl.oauthbearer.token.endpoint.url": "oauth-token-url",
  "sasl.oauthbearer.client.id": "oauth-client-id",
  "sasl.oauthbearer.client.secret": "oauth-client-secret",
  "sasl.oauthbearer.client.credentials.client.id": "oauth-client-id",
  "sasl.oauthbearer.client.credentials.client.secret": "oauth-client-secret",
  "sasl.oauthbearer.scope": "oauth-scope",
  "sasl.oauthbearer.extensions": "oauth-extensions",
  "https.ca.location": "oauth-ca",
  "https.ca.pem": "oauth-ca",
  "ssl.ca.location": "tls-ca",
  "ssl.ca.pem": "tls-ca",
  "ssl.truststore.location": "tls-ca",
  "ssl.truststore.certificates": "tls-ca",
  "ssl.certificate.location": "tls-cert",
  "ssl.certificate.pem": "tls-cert",
  "ssl.keystore.certificate.chain": "tls-cert",
  "ssl.key.location": "tls-key",
  "ssl.key.pem": "tls-key",
  "ssl.keystore.key": "tls-key",
  "ssl.key.password": "tls-key-password",
  "schema.registry.url": "registry",
  "schema.registry.ssl.truststore.location": "registry-ca",
  "schema.registry.ssl.ca.location": "registry-ca",
  "bearer.auth.token": "registry-token",
  "schema.registry.bearer.auth.token": "registry-token",
};

/** Keys that only librdkafka has: it takes backslashes as they are, where Java's reader takes them for escapes. */
const LIBRDKAFKA = new Set([
  "metadata.broker.list",
  "sasl.mechanisms",
  "sasl.username",
  "sasl.password",
  "sasl.oauthbearer.client.id",
  "sasl.oauthbearer.client.secret",
  "sasl.oauthbearer.extensions",
  "ssl.ca.location",
  "ssl.ca.pem",
  "ssl.certificate.location",
  "ssl.certificate.pem",
  "ssl.key.location",
  "ssl.key.pem",
]);

/** Understood by what they lead to, or by what they are not. */
const READ_ELSEWHERE = new Set([
  "sasl.jaas.config",
  "sasl.oauthbearer.method",
  "ssl.endpoint.identification.algorithm",
  "enable.ssl.certificate.verification",
  "ssl.keystore.location",
  "ssl.keystore.password",
  "ssl.keystore.type",
  "ssl.truststore.type",
  "ssl.truststore.password",
  "sasl.login.callback.handler.class",
  "basic.auth.credentials.source",
  "basic.auth.user.info",
  "schema.registry.basic.auth.credentials.source",
  "schema.registry.basic.auth.user.info",
  "bearer.auth.credentials.source",
  "schema.registry.bearer.auth.credentials.source",
]);

/** What the properties of clients begin with that do not concern us. */
const UNUSED = new RegExp(
  "^(group\\.|auto\\.|enable\\.|fetch\\.|max\\.|key\\.|value\\.|session\\.|heartbeat\\.|partition\\.|isolation\\.|" +
    "client\\.|request\\.|retry\\.|retries$|reconnect\\.|connections\\.|metadata\\.|send\\.|receive\\.|socket\\.|" +
    "check\\.|exclude\\.|allow\\.|default\\.|interceptor\\.|metric|statistics\\.|log[._]|debug$|broker\\.|api\\.|" +
    "acks$|batch\\.|linger\\.|compression\\.|buffer\\.|delivery\\.|transaction|queue\\.|queued\\.|topic\\.|" +
    "offset\\.|security\\.providers$|ssl\\.(protocol|provider|enabled|cipher|secure|keymanager|trustmanager|curves|" +
    "sigalgs|crl|engine|providers)|sasl\\.(login|kerberos|oauthbearer)\\.|specific\\.avro|schema\\.|use\\.|builtin\\.|" +
    "internal\\.|consume|share\\.|opaque|dr_|plugin|message\\.|coordinator\\.|context\\.|resolve|telemetry|rebalance)",
);

/** Reads the file. Throws {@link UserError} with exit code 78. */
export async function readClientProperties(path: string): Promise<ClientProperties> {
  let text: string;
  try {
    const { size } = await Deno.stat(path);
    if (size > FILE_BYTES_MAX) throw new Error(`it has ${size} bytes, more than any configuration`);
    text = await Deno.readTextFile(path);
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    throw new UserError(
      `Cannot read the Kafka client's file ${path}: ${missing ? "no such file" : messageOf(error)}`,
      {
        hint: "Give the path of a client.properties to --kafka-config or KAFKA2PARQUET_KAFKA_CONFIG.",
        exitCode: ExitCode.config,
        cause: error,
      },
    );
  }
  return parseClientProperties(text, path);
}

/** What stands in a file's `text`; `path` is for errors. */
export function parseClientProperties(text: string, path: string): ClientProperties {
  const properties = parseProperties(text);
  const texts = new Map<string, { texts: readonly string[]; key: string }>();
  const set = (name: string, value: string | undefined, key: string) => {
    if (value !== undefined && value !== "") texts.set(name, { texts: [value], key });
  };
  const unknown: string[] = [];
  const unused: string[] = [];
  for (const [key, value] of properties) {
    const name = SAME[key];
    if (name !== undefined) set(name, value, key);
    else if (READ_ELSEWHERE.has(key)) continue;
    else if (UNUSED.test(key)) unused.push(key);
    else unknown.push(key);
  }
  const get = (key: string) => properties.get(key);
  readJaas(get("sasl.jaas.config"), { set, path });
  readStores(get, { set, path });
  readRegistry(get, set);
  const algorithm = get("ssl.endpoint.identification.algorithm");
  if (algorithm !== undefined) {
    const off = algorithm === "" || algorithm.toLowerCase() === "none";
    set("tls-check-name", String(!off), "ssl.endpoint.identification.algorithm");
  }
  if (get("enable.ssl.certificate.verification")?.toLowerCase() === "false") {
    set("tls-insecure", "true", "enable.ssl.certificate.verification");
  }
  return { texts, unknown, unused };
}

type Set = (name: string, value: string | undefined, key: string) => void;
type Get = (key: string) => string | undefined;

/** The user's name and password, or the client's id and secret, from the login module's options. */
function readJaas(jaas: string | undefined, { set, path }: { set: Set; path: string }): void {
  if (jaas === undefined) return;
  const key = "sasl.jaas.config";
  const match = /^\s*([\w.$]+)\s+(?:required|requisite|sufficient|optional)\b(.*?);?\s*$/s.exec(jaas);
  if (match === null) {
    throw new UserError(`${key} in ${path} is no line of a login module`, {
      hint: 'Write it as Java clients do: …PlainLoginModule required username="…" password="…";',
      exitCode: ExitCode.config,
    });
  }
  const options = new Map<string, string>();
  for (
    const [, name, quoted, bare] of match[2]!.matchAll(/([\w.]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))/gs)
  ) {
    options.set(name!, quoted === undefined ? bare! : quoted.replaceAll(/\\(.)/gs, "$1"));
  }
  const module = match[1]!.split(".").at(-1)!;
  switch (module) {
    case "PlainLoginModule":
    case "ScramLoginModule":
      set("sasl-username", options.get("username"), key);
      set("sasl-password", options.get("password"), key);
      return;
    case "OAuthBearerLoginModule": {
      set("oauth-client-id", options.get("clientId"), key);
      set("oauth-client-secret", options.get("clientSecret"), key);
      set("oauth-scope", options.get("scope"), key);
      const extensions = [...options].filter(([name]) => name.startsWith("extension_"))
        .map(([name, value]) => `${name.slice("extension_".length)}=${value}`);
      set("oauth-extensions", extensions.join(","), key);
      return;
    }
    default:
      throw new UserError(`The login module ${module} of ${path} is not known`, {
        hint: "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER are possible.",
        exitCode: ExitCode.config,
      });
  }
}

/** Java's key stores, of which only PEM files can be read. */
function readStores(get: Get, { set, path }: { set: Set; path: string }): void {
  for (const kind of ["keystore", "truststore"]) {
    const type = get(`ssl.${kind}.type`)?.toUpperCase();
    const location = get(`ssl.${kind}.location`);
    const isJava = type === undefined ? /\.(jks|p12|pfx|pkcs12)$/i.test(location ?? "") : type !== "PEM";
    if (location === undefined || !isJava) continue;
    throw new UserError(
      `ssl.${kind}.location of ${path} is no PEM file but ${type ?? "a Java key store"}: ${location}`,
      {
        hint:
          `Write PEM with keytool -importkeystore -deststoretype PKCS12 and then openssl pkcs12 -in FILE, ` +
          `and set ssl.${kind}.type=PEM.`,
        exitCode: ExitCode.config,
      },
    );
  }
  const keystore = get("ssl.keystore.location");
  // One PEM file for both: the key, and the certificates.
  set("tls-cert", keystore, "ssl.keystore.location");
  set("tls-key", keystore, "ssl.keystore.location");
  if (get("ssl.key.password") === undefined) {
    set("tls-key-password", get("ssl.keystore.password"), "ssl.keystore.password");
  }
}

function readRegistry(get: Get, set: Set): void {
  for (const key of ["basic.auth.user.info", "schema.registry.basic.auth.user.info"]) {
    const info = get(key);
    const colon = info?.indexOf(":") ?? -1;
    if (info === undefined || colon < 0) continue;
    set("registry-username", info.slice(0, colon), key);
    set("registry-password", info.slice(colon + 1), key);
  }
}

/** The key-value pairs by the rules of `java.util.Properties`, but for librdkafka's keys, which have no escapes. */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  for (let i = 0; i < lines.length; i++) {
    let line = lines[i]!.trimStart();
    if (line === "" || line.startsWith("#") || line.startsWith("!")) continue;
    const key = unescape(/^(?:[^\\=:\s]|\\.)*/.exec(line)![0]);
    const raw = LIBRDKAFKA.has(key);
    // A line goes on in the next one where it ends in an odd number of backslashes.
    while (!raw && /(?<!\\)(?:\\\\)*\\$/.test(line) && i + 1 < lines.length) {
      line = line.slice(0, -1) + lines[++i]!.trimStart();
    }
    const value = line.replace(/^(?:[^\\=:\s]|\\.)*/, "").replace(/^\s*[=:]?\s*/, "");
    properties.set(key, raw ? value.trimEnd() : unescape(value).trim());
  }
  return properties;
}

function unescape(text: string): string {
  const named: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", f: "\f" };
  return text.replaceAll(
    /\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g,
    (_, code: string | undefined, one: string) =>
      code === undefined ? named[one] ?? one : String.fromCharCode(parseInt(code, 16)),
  );
}
