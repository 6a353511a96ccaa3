/** `check` on real servers: what it says of each thing that can be wrong, and that it leaves no trace. */
import assert from "node:assert/strict";
import { testDisk, withoutDisks } from "../support/disk.ts";
import { integrationTest } from "../support/integration.ts";
import { runProgram, tempDir, type TestServers, uniqueName, waitFor } from "../support/mod.ts";
import { ALL, assertLine, runCheck } from "./check_run.ts";
import { event, type Job, makeJob, SCHEMA, TYPE } from "./events.ts";

const HOUR_MS = 3_600_000;
const CLOSED = "127.0.0.1:1";
/** Servers that are away need not be waited for. */
const SOON = { env: { KAFKA2PARQUET_STARTUP_TIMEOUT: "2s" } };

/** The job's flags, some of them replaced: those that may be repeated would add up. */
function flagsOf(job: Job, instead: Readonly<Record<string, string>>): string[] {
  const flags = [...job.flags];
  for (const [name, value] of Object.entries(instead)) flags[flags.indexOf(`--${name}`) + 1] = value;
  return flags;
}

async function archiveAll(job: Job): Promise<void> {
  await using program = runProgram([...job.flags, "--until-end"]);
  assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
}

/** What is in a folder, with all that is below. */
async function entriesOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    found.push(name);
    if (isDirectory) found.push(...(await entriesOf(`${folder}/${name}`)).map((one) => `${name}/${one}`));
  }
  return found.sort();
}

async function groups(servers: TestServers): Promise<string[]> {
  const { groups } = await servers.admin((admin) => admin.listGroups());
  return groups.map(({ groupId }) => groupId);
}

/** An HTTP server in place of a registry. */
function serve(answer: (request: Request) => Response | Promise<Response>) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

integrationTest(
  "check: all is well, in seven lines, and nothing is made, joined or committed",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder, { partitions: 3, config: { "retention.ms": `${HOUR_MS}` } });
    await job.produce(0, 90);
    await using program = runProgram(["check", ...job.flags], { env: { LC_ALL: "C.UTF-8" } });
    assert.equal((await program.exit).code, 0, program.stdout.join("\n"));
    assert.deepEqual(program.stdout.map((line) => line.replace(/:.*/, "")), ALL.map((name) => `✓ ${name}`));
    const checked = await runCheck(job.flags);
    assert.equal(checked.code, 0);
    assertLine(checked, "config", "ok", /brokers \S+ \(--brokers\); registry \S+ \(--registry\)/);
    assertLine(checked, "brokers", "ok", /^1 broker over plain text; cluster [\w-]{22}, answers in \d+ ms$/m);
    assertLine(checked, "topics", "ok", new RegExp(`${job.topic} \\(3 partitions, kept for 60 min\\)`));
    assertLine(
      checked,
      "group",
      "ok",
      /has no members/,
      /starts with the earliest record \(3 partitions\)/,
      /90 offsets to archive, of which the first \(\S+\[[012]\]\) is kept for 5\d min more/,
    );
    assertLine(checked, "registry", "ok", new RegExp(`${job.topic}-value version 1, id \\d+: 5 columns`));
    assertLine(
      checked,
      "sink",
      "ok",
      /data\/data and .*dead_letter can be made \(tried in .*\); [\d.]+ [GT]iB free/,
    );
    assertLine(checked, "clock", "ok");
    assert.deepEqual(await entriesOf(folder.path), []);
    assert.ok(!(await groups(servers)).includes(job.group));
    assert.equal((await servers.committed(job.group, job.topic)).get(0)?.offset, -1n);

    await archiveAll(job);
    const before = await entriesOf(folder.path);
    const again = await runCheck(job.flags);
    assertLine(again, "group", "ok", /goes on where it has committed \(3 partitions\); 0 offsets to archive/);
    assertLine(again, "sink", "ok", /data\/data and .*dead_letter can be written to/);
    assert.deepEqual(await entriesOf(folder.path), before);
    assert.equal((await servers.committed(job.group, job.topic)).get(0)?.offset, 30n);
  },
);

integrationTest(
  "check: unreachable brokers are exit 69; registry and folders are tried all the same",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    const checked = await runCheck(flagsOf(job, { brokers: CLOSED }), SOON);
    assert.equal(checked.code, 69);
    assertLine(
      checked,
      "brokers",
      "failed",
      /Cannot reach Kafka at .*127\.0\.0\.1:1/,
      /advertised\.listeners/,
    );
    for (const name of ["topics", "group"]) assertLine(checked, name, "not checked", /brokers failed/);
    assertLine(checked, "registry", "ok", /5 columns/);
    assertLine(checked, "sink", "ok");
    assertLine(checked, "clock", "ok");
  },
);

