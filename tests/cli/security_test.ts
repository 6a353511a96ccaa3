import assert from "node:assert/strict";
import { type Actions, runCommand } from "../../src/cli/program.ts";
import { resolveConfig, type Sources } from "../../src/cli/resolve.ts";
import { resolveSecurity, secretsIn } from "../../src/cli/security.ts";
import { readSources } from "../../src/cli/sources.ts";
import { UserError } from "../../src/errors.ts";
import { hideSecrets, redact } from "../../src/secrets.ts";
import { Authority } from "../support/pki.ts";
import { tempDir } from "../support/mod.ts";

type Options = Readonly<Record<string, string>>;

function sources(options: Options, more: Partial<Sources> = {}): Sources {
  const texts = new Map(Object.entries(options).map(([name, text]) => [name, [text]]));
  return { flags: new Map(), env: {}, terminal: false, file: { path: "k.toml", texts }, ...more };
}

async function refused(options: Options, message: RegExp, hint: RegExp = /./): Promise<void> {
  await assert.rejects(resolveSecurity(sources(options)), (error) => {
    assert(error instanceof UserError, String(error));
    assert.match(error.message, message);
    assert.match(error.hint ?? "", hint);
    assert.equal(error.exitCode, 78);
    return true;
  });
}

const PLAIN = { "sasl-mechanism": "plain", "sasl-username": "me", "sasl-password": "hidden-password" };
const TLS = { checkName: true, insecure: false };

Deno.test("without anything given, nothing is secured", async () => {
  assert.deepEqual(await resolveSecurity(sources({})), {
    security: { protocol: "plaintext" },
    registrySecurity: { tls: TLS },
  });
});

Deno.test("credentials alone mean SASL over TLS", async () => {
  const { security } = await resolveSecurity(sources(PLAIN));
  const sasl = { mechanism: "plain", username: "me", password: "hidden-password" };
  assert.deepEqual(security, { protocol: "sasl_ssl", tls: TLS, sasl });
});

Deno.test("not to check certificates alone means TLS, as certificates alone do", async () => {
  const { security } = await resolveSecurity(sources({ "tls-insecure": "true" }));
  assert.deepEqual(security, { protocol: "ssl", tls: { ...TLS, insecure: true } });
  const { protocol } = (await resolveSecurity(sources({ "tls-insecure": "false" }))).security;
  assert.equal(protocol, "plaintext");
});

Deno.test("flags go before environment, config file, secret files and a client's file", async () => {
  const given = (text: string) => new Map([["sasl-username", { texts: [text], key: "sasl.username" }]]);
  const client = { path: "c", texts: given("of the client") };
  const who = async (more: Partial<Sources>, options: Options = {}) => {
    const { "sasl-username": _, ...rest } = PLAIN;
    const { security } = await resolveSecurity(sources({ ...rest, ...options }, { client, ...more }));
    return security.sasl?.mechanism === "plain" && security.sasl.username;
  };
  const flags = new Map([["sasl-username", ["of the flag"]]]);
  const env = { KAFKA2PARQUET_SASL_USERNAME: "of the environment" };
  assert.equal(await who({}), "of the client");
  assert.equal(await who({}, { "sasl-username": "of the file" }), "of the file");
  assert.equal(await who({ env }, { "sasl-username": "of the file" }), "of the environment");
  assert.equal(await who({ env, flags }), "of the flag");
  const brokers = new Map([["brokers", { texts: ["b:1"], key: "bootstrap.servers" }]]);
  assert.deepEqual(resolveConfig(sources({}, { client: { path: "c", texts: brokers } })).brokers, ["b:1"]);
});

Deno.test("what contradicts itself or is not complete is refused", async () => {
  await refused({ ...PLAIN, "security-protocol": "ssl" }, /ssl has no use for them/, /sasl_ssl/);
  await refused({ ...PLAIN, "security-protocol": "PLAINTEXT" }, /plaintext has no use/, /sasl_plaintext/);
  await refused({ "security-protocol": "sasl_ssl" }, /not said how to log in/, /--sasl-mechanism/);
  await refused({ ...PLAIN, "sasl-mechanism": "GSSAPI" }, /not among the choices/, /scram-sha-512/);
  await refused(
    { "sasl-mechanism": "plain", "sasl-username": "me" },
    /plain needs sasl-password/,
    /SASL_PASSWORD_FILE/,
  );
  await refused({ "sasl-mechanism": "plain" }, /needs sasl-username/, /--sasl-username/);
  await refused(
    { "sasl-mechanism": "oauthbearer" },
    /needs oauth-token-url/,
    /KAFKA2PARQUET_OAUTH_TOKEN_URL/,
  );
  await refused({ "registry-username": "me" }, /lack registry-password/, /KAFKA2PARQUET_REGISTRY_PASSWORD/);
  await refused({ "registry-token": "t", "registry-username": "me" }, /Both a token and a user name/);
  await refused({ "tls-key": "k.pem" }, /without tls-cert/);
  await refused({ "tls-ca": "no/such.pem" }, /Cannot read tls-ca no\/such\.pem: no such file/);
  await refused({
    "oauth-extensions": "a=b,auth=c",
    "sasl-mechanism": "oauthbearer",
    "oauth-token-url": "http://i/",
    "oauth-client-id": "i",
    "oauth-client-secret": "hidden-secret",
  }, /no list of NAME=TEXT/);
});

