import assert from "node:assert/strict";

import { Rate, type Status, statusLine } from "../../src/archiver/status_line.ts";
import { runCommand } from "../support/program.ts";
import { Screen } from "../support/screen.ts";
import { tempDir } from "../support/temp.ts";
import type { SupervisedOptions } from "./workers/supervise.ts";

const PROGRESS = {
  rows: 9,
  files: 1_234,
  bytes: 5,
  deadLetters: 0,
  skipped: 0,
  bufferedRows: 17,
  lag: 12_345,
};

const STATUS: Status = {
  progress: PROGRESS,
  rowsPerSecond: 98_765.4,
  checkpointAgeMs: 3_900,
  stopping: false,
  workers: 2,
  working: 2,
};

for (
  const [what, change, expected] of [
    ["at work", {}, "98,765 rows/s | lag 12,345 | 17 held | 1,234 files | last checkpoint 3 s ago"],
    ["before anything is known", { progress: undefined }, "Starting"],
    [
      "before the first file",
      { progress: { ...PROGRESS, files: 0 }, checkpointAgeMs: undefined, rowsPerSecond: 0 },
      "0 rows/s | lag 12,345 | 17 held | 0 files | no checkpoint yet",
    ],
    [
      "with dead letters, at the end",
      { progress: { ...PROGRESS, deadLetters: 2 }, stopping: true, checkpointAgeMs: 600_000 },
      "Saving | 98,765 rows/s | lag 12,345 | 17 held | 1,234 files | 2 dead letters | last checkpoint 10 min ago",
    ],
    [
      "with one of each",
      { progress: { ...PROGRESS, files: 1, deadLetters: 1 } },
      "98,765 rows/s | lag 12,345 | 17 held | 1 file | 1 dead letter | last checkpoint 3 s ago",
    ],
    [
      "before a loss",
      {
        progress: {
          ...PROGRESS,
          loss: {
            topic: "t",
            partition: 3,
            first: 5,
            next: 9,
            seconds: 7_300,
            share: 0.3,
            by: "retention.ms" as const,
          },
        },
      },
      "data loss of t[3] in 2 h | 98,765 rows/s | lag 12,345 | 17 held | 1,234 files | last checkpoint 3 s ago",
    ],
    [
      "with a worker missing",
      { working: 1, checkpointAgeMs: 3 * 3_600_000 },
      "98,765 rows/s | lag 12,345 | 17 held | 1,234 files | last checkpoint 3 h ago | 1 of 2 workers",
    ],
  ] as const
) {
  Deno.test(`the status line ${what}`, () => assert.equal(statusLine({ ...STATUS, ...change }), expected));
}

Deno.test("rows a second are a mean over the last five seconds, and never negative", () => {
  const rate = new Rate();
  assert.equal(rate.next(1_000, 0), 0);
  assert.equal(rate.next(2_000, 500), 2_000);
  assert.equal(rate.next(2_000, 1_000), 1_000);
  let last = 0;
  for (let ms = 1_250; ms <= 20_000; ms += 250) last = rate.next(2_000 + ms, ms);
  assert.equal(Math.round(last), 1_000);
  assert.equal(rate.next(0, 20_250), 0);
});

const SUPERVISE = new URL("./workers/supervise.ts", import.meta.url).pathname;
const COLUMNS = 60;
const LIMIT_MS = 60_000;

/** What the stand-in for the program writes to a terminal; undefined, and said, where there is no way to have one. */
async function onTerminal(
  options: SupervisedOptions,
  env: Record<string, string> = {},
): Promise<string | undefined> {
  const version = await new Deno.Command("script", { args: ["--version"] }).output().catch(() => undefined);
  if (!version || !new TextDecoder().decode(version.stdout).includes("util-linux")) {
    console.error("Skipped: script(1) of util-linux is not there to make a terminal.");
    return undefined;
  }
  await using folder = await tempDir();
  const file = `${folder.path}/screen`;
  const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
  const command = [Deno.execPath(), "run", "-A", SUPERVISE, JSON.stringify(options)].map(quote).join(" ");
  const shell = `stty cols ${COLUMNS}; exec ${command}`;
  // Not in the place of our own shell, which has a child that script would wait for.
  const session = `script -qec ${quote(shell)} ${quote(file)}; exit $?`;
  await using program = runCommand(["sh", "-c", session], {
    env: { TERM: "xterm", ...env },
    limitMs: LIMIT_MS,
  });
  const { code } = await program.exit;
  const text = await Deno.readTextFile(file);
  assert.equal(code, 0, text);
  // The first and the last line are script's own.
  return text.replace(/^Script started.*\n/, "").replace(/\n?Script done[^\n]*\n?$/, "");
}

const SCENARIO: SupervisedOptions = { scenario: "logs while it works", terminal: true };

Deno.test("on a terminal the status line is below an undisturbed log while it works, and gone at the end", async () => {
  const text = await onTerminal(SCENARIO);
  if (text === undefined) return;
  assert.match(text, /\r[1-9][\d,]* rows\/s \| lag 9,99\d \| 17 held \| 2 files \| last che/);
  const screen = new Screen(COLUMNS);
  screen.write(text);
  const { lines } = screen;
  assert.equal(lines.at(-1), "", "the status line is gone");
  const log = lines.join("\n");
  for (let i = 1; i <= 12; i++) assert.match(log, new RegExp(`^[\\d:.]+ info {4}Line ${i} and so on`, "m"));
  assert.match(log, /info {4}Done: 12345 rows/);
  assert.doesNotMatch(log, /rows\/s/, "neither the status line nor lines of progress stay");
});

Deno.test("where the status line is switched off, a terminal gets no control sequences", async () => {
  const text = await onTerminal({ ...SCENARIO, flags: { "status-line": "off" }, progressEveryMs: 300 });
  if (text === undefined) return;
  assert.match(text, /info {4}Line 12 /);
  assert.match(text, /info {4}\d+ rows in 2 files, 17 held, \d+ rows\/s/);
  assert.ok(!text.includes("\x1b[K"), text);
});
