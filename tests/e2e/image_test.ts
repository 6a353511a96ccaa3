/**
 * The binary in the file system of the Dockerfile's image: as user 65532 without any capability, as process 1 in
 * namespaces of its own, on a root that nobody can write to, with a volume.
 */
import assert from "node:assert/strict";

import { freePorts } from "../../dev/ports.ts";
import { assertCovered, assertIds, type Job, makeJob } from "../integration/events.ts";
import { cannotRunImage, type ImageVolume, imageVolume } from "../support/image.ts";
import { integrationTest } from "../support/integration.ts";
import { parquetFiles, readArchive, waitFor } from "../support/mod.ts";
import type { TestServers } from "../support/servers.ts";
import { BINARY } from "./binary.ts";

const reason = BINARY === undefined ? "there is no binary" : await cannotRunImage();
if (reason !== undefined) console.error(`The image is not tried: ${reason}.`);

const imageTest: typeof integrationTest = reason === undefined
  ? integrationTest
  : (name) => Deno.test({ name, ignore: true, fn: () => {} });

/** The Dockerfile's. */
const HEALTH_CHECK = ["status"];

/** Whose archive is in the volume, as in the image by default. */
async function jobIn(volume: ImageVolume, servers: TestServers): Promise<Job> {
  const job = await makeJob(servers, volume, { partitions: 2 });
  return {
    ...job,
    output: `${volume.path}/data`,
    flags: [...servers.flags, "--topic", job.topic, "--group", job.group],
    archive: () => readArchive(`${volume.path}/data`),
  };
}

imageTest(
  "the image archives a topic into its volume, and a signal makes it save and exit 0",
  async (servers) => {
    await using volume = await imageVolume(BINARY!);
    const job = await jobIn(volume, servers);
    await job.produce(0, 3_000);
    await using container = await volume.start(job.flags, {
      KAFKA2PARQUET_ROWS: "1000",
      KAFKA2PARQUET_AGE: "1h",
    });
    await waitFor(async () => (await parquetFiles(job.output)).length >= 2, { what: "two files" });
    await assertWithoutRights(container.pid);
    await job.produce(3_000, 3_100);
    container.signal("SIGTERM");
    assert.equal((await container.program.exit).code, 0, container.program.stderr.join("\n"));
    await assertCovered(job);
    const owners = await Promise.all(
      (await parquetFiles(job.output)).map(async (path) => (await Deno.stat(path)).uid),
    );
    assert.deepEqual([...new Set(owners)], [65532]);

    await using rest = await volume.start([...job.flags, "--until-end"]);
    assert.equal((await rest.program.exit).code, 0, rest.program.stderr.join("\n"));
    assertIds(await job.archive(), 0, 3_100);
    await assertCovered(job);

    await using verified = await volume.start([
      "verify",
      "parquet_data/data",
      "--brokers",
      servers.brokers,
      "--deep",
    ]);
    assert.equal((await verified.program.exit).code, 0, verified.program.stdout.join("\n"));
    assert.match(verified.program.stdout.at(-1)!, /3,100 rows: complete$/);
  },
);

imageTest(
  "the image's health check passes while the program lives, and fails without it",
  async (servers) => {
    await using volume = await imageVolume(BINARY!);
    const job = await jobIn(volume, servers);
    const env = { KAFKA2PARQUET_HTTP: `127.0.0.1:${freePorts(1)[0]}` };
    await using container = await volume.start(job.flags, env);
    const isHealthy = async () => {
      await using check = container.exec(HEALTH_CHECK);
      return (await check.exit).code === 0;
    };
    await waitFor(isHealthy, { what: "a health check that passes", deadlineMs: 60_000 });
    container.signal("SIGTERM");
    assert.equal((await container.program.exit).code, 0, container.program.stderr.join("\n"));
    await using gone = await volume.start(HEALTH_CHECK, env);
    assert.equal((await gone.program.exit).code, 69, gone.program.stderr.join("\n"));
  },
);

/** What the kernel says of the process. */
async function assertWithoutRights(pid: number): Promise<void> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1]?.split(/\s+/);
  assert.equal(field("NSpid")?.at(-1), "1");
  assert.deepEqual(field("Uid"), Array(4).fill("65532"));
  assert.deepEqual(field("Gid"), Array(4).fill("65532"));
  for (const name of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) assert.match(field(name)![0]!, /^0+$/, name);
  assert.deepEqual(field("NoNewPrivs"), ["1"]);
  const mounts = (await Deno.readTextFile(`/proc/${pid}/mountinfo`)).trim().split("\n").map((line) =>
    line.split(" ")
  );
  const writable = mounts.filter((mount) => mount[5]!.split(",")[0] === "rw").map((mount) => mount[4]!);
  assert.deepEqual(writable.sort(), ["/archive/parquet_data", "/proc"]);
}
