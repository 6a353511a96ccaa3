/** Real brokers and a real registry that ask for credentials, and all the ways to get it wrong. */
import assert from "node:assert/strict";
import { resolveSecurity } from "../../src/cli/security.ts";
import { UserError } from "../../src/errors.ts";
import { KafkaClient } from "../../src/kafka/mod.ts";
import { Registry } from "../../src/registry/mod.ts";
import type { RegistryServer } from "../../dev/mod.ts";
import { serverTest } from "../support/integration.ts";
import { type Issuer, startIssuer } from "../support/issuer.ts";
import { type Program, runProgram, type TempDir, tempDir, TestServers, waitFor } from "../support/mod.ts";
import { Authority } from "../support/pki.ts";
import { within } from "../support/wait.ts";
import { assertIds, type Job, makeJob } from "./events.ts";
import {
  forProperties,
  PASSWORD,
  SCRAM_PASSWORD,
  type SecureKafka,
  startSecureKafka,
  USER,
} from "./secure_kafka.ts";
import {
  type Door,
  openDoor,
  REGISTRY_BASIC,
  REGISTRY_PASSWORD,
  REGISTRY_TOKEN,
  REGISTRY_USER,
  startSecureRegistry,
} from "./secure_registry.ts";

const CLIENT_ID = "archive-client";
const CLIENT_SECRET = "client%secret+0918";
const KEY_PASSWORD = "key-password-4711";
/**
 * A token, and so a login, ends twice in a test that runs for longer than this. Kafka refuses a second login on a
 * connection within a second of the first, so what is left of a token when it is replaced, a fifth, must be longer.
 */
const TOKEN_SECONDS = 10;
const SECRETS = [PASSWORD, SCRAM_PASSWORD, CLIENT_SECRET, KEY_PASSWORD, REGISTRY_PASSWORD, REGISTRY_TOKEN];
/** Of a refusal; the program itself would wait for ten times as long. */
const REFUSED_WITHIN_MS = 30_000;
const STARTUP_MS = 300_000;

interface Stage {
  readonly kafka: SecureKafka;
  readonly registry: RegistryServer;
  /** Its own port of TLS. */
  readonly registryTls: string;
  /** Without credentials of its own, for tests. */
  readonly open: Door;
  readonly servers: TestServers;
  readonly issuer: Issuer;
}

let stage: Promise<Stage> | undefined;

async function start(): Promise<Stage> {
  const [kafka, secure] = await Promise.all([startSecureKafka(), startSecureRegistry()]);
  const { server: registry, tlsUrl: registryTls } = secure;
  const open = await openDoor(registry.url, { authorize: () => REGISTRY_BASIC });
  return {
    kafka,
    registry,
    registryTls,
    open,
    servers: new TestServers({ brokers: kafka.kafka.bootstrap, registry: open.url }),
    issuer: startIssuer({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, lifeSeconds: TOKEN_SECONDS }),
  };
}

Deno.test.afterAll(async () => {
  const started = await stage;
  if (started === undefined) return;
  await started.issuer[Symbol.asyncDispose]();
  await started.open[Symbol.asyncDispose]();
  await Promise.all([started.registry.stop(), started.kafka[Symbol.asyncDispose]()]);
});

function secureTest(name: string, test: (stage: Stage) => Promise<void>): void {
  serverTest(name, { servers: () => stage ??= start(), test });
}

/** Flags without those of the servers. */
function flagsOf(job: Job): string[] {
  return ["--topic", job.topic, "--group", job.group, "--output", job.output];
}

/** A file in the test's folder; gives its path. */
async function write(folder: TempDir, name: string, text: string): Promise<string> {
  const path = `${folder.path}/${name}`;
  await Deno.writeTextFile(path, text);
  return path;
}

/** No secret in use stands in what the program has printed, in no form. */
function assertSilent(programs: readonly Program[], more: readonly string[] = []): void {
  const output = programs.flatMap(({ stdout, stderr }) => [...stdout, ...stderr]).join("\n");
  for (const secret of [...SECRETS, ...more]) {
    const forms = [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
      btoa(String.fromCharCode(...new TextEncoder().encode(secret))).replace(/=*$/, ""),
    ];
    for (const form of forms) assert(!output.includes(form), `${form} stands in the output:\n${output}`);
  }
  assert(!/-----BEGIN .*PRIVATE KEY/.test(output), "a private key stands in the output");
}