integrationTest(
  "check: what is wrong with the configuration wins over what cannot be reached",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    const topic = job.topic.slice(0, -1);
    const checked = await runCheck(flagsOf(job, { topic, registry: `http://${CLOSED}` }), SOON);
    assert.equal(checked.code, 78);
    assertLine(checked, "topics", "failed", /There is no topic/, new RegExp(`Did you mean "${job.topic}"`));
    assertLine(checked, "group", "not checked", /topics failed/);
    assertLine(checked, "registry", "failed", /Cannot reach the schema registry/, /Check --registry/);
    assertLine(checked, "clock", "not checked", /registry failed/);
  },
);

integrationTest(
  "check: a pattern that matches nothing is a warning, one that matches is told topic by topic",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    const none = await runCheck(flagsOf(job, { topic: "/no-such-.*/" }));
    assert.equal(none.code, 0);
    assertLine(none, "topics", "warning", /no topic matches \/no-such-\.\*\/ yet/, /wait for one/);
    const one = await runCheck(flagsOf(job, { topic: `/${job.topic.slice(0, -1)}./` }));
    assertLine(one, "topics", "ok", new RegExp(`${job.topic} \\(1 partition, kept for ever\\)`));
  },
);

integrationTest("check: an address that is no registry, and a clock that goes wrong", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder);
  await using page = serve(() => new Response("<h1>Not Found</h1>", { status: 404 }));
  const wrong = await runCheck(flagsOf(job, { registry: page.url }), SOON);
  assert.equal(wrong.code, 78);
  assertLine(
    wrong,
    "registry",
    "failed",
    /answers, but is no schema registry at this path/,
    /path of --registry/,
  );
  assertLine(wrong, "group", "ok");
  await using late = serve(async (request) => {
    const url = new URL(servers.registry);
    const answer = await fetch(url.origin + new URL(request.url).pathname);
    const headers = { "content-type": "application/json", date: new Date(Date.now() - 90_000).toUTCString() };
    return new Response(await answer.text(), { status: answer.status, headers });
  });
  const skewed = await runCheck(flagsOf(job, { registry: late.url + new URL(servers.registry).pathname }));
  assert.equal(skewed.code, 0);
  assertLine(skewed, "clock", "warning", /our clock is (8[89]|9\d) s ahead of the registry's/, /NTP/);
});

integrationTest(
  "check: groups that others use, that archive now, and that Kafka has forgotten",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    await job.produce(0, 10);
    const consumer = servers.kafka.consumer({ groupId: job.group });
    await consumer.connect();
    await consumer.subscribe({ topic: job.topic });
    const joined = Promise.withResolvers<void>();
    consumer.on("consumer.group_join", () => joined.resolve());
    await consumer.run({ eachMessage: () => Promise.resolve() });
    await joined.promise;
    const taken = await runCheck(job.flags);
    assert.equal(taken.code, 78);
    assertLine(taken, "group", "failed", /in use by another program/, /--group/);
    await consumer.disconnect();
    await servers.admin((admin) => admin.deleteGroups([job.group]));

    await using program = runProgram(job.flags);
    await program.waitForLine(/Joined group/);
    await waitFor(async () => (await servers.committed(job.group, job.topic)).get(0)!.offset >= 0n, {
      what: "the first commit",
      deadlineMs: 60_000,
    });
    assertLine(await runCheck(job.flags), "group", "ok", /has 1 member now/);
    program.signal("SIGTERM");
    assert.equal((await program.exit).code, 0);

    await servers.admin((admin) => admin.deleteGroups([job.group]));
    const lost = await runCheck(job.flags);
    assert.equal(lost.code, 78);
    assertLine(
      lost,
      "group",
      "failed",
      /Kafka holds no offsets of group .* but .* holds files/,
      /--from files/,
    );
    const found = await runCheck([...job.flags, "--from", "files"]);
    assert.equal(found.code, 0);
    assertLine(found, "group", "ok", /starts where the archive's files end \(1 partition\); 0 offsets/);
  },
);

