import assert from "node:assert/strict";
import { integrationTest } from "../support/integration.ts";
import { runProgram, tempDir, type TestServers } from "../support/mod.ts";
import { assertCovered, assertIds, event, makeJob, TYPE } from "./events.ts";

const MINUTE_MS = 60_000;

/** A way to the registry that can be shut for a while. */
class Door implements AsyncDisposable {
  isOpen = true;
  readonly url: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(behind: string) {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
      const { pathname, search } = new URL(request.url);
      if (!this.isOpen) return new Response("", { status: 503 });
      const answer = await fetch(behind + pathname + search);
      return new Response(await answer.text(), { status: answer.status, headers: answer.headers });
    });
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

integrationTest(
  "records that Kafka will delete before they are archived: warned of, with partition, offsets and time",
  async (servers: TestServers) => {
    await using folder = await tempDir();
    await using registry = new Door(servers.registry);
    const job = await makeJob(servers, folder, { config: { "retention.ms": String(10 * MINUTE_MS) } });
    const flags = job.flags.with(job.flags.indexOf("--registry") + 1, registry.url);
    await using program = runProgram([...flags, "--age", "300ms"]);
    await program.waitForLine(/Joined group/);
    registry.isOpen = false;
    // As if they had been there for nine of their ten minutes.
    const timestamp = Date.now() - 9 * MINUTE_MS;
    const events = Array.from({ length: 100 }, (_, id) => event(id));
    await servers.produceAvro(job.topic, events, { schemaId: job.schemaId, type: TYPE, timestamp });
    const [, left] = await program.waitForLine(
      /Data loss ahead: Kafka deletes \S+\[0\] from offset 0 on in (\d+) s, .*retention\.ms; 100 records up to offset 99 /,
    );
    assert.ok(Number(left) <= 60, left);
    await program.waitForLine(/no rows, 0 held, .*data loss of \S+\[0\] in \d+ s/);
    registry.isOpen = true;
    await program.waitForLine(/Wrote .*100 rows/);
    program.signal("SIGTERM");
    assert.equal((await program.exit).code, 0, program.stderr.join("\n"));
    assertIds(await job.archive(), 0, 100);
    await assertCovered(job);
  },
);
