/** From options about security to settings: what belongs together, what contradicts itself, and the files in it. */
import { getLogger } from "@logtape/logtape";
import { createPrivateKey, X509Certificate } from "node:crypto";

import { ExitCode, messageOf, UserError } from "../errors.ts";
import {
  DEFAULT_TLS,
  type KafkaSecurity,
  type OauthSettings,
  type RegistrySecurity,
  type SaslMechanism,
  type SaslSettings,
  type SecurityProtocol,
  type TlsSettings,
} from "../security.ts";
import { envName, FILE_SUFFIX, OPTIONS } from "./options.ts";
import { type Secured, type Sources, valueOf } from "./resolve.ts";

const log = getLogger(["kafka2parquet", "cli"]);

const PEM = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/** Reads what the options name. Throws {@link UserError} with exit code 78, or 2 for a flag that cannot be read. */
export async function resolveSecurity(sources: Sources): Promise<Secured> {
  const shared = await readTls(sources, TLS_OPTIONS);
  return {
    security: await kafkaSecurity(sources, shared),
    registrySecurity: await resolveRegistrySecurity(sources, shared),
  };
}

async function kafkaSecurity(sources: Sources, tls: TlsSettings): Promise<KafkaSecurity> {
  const mechanism = valueOf("saslMechanism", sources);
  const given = valueOf("securityProtocol", sources);
  const hasSasl = mechanism !== undefined || valueOf("saslUsername", sources) !== undefined ||
    valueOf("saslPassword", sources) !== undefined || valueOf("oauthTokenUrl", sources) !== undefined;
  const protocol = given ?? guessProtocol(sources, hasSasl);
  const wantsSasl = protocol.startsWith("sasl_");
  if (hasSasl && !wantsSasl) {
    throw contradiction(
      `Credentials are given, but security protocol ${protocol} has no use for them`,
      `Write --security-protocol ${protocol === "ssl" ? "sasl_ssl" : "sasl_plaintext, or better sasl_ssl"}.`,
    );
  }
  return {
    protocol,
    ...(protocol.endsWith("ssl") && { tls }),
    ...(wantsSasl && { sasl: await saslSettings(sources, mechanism, tls) }),
  };
}

function guessProtocol(sources: Sources, hasSasl: boolean): SecurityProtocol {
  if (hasSasl) return "sasl_ssl";
  const hasTls = valueOf("tlsCa", sources) !== undefined || valueOf("tlsCert", sources) !== undefined ||
    valueOf("tlsInsecure", sources) === true;
  return hasTls ? "ssl" : "plaintext";
}

async function saslSettings(
  sources: Sources,
  mechanism: SaslMechanism | undefined,
  tls: TlsSettings,
): Promise<SaslSettings> {
  if (mechanism === undefined) {
    throw contradiction(
      "It is not said how to log in to the brokers",
      "Name the brokers' mechanism with --sasl-mechanism: plain, scram-sha-256, scram-sha-512 or oauthbearer.",
    );
  }
  if (mechanism === "oauthbearer") return { mechanism, oauth: await oauthSettings(sources, tls) };
  return {
    mechanism,
    username: needed(sources, "saslUsername", mechanism),
    password: needed(sources, "saslPassword", mechanism),
  };
}

async function oauthSettings(sources: Sources, { insecure }: TlsSettings): Promise<OauthSettings> {
  const ca = valueOf("oauthCa", sources);
  const scope = valueOf("oauthScope", sources);
  return {
    tokenUrl: needed(sources, "oauthTokenUrl", "oauthbearer"),
    clientId: needed(sources, "oauthClientId", "oauthbearer"),
    clientSecret: needed(sources, "oauthClientSecret", "oauthbearer"),
    extensions: valueOf("oauthExtensions", sources) ?? {},
    ...(scope !== undefined && { scope }),
    tls: {
      ...DEFAULT_TLS,
      insecure,
      ...(ca !== undefined && { ca: await readCertificates(ca, "oauth-ca") }),
    },
  };
}

type Needed = "saslUsername" | "saslPassword" | "oauthTokenUrl" | "oauthClientId" | "oauthClientSecret";

function needed(sources: Sources, key: Needed, mechanism: SaslMechanism): string {
  const value = valueOf(key, sources);
  if (value !== undefined) return value;
  const option = OPTIONS[key];
  const ways = option.secret
    ? `Set ${envName(option)}, or ${envName(option)}${FILE_SUFFIX} to the path of a file that holds it.`
    : option.hidden
    ? `Set ${envName(option)}.`
    : `Give it with --${option.name} or ${envName(option)}.`;
  throw contradiction(`${mechanism} needs ${option.name}`, ways);
}