secureTest(
  "a job by client.properties over SASL_SSL, with an https registry that asks for a password",
  async (stage) => {
    await using folder = await tempDir();
    const { kafka, servers, registry } = stage;
    const certificate = await kafka.authority.certificate("registry");
    await using door = await openDoor(registry.url, { certificate });
    const job = await makeJob(servers, folder);
    await job.produce(0, 2000);
    const properties = await write(
      folder,
      "client.properties",
      [
        "# As a Java client has it",
        `bootstrap.servers=${kafka.at("SASL_TLS")}`,
        "security.protocol=SASL_SSL",
        "sasl.mechanism = PLAIN",
        "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\",
        `  username="${USER}" password="${forProperties(PASSWORD.replaceAll(/["\\]/g, "\\$&"))}";`,
        `ssl.truststore.location=${kafka.authority.ca}`,
        "ssl.truststore.type=PEM",
        "group.id=another",
        "ssl.trustsore.password=x",
      ].join("\n"),
    );
    const args = [...flagsOf(job), "--kafka-config", properties, "--registry", door.url, "--until-end"];
    const env = {
      KAFKA2PARQUET_REGISTRY_USERNAME: REGISTRY_USER,
      KAFKA2PARQUET_REGISTRY_PASSWORD_FILE: await write(folder, "password", `${REGISTRY_PASSWORD}\n`),
    };
    await using program = runProgram([...args, "--log-level", "debug", "--log-format", "text"], { env });
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    assertIds(await job.archive(), 0, 2000);
    const output = program.stderr.join("\n");
    assert.match(output, /warning Unknown keys in .*: ssl\.trustsore\.password/);
    assert.match(output, /Not used of .*: group\.id/);
    assert.doesNotMatch(output, /plain text|NOT CHECKED/);
    assertSilent([program]);
  },
);

secureTest(
  "a job over mutual TLS, with an encrypted key and a registry that wants the same",
  async (stage) => {
    await using folder = await tempDir();
    const { kafka, servers, registry } = stage;
    const certificate = await kafka.authority.certificate("registry");
    await using door = await openDoor(registry.url, {
      certificate,
      clientCa: kafka.authority.ca,
      authorize: (given) => given === `Bearer ${REGISTRY_TOKEN}` ? REGISTRY_BASIC : "refuse",
    });
    const job = await makeJob(servers, folder);
    await job.produce(0, 500);
    const key = await kafka.authority.encrypted(kafka.client.key, KEY_PASSWORD);
    const config = await write(
      folder,
      "k.toml",
      [
        `brokers = "${kafka.at("MUTUAL")}"`,
        `registry = "${door.url}"`,
        `tls-ca = "${kafka.authority.ca}"`,
        `tls-cert = "${kafka.client.cert}"`,
        `tls-key = "${key}"`,
        `tls-key-password = "${KEY_PASSWORD}"`,
        `registry-token = "${REGISTRY_TOKEN}"`,
      ].join("\n"),
    );
    await using program = runProgram([
      ...[...flagsOf(job), "--config", config, "--until-end"],
      ...["--log-level", "debug", "--log-format", "json", "--workers", "2"],
    ]);
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    assertIds(await job.archive(), 0, 500);
    assertSilent([program]);
  },
);