Deno.test("certificates and keys are read, opened, and matched with each other", async () => {
  await using authority = await Authority.create("A");
  const own = await authority.certificate("own");
  const other = await authority.certificate("other");
  const encrypted = await authority.encrypted(own.key, "opens it all");
  const { ca } = authority;
  const keyOf = async (options: Options) => (await resolveSecurity(sources(options))).security.tls?.key;
  const key = await keyOf({ "tls-ca": ca, "tls-cert": own.cert, "tls-key": own.key });
  assert.match(key ?? "", /BEGIN PRIVATE KEY/);
  assert.equal(await keyOf({ "tls-cert": own.both }), key);
  assert.equal(
    await keyOf({ "tls-cert": own.cert, "tls-key": encrypted, "tls-key-password": "opens it all" }),
    key,
  );
  assert.equal(await keyOf({ "tls-cert": await Deno.readTextFile(own.both) }), key);
  await refused({ "tls-cert": own.cert, "tls-key": encrypted }, /is encrypted/, /TLS_KEY_PASSWORD_FILE/);
  await refused(
    { "tls-cert": own.cert, "tls-key": encrypted, "tls-key-password": "hidden-and-wrong" },
    /password does not open$/,
  );
  await refused({ "tls-cert": own.cert, "tls-key": other.key }, /not the certificate's$/);
  await refused({ "tls-cert": own.cert }, /holds no private key/);
  await refused({ "tls-ca": own.key }, /holds no certificate/);
  await refused({ "tls-ca": `${authority.folder}/ca.cnf` }, /is no PEM file/, /openssl/);
  await refused(
    { "tls-ca": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" },
    /cannot be read, number 1/,
  );
});

Deno.test("the registry has what Kafka has, but for what is its own", async () => {
  await using authority = await Authority.create("A");
  await using second = await Authority.create("B");
  const own = await authority.certificate("own");
  const both = { "tls-ca": authority.ca, "tls-cert": own.both };
  const shared = await resolveSecurity(sources(both));
  assert.deepEqual(shared.registrySecurity.tls, shared.security.tls);
  const { security, registrySecurity } = await resolveSecurity(
    sources({ ...both, "registry-ca": second.ca }),
  );
  assert.notEqual(registrySecurity.tls.ca, security.tls?.ca);
  assert.equal(registrySecurity.tls.key, security.tls?.key);
});

Deno.test("secrets come from files that variables name, without the line end behind them", async () => {
  await using folder = await tempDir();
  await Deno.writeTextFile(`${folder.path}/password`, " with spaces \n");
  const name = "KAFKA2PARQUET_SASL_PASSWORD";
  const withEnv = async (env: Record<string, string>, test: () => Promise<void>) => {
    for (const [key, value] of Object.entries(env)) Deno.env.set(key, value);
    try {
      await test();
    } finally {
      for (const key of Object.keys(env)) Deno.env.delete(key);
    }
  };
  await withEnv({ [`${name}_FILE`]: `${folder.path}/password` }, async () => {
    const { sources } = await readSources(new Map());
    assert.equal(sources.secrets?.get("sasl-password"), " with spaces ");
  });
  await withEnv({ [`${name}_FILE`]: `${folder.path}/none` }, async () => {
    await assert.rejects(readSources(new Map()), {
      exitCode: 78,
      message: /Cannot read .*none of .*_FILE: no such file/,
    });
  });
  await withEnv({ [`${name}_FILE`]: `${folder.path}/password`, [name]: "x" }, async () => {
    await assert.rejects(readSources(new Map()), { exitCode: 78, message: /Both .* are set/ });
  });
});

Deno.test("no secret is quoted where a value is wrong, and none can be a flag", async () => {
  const env = {
    KAFKA2PARQUET_SASL_PASSWORD: "",
    KAFKA2PARQUET_TLS_CHECK_NAME: "-----BEGIN PRIVATE KEY-----",
  };
  await assert.rejects(resolveSecurity(sources({}, { env })), (error) => {
    assert(error instanceof UserError);
    assert.equal(error.message, "KAFKA2PARQUET_TLS_CHECK_NAME=*** is neither true nor false");
    return true;
  });
  await assert.rejects(runCommand(["--sasl-password=hidden-password"], {} as Actions), (error) => {
    assert(error instanceof UserError);
    assert.equal(error.message, 'Unknown option "--sasl-password"');
    assert.match(error.hint ?? "", /set KAFKA2PARQUET_SASL_PASSWORD, or KAFKA2PARQUET_SASL_PASSWORD_FILE/);
    assert.equal(error.exitCode, 2);
    return true;
  });
});

Deno.test("every secret of the settings is hidden, in every form it may be printed in", async () => {
  await using authority = await Authority.create("A");
  const own = await authority.certificate("own");
  const secured = await resolveSecurity(
    sources({
      ...PLAIN,
      "tls-cert": own.both,
      "registry-username": "you",
      "registry-password": 'reg"istry/pass',
    }),
  );
  hideSecrets(secretsIn(secured, ["https://u:url%2Fpassword@registry"]));
  const key = (await Deno.readTextFile(own.key)).split("\n");
  const line = [
    "hidden-password",
    btoa("me:hidden-password"),
    'reg"istry/pass',
    JSON.stringify({ a: 'reg"istry/pass' }),
    btoa('you:reg"istry/pass'),
    "https://u:url%2Fpassword@registry",
    "url/password",
    ...key,
  ].join("\n");
  const shown = redact(line);
  for (const part of ["hidden-p", "istry/pass", "url/", "url%2F", btoa('you:reg"i'), ...key.slice(1, -2)]) {
    assert(!shown.includes(part), `${part} stands in ${shown}`);
  }
  assert.equal(redact("nothing secret, me and you"), "nothing secret, me and you");
});