/** For commands that talk to the registry alone. */
export async function resolveRegistrySecurity(
  sources: Sources,
  shared?: TlsSettings,
): Promise<RegistrySecurity> {
  const base = shared ?? await readTls(sources, TLS_OPTIONS);
  const own = await readTls(sources, REGISTRY_TLS_OPTIONS);
  const tls = { ...base, ...own, checkName: base.checkName, insecure: base.insecure };
  const username = valueOf("registryUsername", sources);
  const password = valueOf("registryPassword", sources);
  const token = valueOf("registryToken", sources);
  if (token !== undefined) {
    if (username !== undefined || password !== undefined) {
      throw contradiction("Both a token and a user name are given for the registry", "Give one of them.");
    }
    return { tls, auth: { kind: "bearer", token } };
  }
  if (username === undefined && password === undefined) return { tls };
  if (username === undefined || password === undefined) {
    const missing = username === undefined ? OPTIONS.registryUsername : OPTIONS.registryPassword;
    throw contradiction(`The registry's credentials lack ${missing.name}`, `Set ${envName(missing)}.`);
  }
  return { tls, auth: { kind: "basic", username, password } };
}

const TLS_OPTIONS = { ca: "tlsCa", cert: "tlsCert", key: "tlsKey", keyPassword: "tlsKeyPassword" } as const;
const REGISTRY_TLS_OPTIONS = {
  ca: "registryCa",
  cert: "registryCert",
  key: "registryKey",
  keyPassword: "registryKeyPassword",
} as const;

async function readTls(
  sources: Sources,
  keys: typeof TLS_OPTIONS | typeof REGISTRY_TLS_OPTIONS,
): Promise<TlsSettings> {
  const settings = {
    checkName: valueOf("tlsCheckName", sources)!,
    insecure: valueOf("tlsInsecure", sources)!,
  };
  const ca = valueOf(keys.ca, sources);
  const cert = valueOf(keys.cert, sources);
  const key = valueOf(keys.key, sources);
  const names = { cert: OPTIONS[keys.cert].name, key: OPTIONS[keys.key].name };
  if (key !== undefined && cert === undefined) {
    throw contradiction(
      `${names.key} is given without ${names.cert}`,
      "Give the certificate of the key, too.",
    );
  }
  return {
    ...settings,
    ...(ca !== undefined && { ca: await readCertificates(ca, OPTIONS[keys.ca].name) }),
    ...(cert !== undefined && {
      cert: await readCertificates(cert, names.cert),
      key: await readKey(key ?? cert, {
        name: key === undefined ? names.cert : names.key,
        password: valueOf(keys.keyPassword, sources),
        cert: await readCertificates(cert, names.cert),
      }),
    }),
  };
}

/** All certificates in a file, or in a text that holds them itself. */
async function readCertificates(source: string, name: string): Promise<string> {
  const blocks = (await readPem(source, name)).filter(({ kind }) => /CERTIFICATE$/.test(kind));
  if (blocks.length === 0) throw invalid(name, source, "holds no certificate");
  for (const [i, { text }] of blocks.entries()) {
    try {
      new X509Certificate(text);
    } catch (error) {
      throw invalid(name, source, `holds a certificate that cannot be read, number ${i + 1}`, error);
    }
  }
  return blocks.map(({ text }) => text).join("\n");
}

