/** What the supervisor serves of its archivers, which stand-ins play here. */
import assert from "node:assert/strict";

import { type Program, runCommand } from "../support/program.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait.ts";
import type { SupervisedOptions } from "./workers/supervise.ts";

const SUPERVISE = new URL("./workers/supervise.ts", import.meta.url).pathname;

function supervised(options: SupervisedOptions): Program {
  return runCommand([Deno.execPath(), "run", "-A", SUPERVISE, JSON.stringify(options)]);
}

/** Asks a program for paths at the address that it says in its log. */
async function asker(program: Program) {
  const [, url] = await program.waitForLine(
    /Status page, health and metrics: (http:\/\/127\.0\.0\.1:[1-9]\d*\/)$/,
  );
  return async (path: string) => {
    const response = await fetch(new URL(path, url));
    return { status: response.status, text: await response.text() };
  };
}

/** Waits for an answer that matches. */
function answers(ask: Awaited<ReturnType<typeof asker>>, path: string, status: number, text: RegExp) {
  return waitFor(async () => {
    const answer = await ask(path);
    return answer.status === status && text.test(answer.text) && answer;
  }, { what: `${path} to answer ${status} with ${text}` });
}

Deno.test("ready from the first join until the end begins; alive and answering while it drains", async () => {
  await using folder = await tempDir();
  await using program = supervised({
    scenario: "joins when it may, never drains",
    flags: { http: "127.0.0.1:0", output: folder.path },
  });
  const ask = await asker(program);
  await answers(ask, "readyz", 503, /^\[\+\]broker ok\n[^]*^\[-\]group failed: not joined yet$/m);
  assert.match((await ask("status.json")).text, /"state":"starting"/);
  await Deno.writeTextFile(`${folder.path}/may-join`, "");
  await answers(ask, "readyz", 200, /^\[\+\]group joined$/m);
  assert.match((await ask("status.json")).text, /"state":"running"/);
  program.signal("SIGTERM");
  await answers(ask, "readyz", 503, /^\[-\]shutdown draining$/m);
  assert.equal((await ask("livez")).status, 200);
  assert.match((await ask("metrics")).text, /^kafka2parquet_ready 0$/m);
  // One that comes too soon after the first would be taken for the same.
  await waitFor(() => {
    program.signal("SIGTERM");
    return program.ended;
  }, { what: "the end", everyMs: 300 });
  assert.equal((await program.exit).code, 130);
});

Deno.test("a worker that is dead and not replaced yet is told, and what it held counts no more", async () => {
  await using folder = await tempDir();
  await using program = supervised({
    scenario: "reports, and the second dies once",
    flags: { http: "127.0.0.1:0", workers: "2", output: folder.path },
    // Longer than the test.
    rebuildPauseMs: 300_000,
  });
  const ask = await asker(program);
  await answers(ask, "livez", 503, /^\[\+\]worker 1 ok\n\[-\]worker 2 failed: .*in a timer/);
  await answers(ask, "readyz", 503, /^\[-\]broker failed: worker 2: .*in a timer/);
  await answers(ask, "metrics", 200, /^kafka2parquet_buffered_bytes 100$[^]*^kafka2parquet_workers 1$/m);
});

Deno.test("counts of all workers, also of one that died", async () => {
  await using folder = await tempDir();
  await using program = supervised({
    scenario: "reports, and the second dies once",
    flags: { http: "127.0.0.1:0", workers: "2", output: folder.path },
    rebuildPauseMs: 10,
  });
  const ask = await asker(program);
  await answers(ask, "metrics", 200, /^kafka2parquet_worker_restarts_total 1$/m);
  await answers(ask, "livez", 200, /^\[\+\]worker 2 ok$/m);
  await answers(ask, "metrics", 200, /^kafka2parquet_archived_rows_total 7200$/m);
  const { text } = await answers(ask, "metrics", 200, /^kafka2parquet_buffered_bytes 200$/m);
  assert.match(text, /^kafka2parquet_skipped_records_total\{reason="tombstone"\} 6$/m);
  assert.match(text, /^kafka2parquet_errors_total\{stage="kafka"\} 3$/m);
  program.signal("SIGTERM");
  assert.equal((await program.exit).code, 0);
});

Deno.test("an address that somebody has chosen and that is taken is exit 78, before any work", async () => {
  await using other = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(),
  );
  await using program = supervised({
    scenario: "work until told",
    flags: { http: `127.0.0.1:${other.addr.port}` },
  });
  assert.equal((await program.exit).code, 78);
  const log = program.stderr.join("\n");
  assert.match(log, /^error: Cannot listen at 127\.0\.0\.1:\d+: the port is taken\nhint: .*or off\.$/m);
  assert.doesNotMatch(log, /Working/);
});
