import assert from "node:assert/strict";
import { integrationTest } from "../support/integration.ts";
import { isAlive, readArchive, ROOT, runCommand, tempDir, waitFor } from "../support/mod.ts";

const TIMEOUT_MS = 120_000;

integrationTest(
  "deno task dev archives events, shows the first file, and leaves nothing running",
  async () => {
    await using folder = await tempDir();
    const output = `${folder.path}/data`;
    await using dev = runCommand(
      [Deno.execPath(), "task", "dev", "--output", output, "--rate", "200", "--age", "2s", "--for", "15s"],
      { cwd: ROOT, env: { TMPDIR: folder.path } },
    );
    await dev.waitForLine(/The first file is there: .*\.parquet/, { deadlineMs: TIMEOUT_MS });
    const children = descendants(dev.pid);
    assert(children.length >= 3, `Kafka, registry and consumer should run below ${dev.pid}: ${children}`);

    const { code } = await dev.exit;
    assert.equal(code, 0, dev.stderr.join("\n"));
    for (
      const column of [
        /^event_id +utf8/,
        /^customer\.address\.city +utf8 +\S+/,
        /^occurred_at +timestamp\[ms/,
      ]
    ) {
      assert(
        dev.stdout.some((line) => column.test(line)),
        `no line matches ${column}:\n${dev.stdout.join("\n")}`,
      );
    }
    const produced = Number(numberBefore(dev.stderr, /([\d,]+) events? produced/));
    const { rows } = await readArchive(output);
    assert(produced > 0);
    assert.equal(rows.length, produced);
    assert.equal(new Set(rows.map((row) => row["event_id"])).size, produced);
    assert.equal(Number(numberBefore(dev.stderr, /files? with ([\d,]+) rows?/)), produced);
    await waitFor(() => children.every((pid) => !isAlive(pid)), { what: `the end of all of ${children}` });
    const left = Array.from(Deno.readDirSync(folder.path), (entry) => entry.name);
    assert.deepEqual(left.filter((name) => name.startsWith("kafka2parquet-")), [], "servers' data is left");
  },
);

integrationTest(
  "Ctrl-C in deno task dev saves the rest, on servers that are there already",
  async (servers) => {
    await using folder = await tempDir();
    const output = `${folder.path}/data`;
    const topic = `dev-${crypto.randomUUID()}`;
    const flags = ["--topic", topic, "--group", topic, "--output", output, "--age", "2s", "--rate", "100"];
    await using dev = runCommand([Deno.execPath(), "run", "-A", "dev/main.ts", ...servers.flags, ...flags], {
      cwd: ROOT,
    });
    await dev.waitForLine(/The first file is there/, { deadlineMs: TIMEOUT_MS });
    dev.signal("SIGINT");
    const { code } = await dev.exit;
    assert.equal(code, 0, dev.stderr.join("\n"));
    const ends = await servers.admin((admin) => admin.fetchTopicOffsets(topic));
    const end = ends.reduce((sum, { high }) => sum + Number(high), 0);
    assert.equal((await readArchive(output)).rows.length, end);
  },
);

function numberBefore(lines: readonly string[], pattern: RegExp): string {
  for (const line of lines) {
    const match = pattern.exec(line);
    if (match?.[1] !== undefined) return match[1].replaceAll(",", "");
  }
  throw new Error(`No line matches ${pattern}:\n${lines.join("\n")}`);
}

/** All processes below `root`. */
function descendants(root: number): number[] {
  const { stdout } = new Deno.Command("ps", { args: ["-A", "-o", "pid=,ppid="] }).outputSync();
  const pairs = new TextDecoder().decode(stdout).trim().split("\n").map((line) =>
    line.trim().split(/\s+/).map(Number)
  );
  const found = [root];
  for (const parent of found) {
    for (const [pid, ppid] of pairs) if (ppid === parent && pid !== undefined) found.push(pid);
  }
  return found.slice(1);
}