integrationTest(
  "check: offsets that Kafka has deleted, and records that it is about to delete",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder, { config: { "retention.ms": `${HOUR_MS}` } });
    await job.produce(0, 10);
    await archiveAll(job);
    const timestamp = Date.now() - HOUR_MS * 0.9;
    await servers.produceAvro(job.topic, [event(10)], { schemaId: job.schemaId, type: TYPE, timestamp });
    const urgent = await runCheck(job.flags);
    assert.equal(urgent.code, 0);
    assertLine(
      urgent,
      "group",
      "warning",
      /1 offset to archive, of which .* is kept for [1-6]/,
      /retention\.ms/,
    );
    await servers.admin(async (admin) => {
      // kafkajs deletes records only of a topic whose offsets it has asked for.
      await admin.fetchTopicOffsets(job.topic);
      await admin.deleteTopicRecords({ topic: job.topic, partitions: [{ partition: 0, offset: "11" }] });
    });
    const lost = await runCheck(job.flags);
    assert.equal(lost.code, 78);
    assertLine(lost, "group", "failed", /offsets 10 to 10 are lost/, /--on-out-of-range/);
    const goesOn = await runCheck([...job.flags, "--on-out-of-range", "latest"]);
    assert.equal(goesOn.code, 0);
    assertLine(goesOn, "group", "warning", /offsets 10 to 10 are lost/, /go on from latest/);
  },
);

integrationTest(
  "check: schemas that cannot become columns, and subjects that are named otherwise",
  async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    const [collides, protobuf, otherwise, text, empty] = [
      "collides",
      "protobuf",
      "otherwise",
      "text",
      "empty",
    ].map(
      uniqueName,
    ) as [string, string, string, string, string];
    for (const topic of [collides, protobuf, otherwise, text, empty]) await servers.createTopic(topic);
    await servers.registerSchema(`${collides}-value`, {
      type: "record",
      name: "Twice",
      fields: [
        { name: "a_b", type: "int" },
        { name: "a", type: { type: "record", name: "Inner", fields: [{ name: "b", type: "int" }] } },
      ],
    });
    const registered = await fetch(`${servers.registry}/subjects/${protobuf}-value/versions`, {
      method: "POST",
      headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
      body: JSON.stringify({
        schemaType: "PROTOBUF",
        schema: 'syntax = "proto3"; message M { string a = 1; }',
      }),
    });
    assert.equal(registered.status, 200, await registered.text());
    const schemaId = await servers.registerSchema(uniqueName("test.Event"), { ...SCHEMA, name: "Other" });
    // Behind the record stands the mark of its transaction.
    await servers.produceAvro(otherwise, [event(1)], { schemaId, type: TYPE, transaction: "commit" });
    await servers.produceRaw(text, [{ value: '{"a":1}' }]);
    const flags = (...topics: string[]) => [
      ...flagsOf(job, { topic: topics.join(",") }),
      "--separator",
      "_",
    ];

    const bad = await runCheck(flags(collides, protobuf, job.topic));
    assert.equal(bad.code, 78);
    assertLine(bad, "registry", "failed", /a_b/, new RegExp(`${protobuf}-value .*Protobuf, not Avro`));
    const odd = await runCheck(flags(otherwise, text, empty));
    assert.equal(odd.code, 0);
    assertLine(
      odd,
      "registry",
      "warning",
      new RegExp(`a record of ${otherwise} has schema ${schemaId}: 5 columns`),
      new RegExp(`a record of ${text} has no wire header: the first byte is 123`),
      new RegExp(`no subject ${empty}-value`),
      /--on-error dead-letter/,
    );
  },
);

if (!withoutDisks()) {
  integrationTest("check: folders that cannot be written, closed, or on two disks", async (servers) => {
    await using folder = await tempDir();
    const job = await makeJob(servers, folder);
    await using disk = await testDisk({ sizeMiB: 4 });
    const output = `${disk.path}/archive/data`;
    const on = (...args: string[]) =>
      runCheck([...job.flags, "--output", output, ...args], {
        run: (args, options) => disk.runProgram(args, options),
      });
    const small = await on();
    assert.equal(small.code, 0);
    assertLine(small, "sink", "warning", /can be made/, /only [\d.]+ MiB free/);
    const apart = await on("--dead-letter", `${folder.path}/dead_letter`);
    assert.equal(apart.code, 78);
    assertLine(apart, "sink", "failed", /Cannot move files from .*data to/, /same file system/);
    await disk.sh(`mkdir ${disk.path}/archive && chmod 500 ${disk.path}/archive`);
    const closed = await on();
    assert.equal(closed.code, 78);
    assertLine(closed, "sink", "failed", /Cannot write to .*archive\/data/, /--output/);
    await disk.sh(`chmod 700 ${disk.path}/archive && mount -o remount,ro ${disk.path}`);
    const readOnly = await on();
    assert.equal(readOnly.code, 78);
    assertLine(readOnly, "sink", "failed", /the file system is read-only/, /--output/);
    assertLine(readOnly, "group", "ok");
    assert.deepEqual(await entriesOf(disk.outside(disk.path)), ["archive"]);
  });
}