/** The key as it is used: not encrypted, and that of the certificate. */
async function readKey(
  source: string,
  { name, password, cert }: { name: string; password: string | undefined; cert: string },
): Promise<string> {
  const block = (await readPem(source, name)).find(({ kind }) => /PRIVATE KEY$/.test(kind));
  if (block === undefined) throw invalid(name, source, "holds no private key");
  const isEncrypted = block.kind.startsWith("ENCRYPTED") || /^Proc-Type: 4,ENCRYPTED/m.test(block.text);
  if (isEncrypted && password === undefined) {
    const option = name.startsWith("registry") ? OPTIONS.registryKeyPassword : OPTIONS.tlsKeyPassword;
    throw contradiction(
      `The key of ${name} is encrypted`,
      `Set ${envName(option)}, or ${envName(option)}${FILE_SUFFIX}.`,
    );
  }
  let key;
  try {
    key = createPrivateKey(isEncrypted ? { key: block.text, passphrase: password! } : block.text);
  } catch (error) {
    throw invalid(
      name,
      source,
      isEncrypted ? "holds a key that its password does not open" : "holds no readable key",
      error,
    );
  }
  if (!new X509Certificate(cert).checkPrivateKey(key)) {
    throw invalid(name, source, "holds a key that is not the certificate's");
  }
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

interface Block {
  readonly kind: string;
  readonly text: string;
}

async function readPem(source: string, name: string): Promise<Block[]> {
  let text = source;
  if (!source.includes("-----BEGIN")) {
    try {
      text = await Deno.readTextFile(source);
    } catch (error) {
      const missing = error instanceof Deno.errors.NotFound;
      throw new UserError(`Cannot read ${name} ${source}: ${missing ? "no such file" : messageOf(error)}`, {
        hint: "Name a PEM file.",
        exitCode: ExitCode.config,
        cause: error,
      });
    }
  }
  const blocks = [...text.matchAll(PEM)].map(([text, kind]) => ({ kind: kind!, text }));
  if (blocks.length === 0) throw invalid(name, source, "is no PEM file");
  return blocks;
}

function invalid(name: string, source: string, what: string, cause?: unknown): UserError {
  const where = source.includes("-----BEGIN") ? name : `${name} ${source}`;
  return new UserError(`${where} ${what}`, {
    hint: "PEM files begin with -----BEGIN; openssl and keytool make them of other formats.",
    exitCode: ExitCode.config,
    cause,
  });
}

function contradiction(message: string, hint: string): UserError {
  return new UserError(message, { hint, exitCode: ExitCode.config });
}

/** Says loudly what is not as safe as it could be. */
export function warnOfRisks(
  settings: Pick<Secured, "registrySecurity"> & Partial<Secured>,
  registryUrls: readonly string[],
): void {
  for (const risk of risksOf(settings, registryUrls)) log.warn(risk);
}

/** What is not as safe as it could be. */
export function risksOf(
  { security, registrySecurity }: Pick<Secured, "registrySecurity"> & Partial<Secured>,
  registryUrls: readonly string[],
): string[] {
  const risks: string[] = [];
  const { auth, tls } = registrySecurity;
  if (tls.insecure) {
    risks.push(
      "CERTIFICATES ARE NOT CHECKED (tls-insecure): anybody on the way can read and change what goes over the network",
    );
  } else if (!tls.checkName) {
    risks.push(
      "Names in certificates are not checked (tls-check-name): any host of the same authority is believed",
    );
  }
  if (security?.protocol === "sasl_plaintext" && !security.sasl?.mechanism.startsWith("scram")) {
    risks.push("The brokers' credentials go over the network in plain text (sasl_plaintext)");
  }
  if (auth !== undefined && registryUrls.some((url) => url.startsWith("http:"))) {
    risks.push("The registry's credentials go over the network in plain text (http)");
  }
  return risks;
}

/** Everything in the settings that nobody may see. */
export function secretsIn(
  { security, registrySecurity }: Partial<Secured>,
  registryUrls: readonly string[] = [],
): string[] {
  const secrets: (string | undefined)[] = [security?.tls?.key, registrySecurity?.tls.key];
  const { sasl } = security ?? {};
  if (sasl?.mechanism === "oauthbearer") {
    const { clientId, clientSecret } = sasl.oauth;
    secrets.push(clientSecret, ...basicForms(clientId, clientSecret));
  } else if (sasl !== undefined) secrets.push(sasl.password, ...basicForms(sasl.username, sasl.password));
  const { auth } = registrySecurity ?? {};
  if (auth?.kind === "bearer") secrets.push(auth.token);
  if (auth?.kind === "basic") secrets.push(auth.password, ...basicForms(auth.username, auth.password));
  for (const url of registryUrls) {
    const { username = "", password = "" } = URL.parse(url) ?? {};
    secrets.push(
      decodeURIComponent(password),
      ...basicForms(decodeURIComponent(username), decodeURIComponent(password)),
    );
  }
  return secrets.filter((secret) => secret !== undefined && secret !== "") as string[];
}

/** As HTTP's basic authentication and SASL PLAIN put them together. */
function basicForms(username: string, password: string): string[] {
  return password === "" ? [] : [`${username}:${password}`, `\0${username}\0${password}`];
}