secureTest("logins that end and tokens that expire are renewed within the session", async (stage) => {
  await using folder = await tempDir();
  const { kafka, servers, issuer } = stage;
  const jobs = [
    await makeJob(servers, folder),
    await makeJob(servers, { ...folder, path: `${folder.path}/2` }),
  ];
  const common = [
    "--registry",
    stage.open.url,
    "--age",
    "500ms",
    "--log-level",
    "debug",
    "--log-format",
    "text",
  ];
  const sasl = ["--security-protocol", "sasl_plaintext", "--sasl-mechanism"];
  await using byPassword = runProgram(
    [
      ...flagsOf(jobs[0]!),
      ...common,
      "--brokers",
      kafka.at("SASL_SHORT"),
      ...sasl,
      "scram-sha-256",
      "--sasl-username",
      USER,
    ],
    { env: { KAFKA2PARQUET_SASL_PASSWORD: SCRAM_PASSWORD } },
  );
  await using byToken = runProgram(
    [...flagsOf(jobs[1]!), ...common, "--brokers", kafka.at("TOKEN"), ...sasl, "oauthbearer"],
    {
      env: {
        KAFKA2PARQUET_OAUTH_TOKEN_URL: issuer.tokenUrl,
        KAFKA2PARQUET_OAUTH_CLIENT_ID: CLIENT_ID,
        KAFKA2PARQUET_OAUTH_CLIENT_SECRET: CLIENT_SECRET,
      },
    },
  );
  const programs = [byPassword, byToken];
  await Promise.all(programs.map((program) => program.waitForLine(/info +Joined group/)));
  const before = issuer.tokens.length;
  let produced = 0;
  // Three tokens further on, the logins of three seconds have ended at least as often.
  await waitFor(async () => {
    await Promise.all(jobs.map((job) => job.produce(produced, produced + 50)));
    produced += 50;
    return issuer.tokens.length >= before + 3;
  }, { what: "three more tokens", deadlineMs: 60_000, everyMs: 300 });
  for (const job of jobs) {
    // What is not fetched yet when the end begins is left for the next run.
    await waitFor(
      async () => (await servers.committed(job.group, job.topic)).get(0)?.offset === BigInt(produced),
      {
        what: "the last records",
        deadlineMs: 60_000,
      },
    );
  }
  for (const program of programs) program.signal("SIGTERM");
  for (const [i, program] of programs.entries()) {
    const output = () => program.stderr.join("\n");
    assert.equal((await program.exit).code, 0, output());
    assertIds(await jobs[i]!.archive(), 0, produced);
    assert.equal(output().match(/info +Joined group/g)?.length, 1, output());
    assert.doesNotMatch(output(), /Waiting for Kafka|Lost|refuses/i);
  }
  assertSilent(programs, issuer.tokens);
});

secureTest(
  "a wrong password ends the program at once, with 78, and is not printed",
  async ({ kafka, open }) => {
    await using folder = await tempDir();
    const wrong = "wrong:password@3141592";
    const runs = ["text", "json"].map((format) =>
      runProgram([
        ...[
          "--brokers",
          kafka.at("SASL_TLS"),
          "--tls-ca",
          kafka.authority.ca,
          "--sasl-mechanism",
          "scram-sha-512",
        ],
        ...[
          "--sasl-username",
          USER,
          "--registry",
          open.url.replace("//", `//someone:${encodeURIComponent(wrong)}@`),
        ],
        ...[
          "--output",
          `${folder.path}/out`,
          "--log-level",
          "debug",
          "--log-format",
          format,
        ],
      ], { env: { KAFKA2PARQUET_SASL_PASSWORD: wrong, KAFKA2PARQUET_STARTUP_TIMEOUT: "5m" } })
    );
    for (const program of runs) {
      assert.equal((await program.exit).code, 78, program.stderr.join("\n"));
      assert.match(program.stderr.join("\n"), /refuses the credentials/);
      assert.match(program.stderr.join("\n"), /Check sasl-username and sasl-password/);
    }
    assertSilent(runs, [wrong, `someone:${wrong}`]);
  },
);

/** Options as a user would set them, by their names. */
type Options = Readonly<Record<string, string>>;

function secured(options: Options) {
  const texts = new Map(Object.entries(options).map(([name, text]) => [name, [text]]));
  return resolveSecurity({ flags: new Map(), env: {}, terminal: false, file: { path: "k.toml", texts } });
}

