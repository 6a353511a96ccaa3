/** `check` where brokers ask who we are, let us do only a part, or advertise what cannot be reached. */
import assert from "node:assert/strict";
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from "kafkajs";
import { type KafkaServer, startKafka } from "../../dev/mod.ts";
import { serverTest } from "../support/integration.ts";
import { runProgram, tempDir, TestServers, testServers } from "../support/mod.ts";
import { Authority } from "../support/pki.ts";
import { ALL, assertLine, type Checked, runCheck } from "./check_run.ts";
import { type Job, makeJob } from "./events.ts";

const USER = "archiver";
const PASSWORD = "check-secret-1290";
const CLOSED = "127.0.0.1:1";

interface Stage {
  readonly kafka: KafkaServer;
  readonly authority: Authority;
  /** As an administrator. */
  readonly servers: TestServers;
}

let stage: Promise<Stage> | undefined;

/** Two brokers that let nobody do anything but who comes without a name. */
async function start(): Promise<Stage> {
  const authority = await Authority.create("Test Authority");
  const { both } = await authority.certificate("server");
  const login =
    `org.apache.kafka.common.security.plain.PlainLoginModule required user_${USER}="${PASSWORD}";`;
  const kafka = await startKafka({
    brokers: 2,
    config: {
      "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      "super.users": "User:ANONYMOUS",
    },
    listeners: [
      {
        name: "SECURE",
        protocol: "SASL_SSL",
        config: {
          "ssl.keystore.type": "PEM",
          "ssl.keystore.location": both,
          "sasl.enabled.mechanisms": "PLAIN",
          "plain.sasl.jaas.config": login,
        },
      },
      { name: "LOST", protocol: "PLAINTEXT", config: {}, advertised: { 2: CLOSED } },
    ],
  });
  const { registry } = await testServers();
  return { kafka, authority, servers: new TestServers({ brokers: kafka.bootstrap, registry }) };
}

Deno.test.afterAll(async () => {
  const started = await stage;
  await started?.kafka.stop();
  await started?.authority[Symbol.asyncDispose]();
});

function accessTest(name: string, test: (stage: Stage) => Promise<void>): void {
  serverTest(name, { servers: () => stage ??= start(), test });
}

/** The job's flags but for those that say how to reach the brokers. */
function flagsOf(job: Job, brokers: string): string[] {
  return [...job.flags.slice(job.flags.indexOf("--registry")), "--brokers", brokers];
}

accessTest("check: wrong password, wrong authority, plain text to a TLS port are exit 78", async (stage) => {
  await using folder = await tempDir();
  const { kafka, authority, servers } = stage;
  const job = await makeJob(servers, folder);
  const flags = flagsOf(job, kafka.nodes[0]!.listeners.get("SECURE")!);
  const login = ["--sasl-mechanism", "plain", "--sasl-username", USER];
  const tls = ["--tls-ca", authority.ca];
  const run = async (args: readonly string[], password: string) => {
    const checked = await runCheck([...flags, ...args], { env: { KAFKA2PARQUET_SASL_PASSWORD: password } });
    assert.ok(!checked.program.stdout.join("\n").includes(password), "the password is shown");
    return checked;
  };
  await using other = await Authority.create("Another Authority");
  const cases: [Checked, ...RegExp[]][] = [
    [await run([...login, ...tls], "wrong-secret-9021"), /refuses the credentials/, /sasl-password/],
    [await run([...login, "--tls-ca", other.ca], PASSWORD), /not from an authority/, /--tls-ca/],
    [
      await run([...login, "--security-protocol", "sasl_plaintext"], PASSWORD),
      /speaks TLS on this port/,
      /--security-protocol sasl_ssl/,
    ],
    [
      await runCheck([...flagsOf(job, kafka.nodes[0]!.address), "--security-protocol", "ssl", ...tls]),
      /does not speak TLS on this port/,
      /--security-protocol plaintext/,
    ],
  ];
  for (const [checked, ...said] of cases) {
    assert.equal(checked.code, 78);
    assertLine(checked, "brokers", "failed", ...said);
    assertLine(checked, "sink", "ok");
  }
  assertLine(cases[2]![0], "config", "warning", /credentials go over the network in plain text/);
});

