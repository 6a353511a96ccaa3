import assert from "node:assert/strict";

import { NOTHING } from "../../src/archiver/sums.ts";
import {
  deadLettersLine,
  doneLine,
  heldComesAgain,
  idleLine,
  type Line,
  lossLine,
  lostLine,
  signalledLine,
} from "../../src/archiver/supervisor_lines.ts";

/** As the log shows it. */
function shown({ template, properties }: Line): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, name) => {
    assert.ok(name in properties, `${name} of "${template}"`);
    return String(properties[name]);
  });
}

const ONE = { ...NOTHING, rows: 1, files: 1, bytes: 900, deadLetters: 1, bufferedRows: 1 };
const MANY = {
  ...NOTHING,
  rows: 2_400,
  files: 2,
  bytes: 200_000,
  deadLetters: 3,
  skipped: 4,
  bufferedRows: 17,
};

for (
  const [line, expected] of [
    [signalledLine("SIGINT", undefined), "Stopping; Ctrl-C again to quit at once."],
    [signalledLine("SIGTERM", NOTHING), "Committing, leaving the group; a second signal quits at once."],
    [
      signalledLine("SIGINT", ONE),
      "Saving what is held (1 row), committing, leaving the group; Ctrl-C again to quit at once.",
    ],
    [
      signalledLine("SIGTERM", MANY),
      "Saving what is held (17 rows), committing, leaving the group; a second signal quits at once.",
    ],
    [lostLine(1), "1 row that was held may not be committed: what is not comes again"],
    [lostLine(2), "2 rows that were held may not be committed: what is not comes again"],
    [
      idleLine(1, 3),
      "1 of 3 workers has no partition: the group has more members than partitions to share out. " +
      "--workers 2 would do as much.",
    ],
    [
      idleLine(2, 2),
      "2 of 2 workers have no partition: the group has more members than partitions to share out. " +
      "--workers 1 would do as much.",
    ],
    [
      lossLine({ topic: "t", partition: 3, first: 5, next: 6, seconds: 600, share: 0.1, by: "retention.ms" }),
      "Data loss ahead: Kafka deletes t[3] from offset 5 on in 10 min, by the topic's retention.ms; 1 record up to " +
      "offset 5 is not archived yet. Look above for what holds that up, or raise the setting",
    ],
    [
      lossLine({ topic: "t", partition: 3, first: 5, next: 9, seconds: 0, share: 0, by: "retention.bytes" }),
      "Data loss ahead: Kafka deletes t[3] from offset 5 on at any moment, by the topic's retention.bytes; 4 records " +
      "up to offset 8 are not archived yet. Look above for what holds that up, or raise the setting",
    ],
    [deadLettersLine(1, "dl"), "1 record could not be decoded; it is whole in dl"],
    [deadLettersLine(2, "dl"), "2 records could not be decoded; they are whole in dl"],
    [doneLine(NOTHING, { seconds: 2.04, rebuilds: 0 }), "Done: no rows in 2 s"],
    [
      doneLine(ONE, { seconds: 2, rebuilds: 1 }),
      "Done: 1 row in 1 file, 1 dead letter, 900 B in 2 s; " +
      "1 worker died and was replaced, its last files may not be counted",
    ],
    [
      doneLine(MANY, { seconds: 2, rebuilds: 2 }),
      "Done: 2400 rows in 2 files, 3 dead letters, 4 skipped, 195.3 KiB in 2 s; " +
      "2 workers died and were replaced, their last files may not be counted",
    ],
    [
      doneLine({
        ...MANY,
        deadLetterReasons: { "no-schema": 2, "bad-value": 1 },
        skippedReasons: { tombstone: 4 },
      }, { seconds: 2, rebuilds: 0 }),
      "Done: 2400 rows in 2 files, 3 dead letters, 4 skipped, 195.3 KiB in 2 s; " +
      "dead letters: 2 no-schema, 1 bad-value; skipped: 4 tombstone",
    ],
  ] as const
) {
  Deno.test(`the supervisor says: ${expected}`, () => assert.equal(shown(line), expected));
}

Deno.test("what becomes of what was held is never said to be nothing: the count is a moment old", () => {
  const rest = "may not be committed: what is not comes again at the next start.";
  assert.equal(heldComesAgain(undefined), `What was held ${rest}`);
  assert.equal(heldComesAgain(NOTHING), `What was held ${rest}`);
  assert.equal(heldComesAgain(ONE), `The 1 row that was held ${rest}`);
  assert.equal(heldComesAgain(MANY), `The 17 rows that were held ${rest}`);
});