/** Asks for a connection; gives the error. */
async function refusedByKafka(brokers: string, options: Options): Promise<UserError> {
  const { security } = await secured(options);
  const connecting = KafkaClient.connect({
    ...{ brokers: [brokers], clientId: "test", group: "g", topics: [], startupTimeoutMs: STARTUP_MS },
    security,
  }, new AbortController().signal).then((client) => {
    client.disconnect();
    throw new Error("the connection was made");
  });
  return await refusal(connecting);
}

async function refusedByRegistry(urls: readonly string[], options: Options): Promise<UserError> {
  const { registrySecurity: security } = await secured(options);
  const end = new AbortController();
  const registry = new Registry({ urls, signal: end.signal, security });
  const pinging = registry.ping(end.signal, STARTUP_MS).then(() => {
    throw new Error("the registry let us in");
  });
  return await refusal(pinging).finally(() => end.abort());
}

async function refusal(promise: Promise<never>): Promise<UserError> {
  const error = await within(promise.catch((error: unknown) => error), REFUSED_WITHIN_MS);
  assert(error instanceof UserError, String(error));
  assert.equal(error.exitCode, 78, error.message);
  return error;
}

function assertSays(error: UserError, message: RegExp, hint: RegExp): void {
  assert.match(error.message, message);
  assert.match(error.hint ?? "", hint);
}

const LOGIN = { "sasl-mechanism": "plain", "sasl-username": USER, "sasl-password": PASSWORD } as const;

secureTest("every mistake with brokers is told for what it is", async ({ kafka, issuer }) => {
  const { at, authority, client } = kafka;
  const ca = authority.ca;
  await using other = await Authority.create("Other Authority");
  const stranger = await other.certificate("stranger");
  const plain = kafka.kafka.bootstrap;
  const inClear = { "security-protocol": "sasl_plaintext" };
  const byToken = {
    ...inClear,
    "sasl-mechanism": "oauthbearer",
    "oauth-token-url": issuer.tokenUrl,
    "oauth-client-id": CLIENT_ID,
  };
  const cases: readonly (readonly [string, Options, RegExp, RegExp])[] = [
    [
      at("TLS"),
      { "tls-ca": other.ca },
      /not from an authority in --tls-ca: it is from "Test Authority"/,
      /--tls-ca/,
    ],
    [at("TLS"), { "security-protocol": "ssl" }, /not from a public authority/, /--tls-ca/],
    [at("WRONG_NAME"), { "tls-ca": ca }, /not for the name 127\.0\.0\.1 but for other\.example/, /name/],
    [at("EXPIRED"), { "tls-ca": ca }, /expired on 2020-02-01/, /Renew/],
    [at("MUTUAL"), { "tls-ca": ca }, /asks for a client certificate/, /--tls-cert and --tls-key/],
    [
      at("MUTUAL"),
      { "tls-ca": ca, "tls-cert": stranger.cert, "tls-key": stranger.key },
      /refuses our client certificate/,
      /trusts its issuer/,
    ],
    [at("TLS"), {}, /speaks TLS on this port/, /--security-protocol ssl/],
    [at("SASL_TLS"), { ...LOGIN, ...inClear }, /speaks TLS on this port/, /--security-protocol sasl_ssl/],
    [plain, { "tls-ca": ca }, /does not speak TLS on this port/, /--security-protocol plaintext/],
    [at("SASL"), { ...LOGIN, "tls-ca": ca }, /does not speak TLS/, /--security-protocol sasl_plaintext/],
    [at("SASL"), {}, /asks for SASL credentials: it offers PLAIN$/, /sasl_plaintext --sasl-mechanism plain/],
    [
      at("SASL_TLS"),
      { "tls-ca": ca },
      /asks for SASL credentials: .*SCRAM-SHA-256/,
      /--security-protocol sasl_ssl/,
    ],
    [plain, { ...LOGIN, ...inClear }, /wants no SASL credentials/, /plaintext without them/],
    [
      at("SASL"),
      { ...LOGIN, ...inClear, "sasl-mechanism": "scram-sha-256" },
      /SCRAM-SHA-256 but PLAIN$/,
      /--sasl-mechanism/,
    ],
    [
      at("SASL"),
      { ...LOGIN, ...inClear, "sasl-password": "not-the-one" },
      /refuses the credentials/,
      /made for PLAIN/,
    ],
    [
      at("SASL_TLS"),
      { ...LOGIN, "tls-ca": ca, "sasl-mechanism": "scram-sha-256" },
      /refuses the credentials/,
      /SCRAM-SHA-256/,
    ],
    [
      at("TOKEN"),
      { ...byToken, "oauth-client-secret": "not-the-one" },
      /refuses us: HTTP 401: invalid_client/,
      /oauth-client-secret/,
    ],
  ];
  for (const [brokers, options, message, hint] of cases) {
    assertSays(await refusedByKafka(brokers, options), message, hint);
  }
  issuer.answer = "bad token";
  try {
    const error = await refusedByKafka(at("TOKEN"), { ...byToken, "oauth-client-secret": CLIENT_SECRET });
    assertSays(error, /refuses the credentials/, /trusts the issuer/);
  } finally {
    issuer.answer = "token";
  }
  // What was refused for its name or date is let in where that is not to be checked.
  for (
    const [brokers, options] of [
      [at("WRONG_NAME"), { "tls-ca": ca, "tls-check-name": "false" }],
      [at("EXPIRED"), { "security-protocol": "ssl", "tls-insecure": "true" }],
      [at("MUTUAL"), { "tls-ca": ca, "tls-cert": client.both }],
    ] as const
  ) {
    const { security } = await secured(options);
    const connected = await KafkaClient.connect(
      { brokers: [brokers], clientId: "test", group: "g", topics: [], security },
      new AbortController().signal,
    );
    assert(await connected.clusterId());
    connected.disconnect();
  }
});