accessTest(
  "check: rights that are missing are told one after the other, until all is allowed",
  async (stage) => {
    await using folder = await tempDir();
    const { kafka, authority, servers } = stage;
    const job = await makeJob(servers, folder, { partitions: 2 });
    await job.produce(0, 10);
    const { TOPIC, GROUP } = AclResourceTypes;
    const { DESCRIBE, READ } = AclOperationTypes;
    const allow = async (resourceType: AclResourceTypes, operation: AclOperationTypes) => {
      await servers.admin((admin) =>
        admin.createAcls({
          acl: [{
            resourceType,
            resourceName: resourceType === TOPIC ? job.topic : job.group,
            resourcePatternType: ResourcePatternTypes.LITERAL,
            principal: `User:${USER}`,
            host: "*",
            operation,
            permissionType: AclPermissionTypes.ALLOW,
          }],
        })
      );
    };
    const flags = [
      ...flagsOf(job, kafka.nodes.map((node) => node.listeners.get("SECURE")).join(",")),
      ...["--sasl-mechanism", "plain", "--sasl-username", USER, "--tls-ca", authority.ca],
    ];
    const env = { KAFKA2PARQUET_SASL_PASSWORD: PASSWORD };
    /** Rights reach the brokers a moment after they were given. */
    const until = async (isThere: (checked: Checked) => boolean) => {
      const deadlineMs = performance.now() + 60_000;
      for (;;) {
        const checked = await runCheck(flags, { env });
        if (isThere(checked) || performance.now() > deadlineMs) return checked;
      }
    };
    const nothing = await runCheck(flags, { env });
    assert.equal(nothing.code, 78);
    assertLine(nothing, "brokers", "ok", /^\d brokers? over TLS with plain; cluster/);
    assertLine(nothing, "topics", "failed", /TOPIC_AUTHORIZATION_FAILED/, /rights/);
    assertLine(nothing, "group", "not checked");
    await allow(TOPIC, DESCRIBE);
    const described = await until(({ lines }) => /No right to read/.test(lines.get("topics")!.what));
    assert.equal(described.code, 78);
    assertLine(described, "topics", "failed", /No right to read the topic/, /Allow DESCRIBE and READ/);
    await allow(TOPIC, READ);
    const readable = await until(({ lines }) => lines.get("topics")!.ok);
    assert.equal(readable.code, 78);
    assertLine(readable, "topics", "ok", /2 partitions, no right to see for how long it is kept/);
    assertLine(readable, "group", "failed", /No right to use the consumer group/, /Allow READ on the group/);
    await using archiving = runProgram([...flags, "--until-end"], { env });
    assert.equal((await archiving.exit).code, 78, archiving.stderr.join("\n"));
    assert.match(archiving.stderr.join("\n"), /No right to use the consumer group/);
    // To be shown the group is not enough to join it.
    await allow(GROUP, DESCRIBE);
    const shown = await until(() => true);
    assertLine(shown, "group", "failed", /No right to use the consumer group/);
    await allow(GROUP, READ);
    const all = await until(({ lines }) => lines.get("group")!.ok);
    assert.equal(all.code, 0);
    for (const name of ALL) assertLine(all, name, "ok");
  },
);

accessTest(
  "check: each broker that leads a partition must be reachable as it advertises itself",
  async (stage) => {
    await using folder = await tempDir();
    const { kafka, servers } = stage;
    const job = await makeJob(servers, folder, { partitions: 4 });
    const lost = kafka.nodes.map((node) => node.listeners.get("LOST")!);
    const half = await runCheck(flagsOf(job, lost.join(",")));
    assert.equal(half.code, 69);
    assertLine(
      half,
      "brokers",
      "failed",
      /Cannot reach 127\.0\.0\.1:1 .*advertised/,
      /advertised\.listeners/,
    );
    for (const name of ["topics", "group"]) assertLine(half, name, "not checked", /brokers failed/);
    const well = await runCheck(flagsOf(job, kafka.bootstrap));
    assert.equal(well.code, 0);
    assertLine(well, "brokers", "ok", /^2 brokers over plain text/);
  },
);