secureTest("every mistake with the registry is told for what it is", async (stage) => {
  const { registry, registryTls, kafka: { authority } } = stage;
  await using other = await Authority.create("Other Authority");
  const open = { authorize: () => REGISTRY_BASIC };
  await using good = await openDoor(registry.url, {
    ...open,
    certificate: await authority.certificate("good"),
  });
  await using expired = await openDoor(registry.url, {
    certificate: await authority.certificate("old", { expired: true }),
  });
  await using wrongName = await openDoor(registry.url, {
    certificate: await authority.certificate("else", { names: "DNS:other.example" }),
  });
  await using mutual = await openDoor(registry.url, {
    certificate: await authority.certificate("mutual"),
    clientCa: authority.ca,
  });
  const ca = { "tls-ca": authority.ca };
  const cases: readonly (readonly [string, Options, RegExp, RegExp])[] = [
    [registry.url, {}, /refuses us: HTTP 401/, /registry-username and registry-password/],
    [
      registry.url,
      { "registry-username": REGISTRY_USER, "registry-password": "not-the-one" },
      /refuses us: HTTP 401/,
      /Check the credentials/,
    ],
    [
      good.url,
      { "tls-ca": other.ca },
      /not from an authority in .*--tls-ca: it is from "Test Authority"/,
      /registry-ca/,
    ],
    [expired.url, ca, /expired on 2020-02-01/, /Renew/],
    [wrongName.url, ca, /not for the name 127\.0\.0\.1 but for other\.example/, /name/],
    [mutual.url, ca, /asks for a client certificate/, /registry-cert/],
    [registry.url.replace("http:", "https:"), ca, /does not speak TLS on this port/, /without TLS/],
    [registryTls, ca, /not from an authority in .*: it is from "Registry Authority"/, /registry-ca/],
    [registryTls.replace("https:", "http:"), {}, /speaks TLS on this port/, /Write https:\/\//],
    [good.url.replace("https:", "http:"), {}, /speaks TLS on this port/, /https:\/\//],
  ];
  for (const [url, options, message, hint] of cases) {
    assertSays(await refusedByRegistry([url], options), message, hint);
  }
  // One of two that cannot be believed is not the end.
  const { registrySecurity: security } = await secured({ ...ca, "registry-ca": authority.ca });
  const end = new AbortController();
  const both = new Registry({ urls: [expired.url, good.url], signal: end.signal, security });
  await within(both.ping(end.signal, STARTUP_MS), REFUSED_WITHIN_MS);
  end.abort();
});
